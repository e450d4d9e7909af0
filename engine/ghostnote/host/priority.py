"""Real-time priority for the process that sound depends on, where the system grants it."""

from __future__ import annotations

import os
import sys
import threading

RENDER, CONTROL, DECODING = 60, 55, 50
"""SCHED_FIFO priorities, below those of audio drivers and servers."""
OTHERS = 20
"""Every other Python thread of the process: whichever holds the interpreter must not be set aside for other
programs, since the render thread waits for it. So it is with the decoder, which gives way to everybody while
it computes without the interpreter (`ghostnote.decode.giving_way`)."""

DECODE = "decode"

_THREADS = {
    "ghostnote-render": RENDER,
    "ghostnote-osc": CONTROL,
    "ghostnote-dirt": CONTROL,
    "ghostnote-midi": CONTROL,
    "ghostnote-midi-in": CONTROL,
    DECODE: DECODING,
}


def raise_priorities() -> int:
    """Give this process's Python threads SCHED_FIFO; how many got it.

    Needs an rtprio limit (the `audio` group on many distributions) or root, and Linux; elsewhere nothing
    changes, since macOS and Windows prefer threads of audio drivers by themselves.
    """
    if not sys.platform.startswith("linux"):
        return 0
    granted = 0
    for thread in threading.enumerate():
        if thread.native_id is None:
            continue
        priority = _THREADS.get(thread.name, OTHERS)
        try:
            os.sched_setscheduler(thread.native_id, os.SCHED_FIFO, os.sched_param(priority))
        except OSError:
            continue
        granted += 1
    return granted
