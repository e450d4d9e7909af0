"""Looks at one sound file: whether it can be learnt from, what it holds, and where long recordings
are cut.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from ghostnote.errors import GhostnoteError
from ghostnote.features.segmentation import SegmentOptions, segments
from ghostnote_training import audio, cache

VERSION = 2
"""Raise it when what is found in a file changes."""

SILENT_DB = -80.0
"""A file whose peak (1 = full scale, a steady offset taken away) is below this is silent."""
FEWEST = 32
"""A sound has at least so many samples."""
SOUNDING_DB = -60.0
"""A file sounds from the onset until it stays this far below its peak."""
RATES_HZ = (1_000, 384_000)
LARGEST_CHANNELS = 32
QUIET_DB = -45.0
"""What a recording holds this far below its peak is no sound of it, but a chair, a breath, a rattle."""
SEVERAL, CLEAR_DB, CLEAR_SENSITIVITY = 3, -20.0, 0.3
"""A shorter file is cut if at least so many sounds of it, found at no more than this sensitivity, are within
so many dB of its peak: one-shots ring, rattle and bounce.
"""
SHORT_S = 0.5
"""A file that sounds no longer is one sound."""
CHUNK_S = 300.0
OVERLAP_S = 5.0
"""Recordings are cut chunk by chunk; what begins in the overlap belongs to the next chunk."""
LARGEST_CUTS = 5000

_BLOCK = 256
_BLOCKS = 1024

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """What is in a file.

    `trouble`: why it cannot be used ("" where it can): "broken", "empty", "short", "silent" or "not finite",
    and `detail` in words. `content`: hash of the file, `samples`: of what it sounds like, as any lossless
    format keeps it. `first`, `last`: frames between which it sounds. `cuts`: the sounds of a recording, first
    frame and end; none where the file is one sound.
    """

    content: str = ""
    trouble: str = ""
    detail: str = ""
    samples: str = ""
    kind: str = ""
    rate: int = 0
    channels: int = 0
    frames: int = 0
    first: int = 0
    last: int = 0
    cuts: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Glance:
    """A file to look at, and how to cut it (None: not at all)."""

    path: Path
    cuts: SegmentOptions | None
    longest_s: float


def look(job: Glance) -> Look:
    """Look at a file. Trouble of any kind is in what is returned."""
    try:
        content = cache.content(job.path)
    except OSError as error:
        return Look(trouble="broken", detail=str(error.strerror or error))
    try:
        if not job.path.stat().st_size:
            return Look(content, "empty", "0 bytes")
        with soundfile.SoundFile(audio.place(job.path)) as file:
            return _inside(file, content, job)
    except (soundfile.SoundFileError, OSError, RuntimeError, ValueError, TypeError, MemoryError) as error:
        return Look(content, "broken", _clean(error))


def _inside(file: soundfile.SoundFile, content: str, job: Glance) -> Look:
    rate, channels = file.samplerate, file.channels
    if not RATES_HZ[0] <= rate <= RATES_HZ[1] or not 1 <= channels <= LARGEST_CHANNELS:
        return Look(content, "broken", f"its header says {rate} Hz and {channels} channels")
    one, all_, same = hashlib.sha256(), hashlib.sha256(), True
    lows: list[NDArray[np.float32]] = []
    highs: list[NDArray[np.float32]] = []
    frames, total = 0, np.zeros(channels)
    for block in _blocks(file):
        if not np.isfinite(block).all():
            return Look(content, "not finite", f"NaN or infinity after {frames / rate:.2f} s")
        frames += len(block)
        total += block.sum(axis=0, dtype=np.float64)
        first = np.ascontiguousarray(block[:, 0])
        one.update(first.tobytes())
        same = same and bool((block == first[:, None]).all())
        if channels > 1:
            all_.update(block.tobytes())
        starts = np.arange(0, len(block), _BLOCK)
        lows.append(np.minimum.reduceat(block, starts, axis=0))
        highs.append(np.maximum.reduceat(block, starts, axis=0))
    if frames == 0:
        return Look(content, "empty", "no samples")
    if frames < FEWEST:
        return Look(content, "short", f"{frames} sample{'s' if frames > 1 else ''}")
    mean = total / frames
    level = np.maximum(np.concatenate(highs) - mean, mean - np.concatenate(lows)).max(axis=1)
    peak = float(level.max())
    if peak < 10.0 ** (SILENT_DB / 20.0):
        return Look(content, "silent", f"peak below {SILENT_DB:.0f} dBFS")
    loud = np.flatnonzero(level >= peak * 10.0 ** (audio.ONSET_DB / 20.0))
    rings = np.flatnonzero(level >= peak * 10.0 ** (SOUNDING_DB / 20.0))
    first_frame, last_frame = int(loud[0]) * _BLOCK, min((int(rings[-1]) + 1) * _BLOCK, frames)
    mixed = f"{(one if same else all_).hexdigest()[:32]}/{rate}/{1 if same else channels}"
    cuts = _cuts(file, job, (last_frame - first_frame) / rate, peak)
    return Look(
        content, "", "", mixed, file.format, rate, channels, frames, first_frame, last_frame, tuple(cuts)
    )


def _blocks(file: soundfile.SoundFile) -> Iterator[Float32]:
    """The samples, (n, channels), n a multiple of `_BLOCK` but for the last."""
    while True:
        block: Float32 = file.read(_BLOCK * _BLOCKS, dtype="float32", always_2d=True)
        if not len(block):
            return
        yield block


def _cuts(file: soundfile.SoundFile, job: Glance, sounding_s: float, peak: float) -> list[tuple[int, int]]:
    """Sounds of a recording: one that is longer than a sound, or clearly holds several."""
    if job.cuts is None or sounding_s <= SHORT_S:
        return []
    long = sounding_s > job.longest_s
    options = job.cuts
    if not long:
        options = replace(options, sensitivity=min(options.sensitivity, CLEAR_SENSITIVITY))
    try:
        heard = [one for one in _segments(file, options) if one[2] >= peak * 10.0 ** (QUIET_DB / 20.0)]
    except (soundfile.SoundFileError, RuntimeError, GhostnoteError):
        return []  # a format that cannot be searched in, or a rate that cannot be cut: taken as one sound
    clear = sum(level >= peak * 10.0 ** (CLEAR_DB / 20.0) for _, _, level in heard)
    enough = len(heard) > 1 if long else clear >= SEVERAL
    return [(start, end) for start, end, _ in heard[:LARGEST_CUTS]] if enough else []


def _segments(file: soundfile.SoundFile, options: SegmentOptions) -> Iterator[tuple[int, int, float]]:
    """(first frame, end, peak) of the sounds in a file, chunk by chunk."""
    rate, at = file.samplerate, 0
    while at < file.frames:
        file.seek(at)
        chunk = audio.mono(file.read(round(CHUNK_S * rate), dtype="float32", always_2d=True))
        last = at + len(chunk) >= file.frames or not len(chunk)
        keep = len(chunk) if last else len(chunk) - round(OVERLAP_S * rate)
        here = [s for s in segments(chunk, rate, options) if s.start < keep]
        for s in here:
            yield at + s.start, at + s.end, float(np.abs(chunk[s.start : s.end]).max(initial=0.0))
        if last:
            return
        at += max([keep, *(s.end for s in here)])


def _clean(error: Exception) -> str:
    text = " ".join(str(error).split())
    # libsndfile repeats the path, which the report already has.
    return (text.rpartition("': ")[2] or type(error).__name__).rstrip(".")[:200]
