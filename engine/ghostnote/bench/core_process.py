"""The core process by itself, with its pipe open to look at its counters while it plays."""

from __future__ import annotations

import contextlib
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

CORE = "ghostnote.host.core"
START_LIMIT_S = 60.0
END_LIMIT_S = 5.0
BEAT_S = 0.25
ANSWER_LIMIT_S = 20.0
"""A core on a busy machine may be silent for so long."""


class CoreProcess:
    """Starts `ghostnote.host.core` as the supervisor of `ghostnote play` does, and keeps the beats it sends.

    `module`: another one that speaks as the core does. `log`: also keep the lines of its control log. Its
    environment is this process's. Raises UnavailableError, with its own words, if it cannot play.
    """

    def __init__(
        self,
        model: str,
        block: int | None,
        midi: str,
        *,
        module: str = CORE,
        device: str | None = None,
        log: bool = False,
    ) -> None:
        self.port = free_port()
        self.beats: list[Message] = []
        self.log_lines: list[str] = []
        self._options = PlayOptions(
            model=model, block=block, midi=midi, port=self.port, device=device, log="kept" if log else None
        )
        self._module = module
        self._ready = threading.Event()
        self._failed = ""
        self._done = threading.Event()
        self._child: Child | None = None

    def __enter__(self) -> CoreProcess:
        child = self._child = Child(self._module, self._heard)
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
            for pipe in (self._child.process.stdin, self._child.process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

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
        deadline = time.monotonic() + ANSWER_LIMIT_S
        while len(self.beats) == seen and self.running and time.monotonic() < deadline:
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
        elif kind == "log":
            self.log_lines += message["lines"]
        elif kind in ("failed", "no_device"):
            self._failed = str(message.get("text", kind))

    def _beat(self, child: Child) -> None:
        while not self._done.wait(BEAT_S):
            child.send({"type": "beat"})
