"""Time-tagged hits over OSC: how far from their tags they take effect."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench.core_process import CoreProcess
from ghostnote.bench.jack_server import UnavailableError
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.player import message
from ghostnote.bench.result import Section
from ghostnote.bench.stats import Goal, Summary
from ghostnote.control.osc_time import timetag_at
from ghostnote.decode.model import load
from ghostnote.state.table import ROOT

Float64 = NDArray[np.float64]

AHEAD_S = 0.25
SPACING_S = 0.0317
"""Between tagged hits: no multiple of a quantum or a block."""
SETTLE_S = 1.0
TAG_GOAL_SAMPLES = 1.0

_HEAR_S = 1.0


def tags(options: BenchOptions) -> Section:
    """Time-tagged hits: how far from their tags they take effect, against the stream's clock."""
    section = Section(
        "tags", "tagged bundles over UDP → sample in the control log, without what a straight line explains"
    )
    rate = load(options.model, lazy=("encoder", "classifier")).spec.sample_rate
    with CoreProcess(options.model, None, "none", device="null", log=True) as core, udp() as sock:
        time.sleep(SETTLE_S)
        stamps, slept = _send_tagged(sock, core.port, options.hits)
        time.sleep(AHEAD_S + SETTLE_S)
        lines = [json.loads(line) for line in list(core.log_lines)]
        counters = core.counters()
    at = np.array([line["t"] for line in lines if line["addr"] == f"{ROOT}/play"])
    if len(at) != len(stamps):
        raise UnavailableError(f"{len(at)} of {len(stamps)} tagged hits took effect")
    section.figures["timing_error_samples"] = Summary.of(_off_a_line(stamps, at) * rate)
    section.control["sleeping_error_samples"] = Summary.of(_off_a_line(stamps, slept) * rate)
    section.numbers["late"] = float(counters.get("late_events", 0) + counters.get("osc_late", 0))
    worst = section.figures["timing_error_samples"].p99
    section.goals.append(Goal("tagged hits, timing error, p99", worst, TAG_GOAL_SAMPLES, "samples"))
    section.notes.append("control: a thread of this process that sleeps until each tag")
    return section


@contextlib.contextmanager
def udp() -> Iterator[socket.socket]:
    """A socket of this computer's own, with a port of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(_HEAR_S)
        yield sock


def _send_tagged(sock: socket.socket, port: int, hits: int) -> tuple[Float64, Float64]:
    """Tags (s) of hits sent ahead of their time with some jitter, and when a sleeper woke for each."""
    chance = random.Random(1)
    hit = message(f"{ROOT}/play", "gain", -40.0)
    stamps = time.time() + 2 * AHEAD_S + SPACING_S * np.arange(hits)
    slept: list[float] = []

    def sleep_too() -> None:
        for stamp in stamps:
            time.sleep(max(0.0, float(stamp) - time.time()))
            slept.append(time.time())

    sleeper = threading.Thread(target=sleep_too, name="bench-sleeper", daemon=True)
    sleeper.start()
    for stamp in stamps:
        time.sleep(max(0.0, float(stamp) - AHEAD_S + chance.uniform(0.0, 0.02) - time.time()))
        tag = struct.pack(">Q", timetag_at(float(stamp)))
        sock.sendto(b"#bundle\0" + tag + struct.pack(">i", len(hit)) + hit, ("127.0.0.1", port))
    sleeper.join()
    return stamps.astype(np.float64), np.array(slept, dtype=np.float64)


def _off_a_line(x: Float64, y: Float64) -> Float64:
    """How far y is from a straight line through (x, y), which two clocks differ by."""
    x, y = x - x[0], y - y[0]
    slope, offset = np.polyfit(x, y, 1)
    off: Float64 = np.abs(y - offset - slope * x)
    return off
