"""Whole recordings, of any length, read once from beginning to end and cut into their sounds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import AudioFileError
from ghostnote.features import audio_file, other_formats
from ghostnote.features.segmentation import SegmentOptions, cut, segments

Float32 = NDArray[np.float32]

CHUNK_S = 240.0
OVERLAP_S = 5.0
"""Recordings are cut chunk by chunk; what begins in the overlap belongs to the next chunk."""
_BLOCK = 1 << 18


@dataclass(frozen=True)
class Cut:
    """One sound of a recording: mono samples (n,) at `rate`, and where in the recording they begin."""

    samples: Float32
    rate: int
    onset_s: float


def sounds(path: str | os.PathLike[str], options: SegmentOptions) -> Iterator[Cut]:
    """The sounds of a recording, in the order in which they begin, faded out where they still ring.

    Its memory does not grow with the recording. Raises AudioFileError as `audio_file.load` does, also after
    some sounds, for what is wrong further on.
    """
    path = Path(path)
    audio_file.check_place(path)
    held: list[Float32] = []
    length, start, rate, loudest = 0, 0, 0, 0.0
    for block, rate in _mono_blocks(path):
        loudest = max(loudest, float(np.abs(block).max(initial=0.0)))
        held.append(block)
        length += len(block)
        if length >= round(CHUNK_S * rate):
            chunk = np.concatenate(held)
            keep = done = length - round(OVERLAP_S * rate)
            for found in segments(chunk, rate, options):
                if found.start < keep:
                    yield Cut(cut(chunk, rate, found, options), rate, (start + found.start) / rate)
                    done = max(done, found.end)
            held, length, start = [chunk[done:]], length - done, start + done
    if not start + length:
        raise AudioFileError(
            f"{path}: has no samples, or is cut off after its header; record or copy it again"
        )
    if loudest < 10.0 ** (audio_file.SILENT_DB / 20.0):
        raise AudioFileError(f"{path}: is silent (below {audio_file.SILENT_DB:.0f} dBFS): nothing is in it")
    chunk = np.concatenate(held)
    for found in segments(chunk, rate, options):
        yield Cut(cut(chunk, rate, found, options), rate, (start + found.start) / rate)


def _mono_blocks(path: Path) -> Iterator[tuple[Float32, int]]:
    """The recording as mono, (n,), and its rate, block by block, checked."""
    for values, rate in _blocks(path):
        if not np.isfinite(values).all():
            raise AudioFileError(
                f"{path}: holds NaN or infinity; export it again from the program that wrote it"
            )
        yield audio_file.mono(values), rate


def _blocks(path: Path) -> Iterator[tuple[Float32, int]]:
    if other_formats.reads(path):
        for values, rate in other_formats.blocks(path):
            audio_file.check_header(path, rate, values.shape[1])
            yield values, rate
        return
    with audio_file.opened(path) as file:
        while len(values := file.read(_BLOCK // file.channels, dtype="float32", always_2d=True)):
            yield values, file.samplerate
