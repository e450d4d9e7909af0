"""What the instrument's processes cost: time to the first sound, and memory."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ghostnote.bench.detect import FLOOR
from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.player import Player, child_env, message
from ghostnote.bench.probe import Probe
from ghostnote.bench.result import Section
from ghostnote.bench.rig import environment
from ghostnote.bench.stats import Goal, Summary
from ghostnote.state.table import PARTS, ROOT

STARTS = 7
START_LIMIT_S = 30.0
START_GOAL_S = 2.0
MEMORY_GOAL_MB = 300.0
MEMORY_S = 60.0

_POLL_S = 0.01
_BARE_IMPORT = "import numpy, onnxruntime"


def startup(options: BenchOptions) -> Section:
    """Process start → first sample at the server's port, struck by OSC all the while."""
    section = Section(
        "startup", "from starting the process of `ghostnote play` to the first sample at the port"
    )
    seconds, control = [], []
    with JackServer(realtime=options.realtime) as server, environment(server.env):
        for _ in range(STARTS):
            seconds.append(_first_sound_s(server, options.model))
            began = time.monotonic()
            subprocess.run([sys.executable, "-c", _BARE_IMPORT], env=child_env(server.env), check=True)
            control.append(time.monotonic() - began)
    section.figures["first_sound_s"] = Summary.of(seconds)
    section.control["import_numpy_onnxruntime_s"] = Summary.of(control)
    section.numbers["starts"] = float(STARTS)
    section.goals.append(
        Goal("process start → first sound, p50", section.figures["first_sound_s"].p50, START_GOAL_S, "s")
    )
    section.notes.append("files come from the system's cache, after the first start")
    return section


def memory(options: BenchOptions) -> Section:
    """Resident memory of each process after a minute of playing."""
    section = Section("memory", "resident set of each process while all parts are played and turned")
    seconds = MEMORY_S if options.seconds is None else options.seconds
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(JackServer(realtime=options.realtime))
            env: Mapping[str, str] = server.env
            device: tuple[str, ...] = ()
        except UnavailableError as error:
            env, device = os.environ, ("--device", "null")
            section.notes.append(f"on the null device: {error}")
        player = stack.enter_context(Player(options.model, env, device))
        first = resident_mb(player.pid)
        _play(player, seconds)
        last = resident_mb(player.pid)
    for name, value in last.items():
        section.numbers[f"{name}_mb"] = value
        section.numbers[f"{name}_at_start_mb"] = first.get(name, math.nan)
    section.numbers["seconds"] = seconds
    core, shared = last.get("core", math.nan), last.get("core_server", 0.0)
    after = f"after {seconds:.0f} s"
    section.goals.append(Goal(f"core memory {after}, all that is resident", core, MEMORY_GOAL_MB, "MB"))
    section.goals.append(Goal(f"core memory {after}, its own", core - shared, MEMORY_GOAL_MB, "MB"))
    section.notes.append(
        "core_server: shared memory of the JACK server (105 MB for its 2048 ports), which counts once for "
        "each JACK client in a process, and PortAudio and python-rtmidi are one each"
    )
    return section


def resident_mb(pid: int) -> dict[str, float]:
    """Resident set in MB of `supervisor` (process `pid`), `core` and `front`.

    `core_server` is the part of the core's that is memory shared with the sound server (Linux).
    """
    import psutil

    parent = psutil.Process(pid)
    found = {"supervisor": parent.memory_info().rss / 1e6}
    for child in parent.children():
        with contextlib.suppress(psutil.Error):
            name = " ".join(child.cmdline()).rpartition("ghostnote.host.")[2].split(" ")[0]
            if name:
                found[name] = child.memory_info().rss / 1e6
            if name == "core":
                found["core_server"] = _shared_mb(child.pid)
    return found


def resident_set_mb(pid: int) -> float:
    """Resident set of one process in MB."""
    import psutil

    return float(psutil.Process(pid).memory_info().rss) / 1e6


def _shared_mb(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("RssShmem:"):
                return float(line.split()[1]) * 1024 / 1e6
    return 0.0


def _first_sound_s(server: JackServer, model: str) -> float:
    with Probe(server.name, 1, START_LIMIT_S + 5.0) as probe:
        known = probe.sources()
        hit = message(f"{ROOT}/part1/hit", 1.0)
        connected = False
        began = time.monotonic()
        looked = probe.heard_frames
        with Player(model, server.env, wait=False) as player:
            while time.monotonic() - began < START_LIMIT_S:
                player.send(hit)
                if not connected and (new := sorted(probe.sources() - known)):
                    probe.connect(new[0], 0)
                    connected = True
                heard = probe.heard_frames
                loud = np.flatnonzero(np.abs(probe.recorded(0)[looked:heard]) > FLOOR)
                if loud.size:
                    return float(probe.time_of(np.asarray(looked + loud[:1], dtype=np.int64))[0]) - began
                looked = heard
                time.sleep(_POLL_S)
            last = player.said[-1] if player.said else "nothing"
    raise UnavailableError(f"no sound within {START_LIMIT_S:.0f} s; ghostnote play said: {last}")


def _play(player: Player, seconds: float) -> None:
    rng = np.random.default_rng(5)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        part = int(rng.choice(PARTS))
        player.send(message(f"{ROOT}/part{part}/hit", 0.8))
        player.send(message(f"{ROOT}/part{part}/axis/d1", float(rng.uniform(-2, 2))))
        time.sleep(0.05)
