"""Ways to be stopped: Ctrl-C, `kill`, a terminal that is closed, and each of them at a good moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

KINDS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def _handled(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Handle what stops a program. What whoever started it wants ignored (nohup, a shell's `&`) stays so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kinds = [kind for kind in KINDS if signal.getsignal(kind) is not signal.SIG_IGN]
    before = {kind: signal.signal(kind, handler) for kind in kinds}
    try:
        yield
    finally:
        for kind, previous in before.items():
            signal.signal(kind, previous)


@contextmanager
def interrupting() -> Iterator[None]:
    """Whatever stops the program raises KeyboardInterrupt, wherever it is."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    with _handled(interrupt):
        yield


@contextmanager
def asked() -> Iterator[Callable[[], bool]]:
    """Whether the program was asked to stop, for work that looks now and then; asked twice, it raises
    KeyboardInterrupt.
    """
    found = threading.Event()

    def ask(number: int, frame: object) -> None:
        if found.is_set():
            raise KeyboardInterrupt
        found.set()

    with _handled(ask):
        yield found.is_set
