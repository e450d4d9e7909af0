"""A run of many milliseconds gives way to other programs; what comes before and after it does not."""

from __future__ import annotations

import contextlib
import os
import sys
from types import TracebackType

_LINUX = sys.platform.startswith("linux")


class GivingWay:
    """Puts the calling thread at the system's normal priority for the length of a `with` block.

    For code that computes without the interpreter: with it in hand, a thread at normal priority may be set
    aside for another program while the render thread waits for it. A thread that has normal priority
    anyway, and other systems than Linux, are left alone. Thread: any, one object for each `with`.
    """

    def __enter__(self) -> None:
        self._had: tuple[int, os.sched_param] | None = None
        if not _LINUX:
            return
        policy = os.sched_getscheduler(0)
        if policy & ~os.SCHED_RESET_ON_FORK in (os.SCHED_FIFO, os.SCHED_RR):
            had = policy, os.sched_getparam(0)
            with contextlib.suppress(OSError):
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
                self._had = had

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._had is not None:
            with contextlib.suppress(OSError):  # the limit may have been taken away meanwhile
                os.sched_setscheduler(0, *self._had)
