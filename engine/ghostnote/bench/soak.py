"""Minutes of playing under everything at once: does the engine ever leave the device without sound?"""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.latency import PADS, pads
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.player import Player, child_env, message
from ghostnote.bench.probe import Probe
from ghostnote.bench.processes import resident_mb
from ghostnote.bench.result import Section
from ghostnote.bench.rig import environment
from ghostnote.bench.stats import Goal, Summary
from ghostnote.state.table import PARTS, ROOT

SOAK_S = 600.0
BLOCK = 256
VOICES = 8
CC_HZ, OSC_HZ, HITS_HZ = 200.0, 60.0, 8.0
COLLECT_EVERY_S = 0.5

_TICK_S = 0.0025
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
    section = Section("soak", "ring shortfalls, beside underflows of a silent C client of the same server")
    seconds = SOAK_S if options.seconds is None else options.seconds
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(JackServer(block=BLOCK, realtime=options.realtime))
        collecting = stack.enter_context(_forced_collection(server.env))
        stack.enter_context(environment(server.env))
        probe = stack.enter_context(Probe(server.name, 1, 1.0))
        silent = stack.enter_context(silent_client(server.env))
        arguments = ("--block", str(BLOCK), "--midi", f"jack:{PADS}")
        player = stack.enter_context(Player(options.model, collecting, arguments))
        out = stack.enter_context(pads())
        time.sleep(3.0)  # ports are picked up within a second or so
        player.send(message(f"{ROOT}/synth/voices", VOICES))
        xruns = probe.xruns
        sent = _send_all(player, out, seconds)
        section.numbers.update(sent)
        section.numbers["server_xruns"] = float(probe.xruns - xruns)
        section.numbers["core_mb"] = resident_mb(player.pid).get("core", math.nan)
        restarts = sum("starting it again" in line for line in player.said)
        dropouts, late = player.end()
    section.control["probe_wake_late_ms"] = Summary.of(probe.wake_jitter_ms())
    section.numbers.update(
        seconds=seconds,
        dropouts=float(dropouts) if dropouts >= 0 else math.nan,
        late_decodes=float(late),
        restarts=float(restarts),
        control_underflows=float(silent.get("underflows", math.nan)),
    )
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
def _forced_collection(env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Environment in which the core collects garbage all the time; nothing in ghostnote knows of it."""
    with tempfile.TemporaryDirectory(prefix="ghostnote-collect-") as folder:
        Path(folder, "sitecustomize.py").write_text(_COLLECTOR, encoding="utf-8")
        inner = child_env(env)
        yield {**inner, "PYTHONPATH": folder + ":" + inner["PYTHONPATH"]}


def _send_all(player: Player, out: Any, seconds: float) -> dict[str, float]:
    """Turn knobs over MIDI and OSC and strike notes for `seconds`; what was sent, a second."""
    began = time.monotonic()
    counts = {"cc": 0, "osc": 0, "hits": 0}
    rates = {"cc": CC_HZ, "osc": OSC_HZ, "hits": HITS_HZ}
    while (now := time.monotonic() - began) < seconds:
        for kind, hz in rates.items():
            while counts[kind] < now * hz:
                _send(kind, counts[kind], player, out)
                counts[kind] += 1
        time.sleep(_TICK_S)
    return {f"{kind}_hz": count / seconds for kind, count in counts.items()}


def _send(kind: str, n: int, player: Player, out: Any) -> None:
    part = PARTS[n % len(PARTS)]
    swing = 0.5 + 0.5 * math.sin(0.01 * n)
    if kind == "cc":
        out.send_message((0xB0 + part - 1, 20 + n // len(PARTS) % 3, round(127 * swing)))
    elif kind == "osc":
        player.send(message(f"{ROOT}/part{part}/weight/{'abcdefgh'[n // 8 % 8]}", 2.0 * swing - 0.5))
    else:
        player.send(message(f"{ROOT}/part{part}/hit", 0.6))
