"""Sound files out: written block by block under another name, and renamed when they are whole."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
import soundfile
from numpy.typing import NDArray

from ghostnote.errors import AudioFileError

Float32 = NDArray[np.float32]

SUFFIXES = {".wav": "WAV", ".flac": "FLAC", ".aiff": "AIFF", ".aif": "AIFF"}


class SoundWriter:
    """A 24-bit file, its kind by suffix, that appears whole or not at all. Use it as a context manager.

    Values beyond ±1 clip. Raises AudioFileError for another suffix, samples that are not finite, no samples,
    or a place that cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], rate: int, channels: int) -> None:
        self.path = Path(path)
        kind = SUFFIXES.get(self.path.suffix.lower())
        if kind is None:
            found = self.path.suffix or "file without suffix"
            raise AudioFileError(f"{self.path}: cannot write a {found}; end it in {' or '.join(SUFFIXES)}")
        self._part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        self._kind = kind
        self._frames = 0
        self._raw: IO[bytes] | None = None
        self._file: soundfile.SoundFile | None = None
        try:
            if self.path.is_dir():
                raise AudioFileError(f"{self.path}: is a folder; give the name of a file")
            self._raw = open(self._part, "xb")  # noqa: SIM115
            self._file = soundfile.SoundFile(
                self._raw, "w", samplerate=rate, channels=channels, format=kind, subtype="PCM_24"
            )
        except (OSError, soundfile.SoundFileError, ValueError, TypeError) as error:
            self._abandon()
            raise self._refusal(error) from None

    def write(self, samples: Float32) -> None:
        """Append samples, shape (n,) or (n, channels)."""
        if not np.isfinite(samples).all():
            raise AudioFileError(f"{self.path}: the samples hold NaN or infinity; nothing was written")
        assert self._file is not None
        try:
            self._file.write(samples)
        except (OSError, soundfile.SoundFileError, ValueError) as error:
            raise self._refusal(error) from None
        self._frames += len(samples)

    def __enter__(self) -> SoundWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._abandon()
            return
        try:
            if self._frames == 0:
                raise AudioFileError(f"{self.path}: no samples to write")
            assert self._file is not None
            assert self._raw is not None
            self._file.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())
            self._raw.close()
            self._part.replace(self.path)
        except (OSError, soundfile.SoundFileError) as failure:
            self._abandon()
            raise self._refusal(failure) from None
        except AudioFileError:
            self._abandon()
            raise

    def _abandon(self) -> None:
        for closing in (self._file, self._raw):
            try:
                if closing is not None:
                    closing.close()
            except (OSError, soundfile.SoundFileError):
                continue
        if self._raw is not None:
            self._part.unlink(missing_ok=True)

    def _refusal(self, error: Exception) -> AudioFileError:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        # libsndfile names the temporary file, which means nothing to the person who asked.
        reason = reason.partition(">: ")[2] or reason
        return AudioFileError(f"{self.path}: cannot be written ({reason}); choose another place or rate")


def write(path: str | os.PathLike[str], samples: Float32, rate: int) -> None:
    """Write a whole sound; `samples`: shape (n,) or (n, channels). Raises as `SoundWriter` does."""
    if samples.ndim not in (1, 2):
        raise AudioFileError(f"{path}: samples of shape (n,) or (n, channels) are needed")
    with SoundWriter(path, rate, 1 if samples.ndim == 1 else samples.shape[1]) as out:
        out.write(samples)
