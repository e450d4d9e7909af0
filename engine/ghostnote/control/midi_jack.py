"""What JACK needs beside python-rtmidi: quiet, a mark for each run of a server, and connections that hold.

A program registers its ports before it is active, and until then nothing can be connected to them;
python-rtmidi does not say that a connection failed.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

REOPEN_S = (1.0, 3.0, 10.0, 30.0)
"""Ages at which an input that never said anything is opened once more."""
SETTLE_S = 1.0
"""How long an output must have been there before it is used."""

_silent: list[Any] = []


def silence_jack() -> None:
    """Keep the JACK library that python-rtmidi loaded from writing to the error output (Linux only)."""
    if _silent or not sys.platform.startswith("linux"):
        return
    quiet = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(lambda text: None)
    _silent.append(quiet)
    with suppress(OSError, AttributeError):
        loaded = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
        for path in sorted({line.split(maxsplit=5)[5].strip() for line in loaded if "libjack" in line}):
            library = ctypes.CDLL(path)
            library.jack_set_error_function(quiet)
            library.jack_set_info_function(quiet)


def server_mark() -> tuple[int, int] | None:
    """What tells one run of a JACK 2 server from the next: its socket; None if it has none (PipeWire)."""
    name = os.environ.get("JACK_DEFAULT_SERVER", "default")
    user = os.getuid() if hasattr(os, "getuid") else 0
    for folder in ("/dev/shm", "/tmp"):
        with suppress(OSError):
            socket = os.stat(f"{folder}/jack_{name}_{user}_0")
            return socket.st_ino, socket.st_ctime_ns
    return None


class Silent(Protocol):
    """An input that may never have been connected."""

    @property
    def heard(self) -> bool:
        """Whether a message came in since it was opened."""

    @property
    def is_open(self) -> bool:
        """Whether nobody closed it."""

    def reopen(self) -> None:
        """Connect it anew."""


class Reopening:
    """Opens inputs again that say nothing, a few times: their programs may not have been active before."""

    def __init__(self) -> None:
        self._watched: list[tuple[Silent, float, list[float]]] = []

    def watch(self, port: Silent, now: float) -> None:
        """Take care of an input that was opened `now`."""
        self._watched.append((port, now, list(REOPEN_S)))

    def turn(self, now: float) -> None:
        """Do what is due."""
        for port, since, ages in self._watched:
            if now - since >= ages[0] and port.is_open and not port.heard:
                del ages[0]
                port.reopen()
        self._watched = [
            (port, since, ages)
            for port, since, ages in self._watched
            if ages and port.is_open and not port.heard
        ]


class Settled:
    """Which of the ports have been there for `settle_s`: their programs are active."""

    def __init__(self, settle_s: float = SETTLE_S) -> None:
        self._settle_s = settle_s
        self._since: dict[str, float] = {}

    def of(self, names: Sequence[str], now: float | None = None) -> list[str]:
        """Those of `names`, in order; who is not named any more begins anew."""
        at = time.monotonic() if now is None else now
        self._since = {name: self._since.get(name, at) for name in names}
        return [name for name in names if at - self._since[name] >= self._settle_s]
