"""Sound files that grow while something plays: 24 bits, readable at any moment, whatever ends the writing.

The samples are those that `sound_writer` would write into a file of the same kind.
"""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from ghostnote.errors import AudioFileError

Float32 = NDArray[np.float32]

SUFFIXES = (".wav", ".flac")

RIFF_LIMIT = 0xFFFFFFFF - 4096
"""Bytes of sound from which on a WAV file is an RF64 file (EBU Tech 3306), since its sizes need 64 bits."""

_BYTES = 3
_HEADER = 80
_FLAC_BLOCK = 4096
_TRIAL = 1 << 16
_FLAC_TOTAL = 21
"""Offset in a FLAC file of the 36 bits, from the lower half of a byte on, that tell its number of frames."""


class StreamWriter(Protocol):
    """A file that is being written; `frames` are in it."""

    frames: int

    def write(self, samples: Float32) -> None:
        """Append samples, shape (n, channels); beyond ±1 they clip. All of these raise AudioFileError."""

    def update(self) -> None:
        """Let the file say how long it is by now."""

    def close(self) -> None:
        """Finish the file as far as the disk lets it be; may be called again."""


def open_stream(path: Path, rate: int, channels: int) -> StreamWriter:
    """A new file, WAV or FLAC by its suffix.

    Raises AudioFileError for another suffix or a place that cannot be written; FileExistsError for a file
    that is there already.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        found = path.suffix or "a file without suffix"
        raise AudioFileError(f"{path}: cannot record into {found}; end it in {' or '.join(SUFFIXES)}")
    try:
        return WavStream(path, rate, channels) if suffix == ".wav" else FlacStream(path, rate, channels)
    except FileExistsError:
        raise
    except (OSError, soundfile.SoundFileError, ValueError) as error:
        raise refusal(path, error) from None


def refusal(path: Path, error: Exception) -> AudioFileError:
    """What a failed write means to a person."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return AudioFileError(f"{path}: cannot be written ({reason.partition('>: ')[2] or reason})")


def pcm24(samples: Float32) -> bytes:
    """Samples as little-endian 24-bit integers, rounded as libsndfile rounds them for WAV files."""
    wide = np.rint(np.asarray(samples, dtype=np.float64) * 2.0**31)
    whole = np.clip(wide, -(2.0**31), 2.0**31 - 1.0).astype("<i4")
    return whole.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()


class WavStream:
    """A WAV file that becomes an RF64 file when it grows over 4 GB; room for that is kept in its header."""

    def __init__(self, path: Path, rate: int, channels: int, limit: int = RIFF_LIMIT) -> None:
        self.path = path
        self.frames = 0
        self._rate = rate
        self._frame = _BYTES * channels
        self._channels = channels
        self._limit = limit
        self._fd: int | None = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666
        )
        try:
            self._put(self._header(), 0)
        except OSError:
            self.close()
            path.unlink()
            raise

    def write(self, samples: Float32) -> None:
        """Append samples, shape (n, channels); what the disk took counts even if it did not take all."""
        data = memoryview(pcm24(samples))
        done = 0
        try:
            while done < len(data):
                done += self._put(data[done:], _HEADER + self.frames * self._frame + done)
        except OSError as error:
            self.frames += done // self._frame
            raise refusal(self.path, error) from None
        self.frames += len(samples)

    def update(self) -> None:
        """Write the header anew."""
        try:
            self._put(self._header(), 0)
        except OSError as error:
            raise refusal(self.path, error) from None

    def close(self) -> None:
        """Cut off what is not a whole frame, and write the header a last time."""
        fd, self._fd = self._fd, None
        if fd is None:
            return
        size = _HEADER + self.frames * self._frame
        for step in (
            lambda: os.ftruncate(fd, size),
            lambda: self._pad(fd, size),
            lambda: _write_at(fd, self._header(), 0),
            lambda: os.fsync(fd),
        ):
            with contextlib.suppress(OSError):  # a full disk refuses some; each of the others helps
                step()
        os.close(fd)

    def _pad(self, fd: int, size: int) -> None:
        if size % 2:
            _write_at(fd, b"\0", size)

    def _put(self, data: bytes | memoryview, at: int) -> int:
        if self._fd is None:
            raise OSError(0, "the recording is over")
        return _write_at(self._fd, data, at)

    def _header(self) -> bytes:
        """80 bytes: RIFF or RF64, room for the 64-bit sizes or those, the format, the length of the sound."""
        size = self.frames * self._frame
        padded = size + size % 2
        layout = struct.pack(
            "<HHIIHH",
            1,
            self._channels,
            self._rate,
            self._rate * self._frame,
            self._frame,
            8 * _BYTES,
        )
        middle = b"fmt " + struct.pack("<I", len(layout)) + layout + b"data"
        total = padded + _HEADER - 8
        if size <= self._limit:
            room = b"JUNK" + struct.pack("<I", 28) + bytes(28)
            return b"RIFF" + struct.pack("<I", total) + b"WAVE" + room + middle + struct.pack("<I", size)
        sizes = b"ds64" + struct.pack("<IQQQI", 28, total, size, self.frames, 0)
        return b"RF64\xff\xff\xff\xffWAVE" + sizes + middle + b"\xff\xff\xff\xff"


