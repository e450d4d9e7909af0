"""Minutes of playing under everything at once: does the engine ever leave the device without sound?"""

from __future__ import annotations

import contextlib
import json
import math
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ghostnote.bench.attribution import Stalls, attribute, shortfalls_of
from ghostnote.bench.collected_core import COLLECT_EVERY_S
from ghostnote.bench.core_process import CoreProcess
from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.memory import resident
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.player import child_env, message
from ghostnote.bench.probe import PADS, Probe
from ghostnote.bench.result import Section
from ghostnote.bench.rig import Bare, environment
from ghostnote.bench.run_delay import RunDelay
from ghostnote.bench.stats import Goal, Summary
from ghostnote.state.table import PARTS, ROOT

SOAK_S = 600.0
BLOCK = 256
VOICES = 8
CC_HZ, OSC_HZ, HITS_HZ = 200.0, 60.0, 8.0
REST_S = 3.0
WATCHED = "ghostnote.bench.collected_core"

_TICK_S = 0.0025
_COUNTED = {
    "dropouts": "shortfalls",
    "late_decodes": "decode_late",
    "device_xruns": "device_xruns",
    "rearms": "rearms",
    "render_errors": "render_error",
}


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
        core = stack.enter_context(CoreProcess(options.model, BLOCK, f"jack:{PADS}", module=WATCHED))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.connect(("127.0.0.1", core.port))
            out.send(message(f"{ROOT}/synth/voices", VOICES))
            probe.wait_for_listener()
            resting = time.monotonic()
            time.sleep(REST_S)
            first, xruns = core.counters(), probe.xruns
            if not first:
                raise UnavailableError("the core plays but says nothing")
            click.mark()
            began = time.monotonic()
            delay = stack.enter_context(RunDelay(core.pid, core.beats[-1].get("render_thread", 0)))
            section.numbers.update(_send_all(out.send, probe.send, seconds, lambda: core.running))
        server.check()
        # Beats are a quarter of a second apart; what the last one counts may have come a little later.
        last = core.counters()
        run = (began, time.monotonic())
        section.numbers["server_xruns"] = float(probe.xruns - xruns)
        section.numbers["ended_early"] = float(not core.running)
        if core.running:
            section.numbers["core_mb"] = resident(core.pid).all_mb
    for name, key in _COUNTED.items():
        section.numbers[name] = float(last.get(key, 0.0)) - float(first.get(key, 0.0)) if last else math.nan
    section.numbers["load"] = float(last.get("load", math.nan))
    section.numbers["seconds"] = seconds
    section.numbers["control_dropouts"] = click.counted.get("shortfalls", math.nan)
    section.numbers["control_underflows"] = float(silent.get("underflows", math.nan))
    section.control["probe_wake_late_ms"] = Summary.of(probe.wake_jitter_ms())
    stalls = Stalls(
        click.late, [(at, at) for at in probe.xruns_at], [(a, b) for a, b in silent.get("at", ())]
    )
    section.notes.append(
        f"forced collection: a thread in the core calls gc.collect() every {COLLECT_EVERY_S} s; the engine's "
        "own policy (frozen, automatic collection off) stays"
    )
    dropouts = math.nan if section.numbers["ended_early"] else section.numbers["dropouts"]
    section.goals.append(Goal(f"dropouts in {seconds / 60:.1f} min", dropouts, 0.0, ""))
    if section.numbers["ended_early"]:
        section.notes.append("the core ended before the time was over: its dropouts are no measure")
    else:
        shortfalls = shortfalls_of(core.beats, run)
        attribute(section, shortfalls, stalls, run, (resting, began), delay.during)
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
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _send_all(
    osc: Callable[[bytes], object],
    midi: Callable[[Sequence[int]], object],
    seconds: float,
    going_on: Callable[[], bool],
) -> dict[str, float]:
    """Turn knobs over MIDI and OSC and strike notes for `seconds`; what was sent, a second."""
    began = time.monotonic()
    counts = {"cc": 0, "osc": 0, "hits": 0}
    rates = {"cc": CC_HZ, "osc": OSC_HZ, "hits": HITS_HZ}
    while (now := time.monotonic() - began) < seconds and going_on():
        for kind, hz in rates.items():
            while counts[kind] < now * hz:
                with contextlib.suppress(OSError):  # the core has ended, and its port with it
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
