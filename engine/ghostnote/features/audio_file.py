"""Sound files in, as a model takes them: any rate, any channel count, bounded reads."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ghostnote.errors import AudioFileError
from ghostnote.features import other_formats
from ghostnote.features.segmentation import RING_DB
from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]

SEARCH_S = 10.0
"""How far into a file the onset is looked for."""
ONSET_DB = -50.0
"""The onset is the first sample within this many dB of the peak."""
SILENT_DB = -80.0
"""A file whose peak (1 = full scale) is below this is silent."""
FADE_S = 0.005
MAX_RATE_HZ = 384_000
MIN_RATE_HZ = 1_000
MAX_CHANNELS = 32
MAX_VALUES = 32_000_000
"""Values (frames times channels) read at most: 128 MB, 2.6 s at the highest rate and channel count."""
CANCEL_POWER = 0.1
"""Channels cancel when their mean has less than this share of the power of unrelated channels."""

# `Path` takes one of two slashes away.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/[^/]")


@dataclass(frozen=True)
class Excerpt:
    """The part of a file that a model hears.

    `samples`: shape (spec.samples,), as `load` gives them; `onset_s`: where in the file it starts; `rings_s`:
    how long it sounds from there, until it stays 60 dB below its peak (what was read of a long file counts).
    """

    samples: Float32
    onset_s: float
    rings_s: float


@dataclass(frozen=True)
class _Sound:
    samples: Float32
    rate: int
    more: bool
    """Whether the file goes on after `samples`."""


def load(
    path: str | os.PathLike[str], spec: FeatureSpec, *, trim: bool = True, offset_s: float = 0.0
) -> Float32:
    """The sound in a file as a model takes it, shape (spec.samples,), at `spec.sample_rate`.

    Reads wav, aiff, flac, ogg, mp3 and what else libsndfile knows; with the extra `formats` also m4a and
    others (`other_formats`). Channels are averaged (where they cancel each other, the loudest is taken), the
    level is kept (float files may exceed 1). With `trim` the sound starts at its onset, the first sample
    within 50 dB of the peak of the first 10 s. Longer sounds are cut with a 5 ms fade, shorter ones followed
    by zeros. One sample is a sound if it is not silent. `offset_s` skips that many seconds of the file first.

    Raises AudioFileError when the file is missing, not readable, empty, silent, not a sound, or holds NaN or
    infinity. Reads no more than the start of the file that it needs.
    """
    return excerpt(path, spec, trim=trim, offset_s=offset_s).samples


def excerpt(
    path: str | os.PathLike[str], spec: FeatureSpec, *, trim: bool = True, offset_s: float = 0.0
) -> Excerpt:
    """As `load`, with where in the file the sound is. Raises AudioFileError."""
    sound = _read(Path(path), spec.duration_s, offset_s)
    start = onset(sound.samples[: int(SEARCH_S * sound.rate)]) if trim else 0
    rings = ringing(sound.samples[start:]) / sound.rate
    samples = fit(sound.samples[start:], sound.rate, spec, more=sound.more)
    return Excerpt(samples, offset_s + start / sound.rate, rings)


def sound_at(path: str | os.PathLike[str], spec: FeatureSpec, onset_s: float, length_s: float) -> Float32:
    """The sound that begins at `onset_s` of a recording and lasts `length_s`, as `fit` gives it.

    Nothing of what follows it is in it. Raises AudioFileError.
    """
    found = _read(Path(path), spec.duration_s, onset_s)
    length = max(1, round(length_s * found.rate))
    return fit(found.samples[:length], found.rate, spec, more=len(found.samples) > length)


def fit(piece: Float32, rate: int, spec: FeatureSpec, *, more: bool = False) -> Float32:
    """A mono sound (n,) at any rate as a model takes it, shape (spec.samples,), faded out where it is cut.

    `more`: it goes on after `piece`.
    """
    needed = int(np.ceil(spec.duration_s * rate)) + 1
    more = more or len(piece) > needed
    piece = piece[:needed]
    samples = _resample(piece, rate, spec)
    out = np.zeros(spec.samples, dtype=np.float32)
    out[: len(samples)] = samples[: len(out)]
    if more:
        end = min(spec.samples, round(len(piece) * spec.sample_rate / rate))
        fade = min(end, round(FADE_S * spec.sample_rate))
        out[end - fade : end] *= np.cos(np.linspace(0.0, np.pi / 2, fade, dtype=np.float32)) ** 2
        out[end:] = 0.0
    return out


def onset(samples: Float32) -> int:
    """First sample of a mono sound (n,) that is within 50 dB of its peak."""
    level = np.abs(samples)
    return int(np.argmax(level >= level.max() * 10.0 ** (ONSET_DB / 20.0)))


def ringing(samples: Float32) -> int:
    """Samples of a mono sound (n,) until it stays 60 dB below its peak."""
    level = np.abs(samples)
    loud = np.flatnonzero(level > level.max(initial=0.0) * 10.0 ** (RING_DB / 20.0))
    return int(loud[-1]) + 1 if len(loud) else 0


def place(path: Path) -> str | bytes:
    """A path as libsndfile takes it, for names in any script and in none."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def _read(path: Path, duration_s: float, offset_s: float) -> _Sound:
    """The checked mono samples of a file from `offset_s` on, at the file's rate."""
    check_place(path)
    if other_formats.reads(path):
        values, rate, more = other_formats.read(path, SEARCH_S + duration_s, offset_s)
        check_header(path, rate, values.shape[1])
    else:
        values, rate, more = _read_values(path, duration_s, offset_s)
    if len(values) == 0 and offset_s > 0.0:
        raise AudioFileError(f"{path}: ends before {offset_s:g} s; start earlier in it")
    if len(values) == 0:
        raise AudioFileError(
            f"{path}: has no samples, or is cut off after its header; record or copy it again"
        )
    if not np.isfinite(values).all():
        raise AudioFileError(f"{path}: holds NaN or infinity; export it again from the program that wrote it")
    samples = mono(values)
    head = samples[: int(SEARCH_S * rate)]
    if np.abs(head).max() < 10.0 ** (SILENT_DB / 20.0):
        where = "is silent" if len(head) == len(samples) else f"its first {SEARCH_S:.0f} s are silent"
        raise AudioFileError(f"{path}: {where} (below {SILENT_DB:.0f} dBFS): nothing to learn from it")
    return _Sound(samples, rate, more)


