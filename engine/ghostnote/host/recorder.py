"""The recorder process: takes what was played out of shared memory and writes it into a sound file.

There is one for each recording, beside the sound and not in its way. If it dies, what it wrote is readable
and the sound goes on.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from itertools import count
from pathlib import Path

from ghostnote.audio.record_format import ring_bytes
from ghostnote.audio.record_ring import RingReader
from ghostnote.errors import AudioFileError
from ghostnote.features.stream_writer import StreamWriter, open_stream
from ghostnote.host.pipe import Message, PipeWriter, ignore_signals, read_messages
from ghostnote.host.sharing import attach

LOOK_S = 0.05
FIRST_UPDATE_S, UPDATE_S = 0.3, 1.0
"""How often the file is made to say its length."""
GONE_S = 1.0
"""After `stop`, or when nobody is there any more, the file is closed when nothing came in for so long."""


class Recorder:
    """Moves sound from a ring into a file until the ring ends. `send` tells the supervisor."""

    def __init__(self, ring: RingReader, path: Path, rate: int, channels: int, out: PipeWriter) -> None:
        """Open the file under the first free name. Raises AudioFileError."""
        self._ring = ring
        self._out = out
        self._rate = rate
        self._moved = False
        self.file, self.path = _create(path, rate, channels)
        self._next_update = time.monotonic() + FIRST_UPDATE_S

    def look(self) -> bool:
        """Write what came in; whether there is more to come. Raises AudioFileError when the disk refuses."""
        for piece in self._ring.read():
            self.file.write(piece)
        if time.monotonic() >= self._next_update:
            self.file.update()
            self._watch()
            self._next_update = time.monotonic() + UPDATE_S
        return not self._ring.finished

    def close(self, error: AudioFileError | None = None) -> None:
        """Finish the file and say what is in it."""
        self.file.close()
        frames = self.file.frames
        self._out.send(
            {
                "type": "recorded",
                "path": str(self.path),
                "frames": frames,
                "seconds": frames / self._rate,
                "lost_s": self._ring.lost / self._rate,
                "error": "" if error is None else str(error),
            }
        )

    def _watch(self) -> None:
        """Tell once when the file is not at its place any more."""
        if not self._moved and not self.path.exists():
            self._moved = True
            self._out.send(
                {
                    "type": "trouble",
                    "text": f"{self.path} is not there any more (moved or deleted); the recording goes on"
                    " in it: rec/stop and rec/start begin a new one",
                }
            )


def _create(path: Path, rate: int, channels: int) -> tuple[StreamWriter, Path]:
    """A new file; `take-2.wav` where there is a `take.wav`."""
    numbered = (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in count(2))
    name = path
    while True:
        try:
            return open_stream(name, rate, channels), name
        except FileExistsError:
            name = next(numbered)


def main() -> int:
    """Run as a child of the supervisor: what to record on standard input, then `stop`."""
    ignore_signals()
    out = PipeWriter(sys.stdout.buffer)
    first: list[Message] = []
    told, stopped = threading.Event(), threading.Event()

    def handle(message: Message) -> None:
        if message.get("type") == "record":
            first.append(message)
            told.set()
        elif message.get("type") == "stop":
            stopped.set()

    def listen() -> None:
        read_messages(sys.stdin.buffer, handle)
        told.set()
        stopped.set()

    threading.Thread(target=listen, name="ghostnote-supervised", daemon=True).start()
    told.wait()
    status = _record(first[0], out, stopped) if first else 1
    out.close()
    return status


def _record(asked: Message, out: PipeWriter, stopped: threading.Event) -> int:
    channels = int(asked["channels"])
    path = Path(asked["path"])
    try:
        ring = RingReader(attach(asked["ring"], ring_bytes(channels)), channels)
        recorder = Recorder(ring, path, int(asked["rate"]), channels, out)
    except (AudioFileError, OSError, ValueError) as error:
        text = (
            str(error) if isinstance(error, AudioFileError) else f"{path}: cannot be recorded into ({error})"
        )
        out.send({"type": "refused", "text": text})
        return 2
    out.send({"type": "recording", "path": str(recorder.path)})
    failure = None
    frames, came_at = 0, time.monotonic()
    try:
        while recorder.look():
            if recorder.file.frames != frames:
                frames, came_at = recorder.file.frames, time.monotonic()
            if stopped.wait(LOOK_S):
                if time.monotonic() - came_at > GONE_S:
                    break
                time.sleep(LOOK_S)
    except AudioFileError as error:
        failure = error
    recorder.close(failure)
    return 0 if failure is None else 2


if __name__ == "__main__":
    os._exit(main())
