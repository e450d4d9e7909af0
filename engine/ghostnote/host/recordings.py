"""The supervisor's end of recordings: names them, runs the process that writes each, notices when it dies."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ghostnote.audio.record_format import CHANNELS, ring_bytes
from ghostnote.errors import UsageError
from ghostnote.host.child import Child
from ghostnote.host.pipe import Message
from ghostnote.host.sharing import SharedMemory

FINISH_S = 10.0
"""A recorder that was asked to end may take so long to write what waits."""

Send = Callable[[Message], None]


class Recordings:
    """One recording at a time, in a process of its own.

    `say` and `tell` bring news and problems to the performer; `to_core` and `to_front` send messages to those
    processes, if they are there. Names are relative to the folder of `record`, else to the working folder.
    """

    def __init__(
        self,
        record: str | None,
        say: Callable[[str], None],
        tell: Callable[[str], None],
        to_core: Send,
        to_front: Send,
    ) -> None:
        self._folder = Path.cwd() if record is None else Path(record).absolute().parent
        self._say = say
        self._tell = tell
        self._to_core = to_core
        self._to_front = to_front
        self._child: Child | None = None
        self._asked: Message = {}
        self._path: Path | None = None
        self._stopping_since: float | None = None
        self.shared = SharedMemory(ring_bytes(CHANNELS))

    @property
    def name(self) -> str:
        """Name of the file that is being written, or nothing."""
        return "" if self._path is None else self._path.name

    @property
    def path(self) -> str | None:
        """The file that is being written."""
        return None if self._path is None else str(self._path)

    @property
    def began_at(self) -> int | None:
        """Frame of the stream at which the present recording begins; None without one."""
        return None if self._child is None or self._stopping_since else int(self._asked["from"])

    def from_core(self, message: Message) -> None:
        """Begin or end a recording, as the core asks. Thread: any one."""
        if message["do"] == "start":
            self._start(message)
        elif self._child is None:
            self._to_core({"type": "rec", "on": False, "text": ""})
        else:
            self._stopping_since = time.monotonic()
            self._child.send({"type": "stop"})

    def look(self) -> None:
        """Notice a recorder that died or does not end. Called several times a second."""
        child = self._child
        if child is None:
            return
        since = self._stopping_since
        if since is not None and time.monotonic() - since > FINISH_S and child.running:
            child.kill()
        if not child.running:
            status = child.kill()  # what it said before is handled now
            if self._child is child:
                self._end(
                    f"the recorder ended (status {status}): {self.name} holds what was written until then"
                )

    def close(self) -> None:
        """End a recording with the performance."""
        child = self._child
        if child is not None:
            child.send({"type": "stop"})
            child.wait(FINISH_S)
            self.look()
        self.shared.close()

    def _start(self, message: Message) -> None:
        from ghostnote.features.stream_writer import SUFFIXES

        if self._child is not None:  # the core that it was for is gone
            self._child.kill()
            self.look()
        self._asked, self._stopping_since = message, None
        path = self._folder / (
            Path(message["name"]).expanduser()
            if message["name"]
            else time.strftime("ghostnote-%Y-%m-%d-%H%M%S")
        )
        if path.suffix.lower() not in SUFFIXES:
            path = path.with_name(path.name + ".wav")
        self._child = Child("ghostnote.host.recorder", self._from_recorder, self.shared.fds)
        asked = {"path": str(path), "rate": message["rate"], "channels": CHANNELS, "ring": self.shared.handle}
        self._child.send({"type": "record", **asked})

    def _from_recorder(self, message: Message) -> None:
        kind = message.get("type")
        if kind == "recording":
            self._path = Path(message["path"])
            at, rate = self._asked["from"], self._asked["rate"]
            from ghostnote.core.control_log import recording_line

            line = recording_line(self._path.name, rate, at)
            self._to_front({"type": "recording", "path": str(self._path), "line": line})
            self._say(f"recording into {self._path}")
            self._to_core({"type": "rec", "on": True})
        elif kind == "trouble":
            self._tell(message["text"])
        elif kind == "refused":
            self._end(message["text"])
        elif kind == "recorded":
            lost = f", {message['lost_s']:.1f} s of it missing (silence)" if message["lost_s"] else ""
            text = f"recorded {message['seconds']:.1f} s into {message['path']}{lost}"
            if message["error"]:
                text = f"{message['error']}; the recording ends there, and the sound goes on: {text}"
            self._end(text, message["frames"], self._tell if message["error"] else self._say)

    def _end(self, text: str, frames: int | None = None, tell: Callable[[str], None] | None = None) -> None:
        if self._path is not None:
            rate = self._asked["rate"]
            from ghostnote.core.control_log import recorded_line

            line = recorded_line(self._path.name, rate, self._asked["from"], frames)
            self._to_front({"type": "recorded", "line": line})
        self._child = self._path = self._stopping_since = None
        self._to_core({"type": "rec", "on": False, "text": text})  # first: whoever is told may ask it
        (tell or self._tell)(text)


def check_record(path: str | None) -> None:
    """Whether `--record` names a file that can be written. Raises UsageError."""
    if path is None:
        return
    from ghostnote.features.stream_writer import SUFFIXES  # NumPy: only who records waits for it

    file = Path(path)
    if file.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--record {path}: a name that ends in {' or '.join(SUFFIXES)} is needed")
    if not file.parent.is_dir():
        raise UsageError(f"--record {path}: there is no folder {file.parent}; make it or choose another")
    if not os.access(file.parent, os.W_OK):
        raise UsageError(f"--record {path}: {file.parent} may not be written to; choose another place")
