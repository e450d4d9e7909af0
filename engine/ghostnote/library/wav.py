"""One sound of a library as a WAV file in memory, for a browser."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ghostnote.errors import AudioFileError
from ghostnote.features import audio_file, other_formats
from ghostnote.library import addresses

Float32 = NDArray[np.float32]

LONGEST_S = 10.0
BEFORE_S, AFTER_S = 0.002, 0.03
"""So much before its onset and after its end is heard too, faded."""
RATES = (8000, 96000)
"""What every browser plays; other rates become `USUAL`."""
USUAL = 48000


def wav(path: str | os.PathLike[str], onset_s: float, length_s: float) -> bytes:
    """A part of a sound file, at a path or an address, as 16-bit WAV: at most two channels and ten seconds.

    Raises AudioFileError, and LibraryError for an address that cannot be reached.
    """
    name = os.fspath(path)
    if addresses.is_address(name):
        with addresses.copy_of(name) as copy:
            return wav(copy, onset_s, length_s)
    start_s = max(onset_s - BEFORE_S, 0.0)
    values, rate = _read(Path(path), start_s, min(length_s + BEFORE_S + AFTER_S, LONGEST_S))
    if not len(values):
        raise AudioFileError(f"{path}: ends before {onset_s:g} s; index the library again")
    if values.shape[1] > 2:
        values = audio_file.mono(values)[:, np.newaxis]
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    if not RATES[0] <= rate <= RATES[1]:
        values, rate = soxr.resample(values, rate, USUAL, quality="HQ"), USUAL
    fade = min(len(values), round(AFTER_S * rate))
    values[len(values) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)[:, np.newaxis]
    out = io.BytesIO()
    soundfile.write(out, values.clip(-1.0, 1.0), rate, format="WAV", subtype="PCM_16")
    return out.getvalue()


def _read(path: Path, start_s: float, length_s: float) -> tuple[Float32, int]:
    audio_file.check_place(path)
    if other_formats.reads(path):
        values, rate, _ = other_formats.read(path, length_s, start_s)
        audio_file.check_header(path, rate, values.shape[1])
        return values[: round(length_s * rate)], rate
    with audio_file.opened(path) as file:
        file.seek(round(min(start_s * file.samplerate, file.frames)))
        found: Float32 = file.read(round(length_s * file.samplerate), dtype="float32", always_2d=True)
        return found, file.samplerate
