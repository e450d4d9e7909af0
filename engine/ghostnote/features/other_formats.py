"""Sound files that libsndfile does not read (m4a, wma, …), through PyAV, which is optional."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import AudioFileError

Float32 = NDArray[np.float32]

SUFFIXES = frozenset({".m4a", ".mp4", ".aac", ".alac", ".wma", ".wv", ".ape", ".mka", ".webm"})
LARGEST_VALUES = 32_000_000
"""Values (frames times channels) that `read` gives at most."""


def available() -> bool:
    """Whether PyAV is installed (the extra `formats`)."""
    return util.find_spec("av") is not None


def reads(path: Path) -> bool:
    """Whether a file is one for PyAV, by its suffix, and PyAV is installed."""
    return path.suffix.lower() in SUFFIXES and available()


def hint(path: Path) -> str:
    """What to install for a file that libsndfile does not read, with `; `; nothing for other files."""
    if path.suffix.lower() not in SUFFIXES or available():
        return ""
    return f"{path.suffix} needs the extra formats (pip install 'ghostnote[formats]'); "


def read(path: Path, seconds: float, offset_s: float = 0.0) -> tuple[Float32, int, bool]:
    """Samples (n, channels), rate, and whether the file goes on; `seconds` from `offset_s` on.

    Raises AudioFileError when PyAV cannot read the file.
    """
    pieces: list[Float32] = []
    rate, at, kept = 0, 0, 0
    for piece, rate in blocks(path):
        first, last = round(offset_s * rate), round((offset_s + seconds) * rate)
        wanted = piece[max(0, first - at) : max(0, last - at)]
        at += len(piece)
        if pieces and wanted.shape[1] != pieces[0].shape[1]:
            raise AudioFileError(f"{path}: its channels change on the way; export it again")
        pieces.append(wanted)
        kept += wanted.size
        if at > last or kept >= LARGEST_VALUES:
            return np.concatenate(pieces), rate, True
    if not pieces:
        raise AudioFileError(f"{path}: has no samples, or is cut off after its header")
    return np.concatenate(pieces), rate, False


def blocks(path: Path) -> Iterator[tuple[Float32, int]]:
    """The samples of a file, piece by piece, each (n, channels), and their rate. Raises AudioFileError."""
    import av

    try:
        with open(path, "rb") as file, av.open(file, "r", metadata_errors="replace") as container:
            if not container.streams.audio:
                raise AudioFileError(f"{path}: there is no sound in it")
            stream = container.streams.audio[0]
            for frame in container.decode(stream):
                yield _values(frame), int(frame.sample_rate)
    except (av.error.FFmpegError, ValueError, OSError, MemoryError) as error:
        said = " ".join(str(getattr(error, "strerror", None) or error).split())[:200]
        raise AudioFileError(f"{path}: not a sound file that can be read ({said})") from None


def _values(frame: Any) -> Float32:
    """A decoded frame, planar or interleaved, whole numbers or not, as (n, channels) within ±1."""
    values = frame.to_ndarray()
    if frame.format.is_planar:
        values = values.T
    else:
        values = values.reshape(-1, len(frame.layout.channels))
    if values.dtype.kind == "u":
        return np.asarray((values.astype(np.float32) - 128.0) / 128.0, dtype=np.float32)
    if values.dtype.kind == "i":
        return np.asarray(values / float(np.iinfo(values.dtype).max + 1), dtype=np.float32)
    return np.asarray(values, dtype=np.float32)
