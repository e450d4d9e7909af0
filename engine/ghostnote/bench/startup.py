"""What a start takes: from the process to the first sound."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np

from ghostnote.bench.detect import FLOOR
from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.player import Player, child_env, message
from ghostnote.bench.probe import Probe
from ghostnote.bench.result import Section
from ghostnote.bench.rig import environment
from ghostnote.bench.stats import Goal, Summary
from ghostnote.state.table import ROOT

STARTS = 7
START_LIMIT_S = 30.0
START_GOAL_S = 2.0

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
            server.check()
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
