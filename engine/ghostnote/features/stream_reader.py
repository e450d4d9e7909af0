"""A sound file of any length, in blocks, as a device would give it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from ghostnote.errors import AudioFileError

Float32 = NDArray[np.float32]


class StreamReader:
    """`rate` in Hz, `channels`, and the samples of a file. Raises AudioFileError when it is no sound file."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            kind = "is a folder; give a sound file" if self.path.is_dir() else "there is no such file"
            raise AudioFileError(f"{path}: {kind}")
        try:
            self._file = soundfile.SoundFile(str(path))
        except (soundfile.SoundFileError, OSError, RuntimeError) as error:
            raise AudioFileError(f"{path}: not a sound file that can be read ({error})") from None
        self.rate, self.channels = int(self._file.samplerate), int(self._file.channels)

    def blocks(self, frames: int) -> Iterator[Float32]:
        """Blocks (≤ frames, channels) to the end. Raises AudioFileError where the file is damaged."""
        while True:
            try:
                block: Float32 = self._file.read(frames, dtype="float32", always_2d=True)
            except (soundfile.SoundFileError, OSError, RuntimeError) as error:
                raise AudioFileError(f"{self.path}: cannot be read further ({error})") from None
            if not len(block):
                return
            yield block

    def close(self) -> None:
        """Close the file."""
        self._file.close()
