"""Real-time priority for the process that sound depends on, where the system grants it."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

RENDER, CONTROL = 60, 55
"""SCHED_FIFO priorities, below those of audio drivers and servers."""
OTHERS = 20
"""Every other Python thread of the process: whichever holds the interpreter must not be set aside for other
programs, since the render thread waits for it."""

DECODE = "decode"
DECODE_PRIORITY, DECODE_NICE = 50, -12
"""The decoder computes for milliseconds at a time. It has real-time priority only where the audio driver has
it too: before ordinary programs, but never before an audio server that is one of them."""

_THREADS = {
    DECODE: DECODE_PRIORITY,
    "ghostnote-render": RENDER,
    "ghostnote-osc": CONTROL,
    "ghostnote-midi": CONTROL,
}


def raise_priorities() -> int:
    """Give this process's Python threads SCHED_FIFO (the decoder: see `DECODE_NICE`); how many got it.

    Needs an rtprio limit (the `audio` group on many distributions) or root, and Linux; elsewhere nothing
    changes, since macOS and Windows prefer threads of audio drivers by themselves.
    """
    if not sys.platform.startswith("linux"):
        return 0
    granted = 0
    for thread in threading.enumerate():
        if thread.native_id is None:
            continue
        if thread.name == DECODE and not driver_is_realtime():
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, thread.native_id, DECODE_NICE)
            continue
        priority = _THREADS.get(thread.name, OTHERS)
        try:
            os.sched_setscheduler(thread.native_id, os.SCHED_FIFO, os.sched_param(priority))
        except OSError:
            continue
        granted += 1
    return granted


def driver_is_realtime() -> bool:
    """Whether a thread of this process that is not Python's, an audio driver's, has real-time priority."""
    ours = {thread.native_id for thread in threading.enumerate()}
    with contextlib.suppress(OSError):
        for task in map(int, os.listdir("/proc/self/task")):
            if task not in ours and os.sched_getscheduler(task) in (os.SCHED_FIFO, os.SCHED_RR):
                return True
    return False
