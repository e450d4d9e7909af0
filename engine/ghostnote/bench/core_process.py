"""The core process by itself, with its pipe open to look at its counters while it plays."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict
from types import TracebackType
from typing import Any

from ghostnote.bench.jack_server import UnavailableError
from ghostnote.bench.player import free_port
from ghostnote.host.child import Child
from ghostnote.host.options import PlayOptions
from ghostnote.host.pipe import Message

START_LIMIT_S = 60.0
END_LIMIT_S = 5.0
BEAT_S = 0.25


class CoreProcess:
    """Starts `ghostnote.host.core` as the supervisor of `ghostnote play` does, and keeps the beats it sends.

    Its environment is this process's. Raises UnavailableError, with its own words, if it cannot play.
    """

    def __init__(self, model: str, block: int, midi: str) -> None:
        self.port = free_port()
        self.beats: list[Message] = []
        self._options = PlayOptions(model=model, block=block, midi=midi, port=self.port)
        self._ready = threading.Event()
        self._failed = ""
        self._done = threading.Event()
        self._child: Child | None = None

    def __enter__(self) -> CoreProcess:
        child = self._child = Child("ghostnote.host.core", self._heard)
        child.send({"type": "start", "options": asdict(self._options), "state": None})
        threading.Thread(target=self._beat, args=(child,), name="core-beats", daemon=True).start()
        deadline = time.monotonic() + START_LIMIT_S
        while not self._ready.wait(0.05):
            if self._failed or not child.running or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                raise UnavailableError(f"the core does not play: {self._failed or 'it ended'}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._child is not None:
            self._child.end(END_LIMIT_S)

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._child is not None
        return int(self._child.process.pid)

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._child is not None and self._child.running

    def counters(self) -> dict[str, Any]:
        """The newest counters, with `load` and `peak_load`."""
        seen = len(self.beats)
        deadline = time.monotonic() + 4 * BEAT_S
        while len(self.beats) == seen and time.monotonic() < deadline:
            time.sleep(0.01)
        if not self.beats:
            return {}
        beat = self.beats[-1]
        return {**beat["counters"], "load": beat["load"], "peak_load": beat["peak_load"]}

    def _heard(self, message: Message) -> None:
        kind = message.get("type")
        if kind == "ready":
            self._ready.set()
        elif kind == "beat":
            self.beats.append(message)
        elif kind in ("failed", "no_device"):
            self._failed = str(message.get("text", kind))

    def _beat(self, child: Child) -> None:
        while not self._done.wait(BEAT_S):
            child.send({"type": "beat"})
