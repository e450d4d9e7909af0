"""Minutes of playing under everything at once: does the engine ever leave the device without sound?"""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ghostnote.bench.core_process import CoreProcess
from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.latency import PORTS_S
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.player import child_env, message
from ghostnote.bench.probe import PADS, Probe
from ghostnote.bench.processes import resident_set_mb
from ghostnote.bench.result import Section
from ghostnote.bench.rig import Bare, environment
from ghostnote.bench.stats import Goal, Summary
from ghostnote.state.table import PARTS, ROOT

SOAK_S = 600.0
BLOCK = 256
VOICES = 8
CC_HZ, OSC_HZ, HITS_HZ = 200.0, 60.0, 8.0
COLLECT_EVERY_S = 0.5

_TICK_S = 0.0025
_COUNTED = {
    "dropouts": "shortfalls",
    "late_decodes": "decode_late",
    "device_xruns": "device_xruns",
    "rearms": "rearms",
    "render_errors": "render_error",
}
_COLLECTOR = f"""
import gc, sys, threading, time

def collect():
    while True:
        time.sleep({COLLECT_EVERY_S})
        gc.collect()

if "ghostnote.host.core" in " ".join(sys.orig_argv):
    threading.Thread(target=collect, name="forced-collection", daemon=True).start()
"""


def soak(options: BenchOptions) -> Section:
    """Dropouts at block 256 with 8 voices, 200 CC/s, 60 OSC messages/s and forced garbage collection."""
    section = Section(
        "soak", "ring shortfalls, beside the bare path's and a silent C client's of the same server"
    )
    seconds = SOAK_S if options.seconds is None else options.seconds
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(JackServer(block=BLOCK, realtime=options.realtime))
        stack.enter_context(environment(child_env(server.env)))
        probe = stack.enter_context(Probe(server.name, 0, seconds + 60.0))
        silent = stack.enter_context(silent_client(server.env))
        click = Bare(server.env)
        stack.callback(click.close)
        click.wait()
        with _forced_collection():
            core = stack.enter_context(CoreProcess(options.model, BLOCK, f"jack:{PADS}"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.connect(("127.0.0.1", core.port))
            out.send(message(f"{ROOT}/synth/voices", VOICES))
            time.sleep(PORTS_S)
            first, xruns = core.counters(), probe.xruns
            click.mark()
            section.numbers.update(_send_all(out.send, probe.send, seconds))
        last = core.counters()
        section.numbers["server_xruns"] = float(probe.xruns - xruns)
        section.numbers["ended_early"] = float(not core.running)
        section.numbers["core_mb"] = resident_set_mb(core.pid)
    for name, key in _COUNTED.items():
        section.numbers[name] = float(last.get(key, math.nan)) - float(first.get(key, 0.0))
    section.numbers["load"] = float(last.get("load", math.nan))
    section.numbers["seconds"] = seconds
    section.numbers["control_dropouts"] = click.counted.get("shortfalls", math.nan)
    section.numbers["control_underflows"] = float(silent.get("underflows", math.nan))
    section.control["probe_wake_late_ms"] = Summary.of(probe.wake_jitter_ms())
    section.notes.append(
        f"forced collection: a thread in the core, put there through sitecustomize, calls gc.collect() "
        f"every {COLLECT_EVERY_S} s; the engine's own policy (frozen, automatic collection off) stays"
    )
    section.goals.append(Goal(f"dropouts in {seconds / 60:.1f} min", section.numbers["dropouts"], 0.0, ""))
    return section


@contextmanager
def silent_client(env: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Run the silent C client beside the block; what it counted is in the dict afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ghostnote.bench.silent"],
        env=child_env(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    counted: dict[str, Any] = {}
    try:
        if process.stdout.readline().strip() != "ready":
            raise UnavailableError("the silent client could not play through PortAudio")
        yield counted
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired, ValueError, json.JSONDecodeError):
            said, _ = process.communicate(timeout=5.0)
            counted.update(json.loads(said))
        if process.poll() is None:
            process.kill()
            process.wait()


@contextmanager
def _forced_collection() -> Iterator[None]:
    """A core that is started meanwhile collects garbage all the time; nothing in ghostnote knows of it."""
    with tempfile.TemporaryDirectory(prefix="ghostnote-collect-") as folder:
        Path(folder, "sitecustomize.py").write_text(_COLLECTOR, encoding="utf-8")
        with environment({"PYTHONPATH": os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])}):
            yield


def _send_all(
    osc: Callable[[bytes], object], midi: Callable[[Sequence[int]], object], seconds: float
) -> dict[str, float]:
    """Turn knobs over MIDI and OSC and strike notes for `seconds`; what was sent, a second."""
    began = time.monotonic()
    counts = {"cc": 0, "osc": 0, "hits": 0}
    rates = {"cc": CC_HZ, "osc": OSC_HZ, "hits": HITS_HZ}
    while (now := time.monotonic() - began) < seconds:
        for kind, hz in rates.items():
            while counts[kind] < now * hz:
                _send(kind, counts[kind], osc, midi)
                counts[kind] += 1
        time.sleep(_TICK_S)
    return {f"{kind}_hz": count / seconds for kind, count in counts.items()}


def _send(kind: str, n: int, osc: Callable[[bytes], object], midi: Callable[[Sequence[int]], object]) -> None:
    part = PARTS[n % len(PARTS)]
    swing = 0.5 + 0.5 * math.sin(0.01 * n)
    if kind == "cc":
        midi((0xB0 + part - 1, 20 + n // len(PARTS) % 3, round(127 * swing)))
    elif kind == "osc":
        osc(message(f"{ROOT}/part{part}/weight/{'abcdefgh'[n // 8 % 8]}", 2.0 * swing - 0.5))
    else:
        osc(message(f"{ROOT}/part{part}/hit", 0.6))