def _read_values(path: Path, duration_s: float, offset_s: float) -> tuple[Float32, int, bool]:
    with opened(path) as file:
        rate, channels = file.samplerate, file.channels
        if offset_s > 0.0:
            file.seek(round(min(offset_s * rate, file.frames)))
        limit = min(int((SEARCH_S + duration_s) * rate) + 1, MAX_VALUES // channels)
        values: Float32 = file.read(limit, dtype="float32", always_2d=True)
        return values, rate, len(values) == limit and bool(len(file.read(1)))


@contextmanager
def opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """A sound file with a header that can be believed; what goes wrong inside becomes AudioFileError."""
    try:
        with soundfile.SoundFile(place(path)) as file:
            check_header(path, file.samplerate, file.channels)
            yield file
    except soundfile.SoundFileError as error:
        hint = other_formats.hint(path)
        raise AudioFileError(
            f"{path}: not a sound file that can be read ({_clean(error)}); {hint}wav, aiff, flac, mp3 and "
            "ogg can"
        ) from None
    except (OSError, RuntimeError, ValueError, TypeError, MemoryError) as error:
        raise AudioFileError(f"{path}: cannot be read ({_clean(error)})") from None


def check_place(path: Path) -> None:
    """Raise AudioFileError unless there is a file that is not empty."""
    if _ADDRESS.match(str(path)):
        raise AudioFileError(f"{path}: is an address; copy the sound to this machine, and give that file")
    try:
        if path.is_dir():
            raise AudioFileError(f"{path}: is a folder; give a sound file")
        if not path.exists():
            raise AudioFileError(f"{path}: there is no such file; check the name and the folder")
        if not path.is_file():
            raise AudioFileError(f"{path}: is a device or pipe; give a sound file")
        with open(path, "rb") as file:
            if not file.read(1):
                raise AudioFileError(f"{path}: is empty (0 bytes); record or copy it again")
    except PermissionError:
        raise AudioFileError(f"{path}: no permission to read it; change its permissions") from None
    except (OSError, ValueError) as error:
        raise AudioFileError(f"{path}: cannot be read ({_clean(error)})") from None


def check_header(path: Path, rate: int, channels: int) -> None:
    """Raise AudioFileError for a rate or a number of channels that no sound has."""
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        _absurd(path, f"{rate} Hz", f"{MIN_RATE_HZ} to {MAX_RATE_HZ} Hz")
    if not 1 <= channels <= MAX_CHANNELS:
        _absurd(path, f"{channels} channels", f"1 to {MAX_CHANNELS} channels")


def _absurd(path: Path, found: str, accepted: str) -> NoReturn:
    raise AudioFileError(
        f"{path}: its header states {found}; {accepted} can be read. The file may be damaged"
    )


def mono(values: Float32) -> Float32:
    """Mean of the channels (n, channels) → (n,); the loudest channel where the mean cancels."""
    count = values.shape[1]
    if count == 1:
        return np.ascontiguousarray(values[:, 0])
    mean: Float32 = values.mean(axis=1, dtype=np.float32)
    powers = np.einsum("nc,nc->c", values, values, dtype=np.float64)
    if float(np.dot(mean, mean)) < CANCEL_POWER * powers.sum() / count**2:
        return np.ascontiguousarray(values[:, int(powers.argmax())])
    return mean


def _resample(piece: Float32, rate: int, spec: FeatureSpec) -> Float32:
    if rate == spec.sample_rate:
        return piece
    # Zeros after the end let the resampling filter ring out, and keep a single sample from vanishing.
    tail = np.zeros(rate // 100, dtype=np.float32)
    resampled: Float32 = soxr.resample(np.concatenate([piece, tail]), rate, spec.sample_rate, quality="HQ")
    return resampled


def _clean(error: Exception) -> str:
    text = " ".join(str(error).split())
    # libsndfile repeats the path, which the message already has.
    text = text.partition(": ")[2] if text.startswith("Error opening") else text
    return (text or type(error).__name__).rstrip(".")[:200]
