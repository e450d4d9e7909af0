"""Scenes whose onsets are known, made of the corpus, and what the live detector sees of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from ghostnote.errors import UsageError
from ghostnote.features.onset_bands import Bands
from ghostnote.features.onset_evidence import FEATURES, HOP_S, WINDOW_S, Evidence
from ghostnote.features.onset_truth import audible, begins
from ghostnote_training.onsets import beds

Float16 = NDArray[np.float16]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

RATE = 44_100
SCENE_S = 20.0
KINDS = (
    ("kick", "snare", "tom_low", "tom_mid", "tom_high", "rim", "clap", "perc", "bodypercussion", "cajon"),
    ("hihat_closed",),
    ("hihat_open", "crash", "ride"),
    ("ganjo", "growlybass", "horsepulse", "meatbass", "war-tuba", "weresax"),
)
"""Classes and sources of sounds; each row is drawn as often, and so is each of a row."""
SEVERAL = ("flam", "fx_", "scrape", "release", "cajon_r")
"""In the names of sounds that begin more than once, or not at all."""
AMBIENCES = ("ambi_lunar_land", "ambi_sauna")
OTHERS = ("ambi_drone", "ambi_glass_hum", "ambi_haunted_hum", "ambi_dark_woosh", "vinyl_hiss")
"""Steady ones among the general sounds."""

_OPENING_S = 0.3
_FIT_SHARE = 0.5
"""So much of each ambience, from its beginning, is learned from; the rest is kept for measuring."""
_GAPS_S = (0.1, 2.5)
_LEVELS_DB = (-34.0, 0.0)
_SPEEDS = (0.8, 1.25)
_PEAK = 0.5
_BEDS_DB = (-65.0, -32.0)
_ALONE_DB = (-60.0, -12.0)
_SILENCE_DB = -80.0
_SILENCES_DB = (-110.0, -78.0)
"""Levels in a band that are silence: that of the default threshold, in every other scene that of others."""
_BEFORE_S, _SOON_S, _UNTIL_S, _AFTER_S = 0.010, 0.016, 0.060, 0.100


@dataclass(frozen=True)
class Seen:
    """A scene as it is learned from, of k frames.

    `evidence`: (k, bands, FEATURES). `onsets`: (n, 3), the frames in which each audible sound may be
    told: the first, the last that is soon, the last. `silent`: (k,), whether an onset told then is false.
    """

    evidence: Float16
    onsets: Int64
    silent: NDArray[np.bool_]


class Stock:
    """Sounds and ambiences to learn from: every second file of a class, the first half of an ambience.

    Raises UsageError when a kind of sounds has none.
    """

    def __init__(self, folder: Path, without: tuple[str, ...] = ()) -> None:
        self._known: dict[Path, Float32] = {}
        self.kinds: list[list[list[Path]]] = []
        for names in KINDS:
            groups = [paths for name in names if (paths := _files(folder, name, without))]
            if not groups:
                raise UsageError(
                    f"{folder} holds no sounds of {', '.join(names)}: name a folder with sound data"
                )
            self.kinds.append(groups)
        self.ambiences: list[Float32] = []
        for name in AMBIENCES:
            path = folder / "long" / f"{name}.flac"
            if path.exists() and not _left_out(path, without):
                whole = self.read(path)
                self.ambiences.append(whole[round(_OPENING_S * RATE) : round(_FIT_SHARE * len(whole))])
        for name in OTHERS:
            path = folder / "general" / "sonicpi" / f"{name}.flac"
            if path.exists() and not _left_out(path, without):
                self.ambiences.append(self.read(path)[round(_OPENING_S * RATE) :])

    def read(self, path: Path) -> Float32:
        """A sound file, mono, shape (n,). Raises UsageError for another rate."""
        if path not in self._known:
            values, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
            if rate != RATE:
                raise UsageError(f"{path}: {rate} Hz; onsets are learned from sounds at {RATE} Hz")
            self._known[path] = np.asarray(values.mean(axis=1), dtype=np.float32)
        return self._known[path]

    def sound(self, rng: np.random.Generator) -> Float32:
        """One sound, a little faster or slower, peak below one."""
        kind = self.kinds[int(rng.integers(len(self.kinds)))]
        paths = kind[int(rng.integers(len(kind)))]
        own = self.read(paths[int(rng.integers(len(paths)))])
        speed = np.exp(rng.uniform(*np.log(_SPEEDS)))
        at = np.arange(int((len(own) - 1) / speed)) * speed
        sound = np.interp(at, np.arange(len(own)), own)
        gain = _PEAK * 10.0 ** (rng.uniform(*_LEVELS_DB) / 20.0) / float(np.abs(own).max())
        return np.asarray(gain * sound, dtype=np.float32)

    def bed(self, rng: np.random.Generator, length: int, level_db: float) -> Float64:
        """An ambience or a made one, every other time with another that comes and goes over it, at a level
        (RMS, dB below full scale)."""
        bed = self._one(rng, length)
        if rng.random() < 0.5:
            bed += beds.fades(length, RATE, rng) * self._one(rng, length)
        return np.asarray(bed * (10.0 ** (level_db / 20.0) / max(float(np.sqrt(np.mean(bed**2))), 1e-9)))

    def _one(self, rng: np.random.Generator, length: int) -> Float64:
        """An ambience or a made one, RMS 1."""
        if self.ambiences and rng.random() < 0.5:
            source = self.ambiences[int(rng.integers(len(self.ambiences)))]
            bed = beds.pieces(source, length, RATE, rng)
        else:
            bed = list(beds.MADE.values())[int(rng.integers(len(beds.MADE)))](length, RATE, rng)
        return np.asarray(bed / max(float(np.sqrt(np.mean(bed**2))), 1e-9))


def scene(stock: Stock, seed: int, seconds: float = SCENE_S) -> Seen:
    """The scene of a seed: one in four without sounds, one in four of the others without anything below."""
    rng = np.random.default_rng(seed)
    length = round(seconds * RATE)
    silence_db = _SILENCE_DB if rng.random() < 0.5 else rng.uniform(*_SILENCES_DB)
    if seed % 4 == 0:
        return see(stock.bed(rng, length, rng.uniform(*_ALONE_DB)), [], silence_db)
    total = np.zeros(length)
    if rng.random() > 0.25:
        total += stock.bed(rng, length, rng.uniform(*_BEDS_DB))
    placed: list[tuple[int, Float32]] = []
    at = 0.5
    while at < seconds - 0.5:
        sound = stock.sound(rng)
        start = round(at * RATE)
        stop = min(length, start + len(sound))
        total[start:stop] += sound[: stop - start]
        placed.append((start, sound))
        at += float(np.exp(rng.uniform(*np.log(_GAPS_S))))
    return see(total, placed, silence_db)


def see(total: Float64, placed: list[tuple[int, Float32]], silence_db: float = _SILENCE_DB) -> Seen:
    """What the detector sees of samples (n,) in which sounds lie at known samples."""
    bands = Bands(RATE, window_s=WINDOW_S, hop_s=HOP_S)
    judged = Evidence(bands, 10.0 ** (silence_db / 10.0))
    signal = np.concatenate([np.zeros(bands.n_fft - bands.hop), total]).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(signal, bands.n_fft)[:: bands.hop]
    powers = bands.powers(np.asarray(frames))
    evidence = np.empty((len(powers), bands.count, FEATURES), dtype=np.float16)
    for k, power in enumerate(powers):
        evidence[k] = judged.step(power)
    silent = np.ones(len(powers), dtype=bool)
    silent[: round(RATE / bands.hop)] = False
    onsets = []
    for start, sound in placed:
        first = start + begins(sound, RATE)
        edges = np.array([first - _BEFORE_S * RATE, first + _SOON_S * RATE, first + _UNTIL_S * RATE])
        told = (edges // bands.hop - 1).astype(np.int64)
        if audible(total, start, sound, RATE):
            onsets.append(told)
        silent[
            max(0, int(start - _BEFORE_S * RATE) // bands.hop) : int(first + _AFTER_S * RATE) // bands.hop
        ] = False
    return Seen(evidence, np.array(onsets, dtype=np.int64).reshape(-1, 3), silent)


def _files(folder: Path, name: str, without: tuple[str, ...]) -> list[Path]:
    paths = [p for where in ("drums", "general") for p in sorted((folder / where / name).glob("*.flac"))]
    paths = [p for p in paths if not any(word in p.stem.lower() for word in SEVERAL)][1::2]
    return [p for p in paths if not _left_out(p, without)]


def _left_out(path: Path, without: tuple[str, ...]) -> bool:
    return any(word in "/".join(path.parts[-3:]) for word in without)