class FlacStream:
    """A FLAC file whose head says from time to time how long it is; libsndfile does so only at the end."""

    def __init__(self, path: Path, rate: int, channels: int) -> None:
        self.path = path
        self.frames = self._given = 0
        self._fd: int | None = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666
        )
        try:
            self._file = soundfile.SoundFile(
                path, "w", samplerate=rate, channels=channels, format="FLAC", subtype="PCM_24"
            )
        except Exception:
            os.close(self._fd)
            path.unlink(missing_ok=True)
            raise

    def write(self, samples: Float32) -> None:
        """Append samples, shape (n, channels)."""
        self._given += len(samples)
        try:
            self._file.write(samples)
        except (OSError, soundfile.SoundFileError, ValueError) as error:
            raise refusal(self.path, self._reason() or error) from None
        self.frames = self._given

    def update(self) -> None:
        """Write the number of frames that are surely in the file: the encoder keeps the last blocks back."""
        if self._fd is None:
            return
        try:
            self._put_total(self._fd, max(0, self.frames // _FLAC_BLOCK - 1) * _FLAC_BLOCK)
        except OSError as error:
            raise refusal(self.path, error) from None

    def _put_total(self, fd: int, total: int) -> None:
        if total and hasattr(os, "pread"):
            first = os.pread(fd, 1, _FLAC_TOTAL)[0] & 0xF0 | total >> 32
            _write_at(fd, bytes([first]) + (total & 0xFFFFFFFF).to_bytes(4, "big"), _FLAC_TOTAL)

    def _reason(self) -> OSError | None:
        """Why the disk refuses, which libsndfile does not tell: a try with zeros, taken back at once."""
        if self._fd is None:
            return None
        size = os.fstat(self._fd).st_size
        try:
            done = 0
            while done < _TRIAL:
                done += _write_at(self._fd, bytes(_TRIAL - done), size + done)
        except OSError as error:
            return error
        finally:
            os.ftruncate(self._fd, size)
        return None

    def close(self) -> None:
        """Let the encoder finish; where the disk is full, the head keeps what `update` wrote."""
        fd, self._fd = self._fd, None
        if fd is None:
            return
        with contextlib.suppress(OSError, soundfile.SoundFileError):
            self._file.close()
        with contextlib.suppress(OSError, soundfile.SoundFileError):
            if self.frames < self._given:  # the disk took a part of what it was given last
                self.frames = _count(self.path)
                self._put_total(fd, self.frames)
            os.fsync(fd)
        os.close(fd)


def _count(path: Path) -> int:
    """Frames that can be read from a file whose head does not tell and whose end is damaged."""
    frames = 0
    with soundfile.SoundFile(path) as file, contextlib.suppress(soundfile.SoundFileError):
        block = np.empty((_FLAC_BLOCK, file.channels), dtype=np.float32)
        while got := len(file.read(out=block)):
            frames += got
    return frames


def _write_at(fd: int, data: bytes | memoryview, at: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(fd, data, at)
    os.lseek(fd, at, os.SEEK_SET)
    return os.write(fd, data)
