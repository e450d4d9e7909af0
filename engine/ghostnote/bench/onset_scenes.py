"""Recordings made of known sounds at known times, over ambiences: what onset detection is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from numpy.typing import NDArray

from ghostnote.errors import UsageError
from ghostnote.features.onset_truth import audible, begins

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Half = Literal["test", "tune"]

RATE = 44_100
SCENE_S = 20.0
GAPS_S = (0.15, 3.0)
LEVELS_DB = (-30.0, 0.0)
HIT_PEAK = 0.5
"""Peak of a hit at 0 dB."""
BEDS_DB = (None, -60.0, -50.0, -40.0)
"""Levels (RMS, dB below full scale) of what is under the sounds."""
AMBIENCES = ("ambi_lunar_land", "ambi_sauna")

DRUMS = ("kick", "snare", "tom_low", "tom_mid", "tom_high", "rim", "clap", "perc")
HATS = ("hihat_closed",)
CYMBALS = ("hihat_open", "crash", "ride")
PITCHED = ("ganjo", "growlybass", "horsepulse", "meatbass", "war-tuba", "weresax")
OTHER = ("bodypercussion", "cajon")
KINDS = {"drums": (*DRUMS, *OTHER), "closed hats": HATS, "cymbals": CYMBALS, "pitched": PITCHED}
"""Kinds of sounds and their classes or sources; kinds are drawn evenly, and classes within a kind."""

_SEVERAL = ("flam", "fx_", "scrape", "release", "cajon_r")
"""In the names of sounds that begin more than once (flams, rolls), or not at all."""
_OPENING_S = 0.3
"""The ambiences begin with an attack of their own, which is left out."""


@dataclass(frozen=True)
class Placed:
    """A sound in a scene: samples at which its file starts and it is heard to begin; is it audible?"""

    start: int
    begins: int
    kind: str
    name: str
    length: int
    audible: bool


@dataclass(frozen=True)
class Scene:
    """A recording and what is in it; `bed` names what lies under the sounds and how loud."""

    name: str
    bed: str
    samples: Float32
    placed: tuple[Placed, ...]


def sounds(folder: Path, half: Half) -> dict[str, dict[str, list[Path]]]:
    """Sound files by kind and class: every second of a class for measuring, the others for tuning.

    Raises UsageError when a kind has none.
    """
    found: dict[str, dict[str, list[Path]]] = {}
    for kind, names in KINDS.items():
        for name in names:
            paths = sorted((folder / "drums" / name).glob("*.flac")) + sorted(
                (folder / "general" / name).glob("*.flac")
            )
            paths = [p for p in paths if not any(word in p.stem.lower() for word in _SEVERAL)]
            paths = paths[half == "tune" :: 2]
            if paths:
                found.setdefault(kind, {})[name] = paths
        if kind not in found:
            raise UsageError(f"{folder} holds no sounds of the kind {kind}: name a folder with sound data")
    return found


def scenes(folder: Path, count: int = 16, seed: int = 1, half: Half = "test") -> list[Scene]:
    """`count` seeded scenes of 20 s; beds and their levels take turns, one in four is dry."""
    rng = np.random.default_rng(seed)
    stock = sounds(folder, half)
    beds = ambiences(folder)
    names = (*beds, "pink noise")
    made = []
    for k in range(count):
        level = BEDS_DB[k % len(BEDS_DB)]
        length = round(SCENE_S * RATE)
        name = names[(k // len(BEDS_DB)) % len(names)]
        if level is None:
            bed, under = np.zeros(length, dtype=np.float32), "dry"
        else:
            source = pink(length, rng) if name == "pink noise" else stretch(beds[name], length, rng)
            bed = source * np.float32(
                10.0 ** (level / 20.0) / np.sqrt(np.square(source, dtype=np.float64).mean())
            )
            under = f"{name} {level:g} dB"
        made.append(_scene(f"scene {k}", under, bed, stock, rng))
    return made


def ambiences(folder: Path) -> dict[str, Float32]:
    """The ambiences among the long recordings, mono, after their own beginning."""
    found = {}
    for name in AMBIENCES:
        path = folder / "long" / f"{name}.flac"
        if path.exists():
            found[name] = read(path)[round(_OPENING_S * RATE) :]
    return found


def read(path: Path) -> Float32:
    """A sound file at 44.1 kHz, mono, shape (n,)."""
    values, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    if rate != RATE:
        raise UsageError(f"{path}: {rate} Hz; the sound data of the benchmark is at {RATE} Hz")
    return np.asarray(values.mean(axis=1), dtype=np.float32)


def pink(length: int, rng: np.random.Generator) -> Float32:
    """Pink noise of about unit level."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    hz = np.fft.rfftfreq(length, 1.0 / RATE)
    spectrum *= 1.0 / np.sqrt(np.maximum(hz, 20.0))
    noise = np.fft.irfft(spectrum, length)
    return np.asarray(noise / noise.std(), dtype=np.float32)


def stretch(source: Float32, length: int, rng: np.random.Generator, fade_s: float = 1.0) -> Float32:
    """`length` samples of an ambience: pieces of 3 s from random places, crossfaded by power."""
    fade = round(fade_s * RATE)
    piece = min(3 * RATE, len(source))
    ramp = np.sin(np.linspace(0.0, np.pi / 2.0, fade))
    out = np.zeros(length + piece)
    at = 0
    while at < length:
        start = int(rng.integers(0, len(source) - piece + 1))
        part = source[start : start + piece].astype(np.float64)
        if at:
            part[:fade] *= ramp
        part[-fade:] *= ramp[::-1]
        out[at : at + piece] += part
        at += piece - fade
    return out[:length].astype(np.float32)


def _scene(
    name: str,
    under: str,
    bed: Float32,
    stock: dict[str, dict[str, list[Path]]],
    rng: np.random.Generator,
) -> Scene:
    parts: list[tuple[int, Float32, str, Path]] = []
    at = 0.5
    while at < SCENE_S - 0.5:
        kind = list(stock)[int(rng.integers(len(stock)))]
        group = list(stock[kind].values())[int(rng.integers(len(stock[kind])))]
        path = group[int(rng.integers(len(group)))]
        level = rng.uniform(*LEVELS_DB)
        sound = read(path)
        gain = HIT_PEAK * 10.0 ** (level / 20.0) / float(np.abs(sound).max())
        parts.append((round(at * RATE), sound * np.float32(gain), kind, path))
        at += float(np.exp(rng.uniform(*np.log(GAPS_S))))
    total = bed.astype(np.float64)
    for start, sound, _, _ in parts:
        stop = min(len(total), start + len(sound))
        total[start:stop] += sound[: stop - start]
    placed = tuple(
        Placed(
            start,
            start + begins(sound, RATE),
            kind,
            path.stem,
            len(sound),
            audible(total, start, sound, RATE),
        )
        for start, sound, kind, path in parts
    )
    return Scene(name, under, total.astype(np.float32), placed)


def total_s(made: Sequence[Scene]) -> float:
    """Length of scenes together."""
    return sum(len(scene.samples) for scene in made) / RATE
