"""A morph of all parts while eight voices sound, beside the same playing without a morph, in turns."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import tempfile
import time
from collections.abc import Callable, Mapping

import numpy as np

from ghostnote.bench.core_process import CoreProcess
from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.player import child_env, message
from ghostnote.bench.result import Section
from ghostnote.bench.rig import environment
from ghostnote.bench.stats import Goal
from ghostnote.state.table import AXES, PARTS, ROOT, SLOTS

MORPH_S = 60.0
TURN_S = 3.0
FADE_S = 2.0
BLOCK = 256
VOICES = 8
HITS_HZ = 16.0
SETTLE_S = 1.0
NO_MIDI = "no such port"

_COUNTED = {"dropouts": "shortfalls", "late_decodes": "decode_late"}
_NUMBERS = {"gain": (-20.0, -6.0), "pan": (-1.0, 1.0), "pitch": (-5.0, 5.0), "variance": (0.0, 0.5)}


def morph(options: BenchOptions) -> Section:
    """Dropouts and load while a scene morphs in 2 s, at block 256 with 8 voices."""
    section = Section("morph", "ring shortfalls while all parts and slots morph, beside none that morph")
    seconds = MORPH_S if options.seconds is None else options.seconds
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ghostnote-bench-"))
        device: str | None = None
        try:
            env: Mapping[str, str] = stack.enter_context(
                JackServer(block=BLOCK, realtime=options.realtime)
            ).env
        except UnavailableError as error:
            env, device = os.environ, "null"
            section.notes.append(f"on the null device: {error}")
        stack.enter_context(environment({**child_env(env), "GHOSTNOTE_HOME": folder}))
        core = stack.enter_context(CoreProcess(options.model, BLOCK, NO_MIDI, device=device))
        out = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        out.connect(("127.0.0.1", core.port))
        _store_scenes(out.send, options.seed)
        counted = {"rest": dict.fromkeys(_COUNTED, 0.0), "morph": dict.fromkeys(_COUNTED, 0.0)}
        loads: dict[str, list[float]] = {"rest": [], "morph": []}
        for turn in range(2 * max(1, round(seconds / TURN_S / 2.0))):
            kind = "morph" if turn % 2 else "rest"
            before = core.counters()
            if kind == "morph":
                out.send(message(f"{ROOT}/scene/recall", "ab"[turn // 2 % 2], FADE_S))
            _play(out.send, TURN_S)
            after = core.counters()
            if not core.running or not after:
                raise UnavailableError("the core ended while it was measured")
            for name, key in _COUNTED.items():
                counted[kind][name] += float(after.get(key, 0.0)) - float(before.get(key, 0.0))
            loads[kind].append(float(after["load"]))
        recalls = float(after.get("task:/gn/scene/recall", 0.0))
    for kind, numbers in counted.items():
        section.numbers.update({f"{kind}_{name}": value for name, value in numbers.items()})
        section.numbers[f"{kind}_load"] = float(np.mean(loads[kind]))
    section.numbers["recalls_refused"] = recalls
    dropouts = math.nan if recalls else section.numbers["morph_dropouts"]
    section.goals.append(
        Goal(f"dropouts in {len(loads['morph'])} morphs of {FADE_S:.0f} s", dropouts, 0.0, "")
    )
    section.notes.append(
        "rest and morph take turns of 3 s with the same hits; load is rendering time / real time"
    )
    return section


def _store_scenes(send: Callable[[bytes], object], seed: int) -> None:
    """Two scenes, `a` and `b`, that differ in everything that moves."""
    rng = np.random.default_rng(seed)
    send(message(f"{ROOT}/synth/voices", VOICES))
    for scene in "ab":
        for slot in SLOTS:
            send(message(f"{ROOT}/slot/{slot}/random", int(rng.integers(1 << 30))))
        for part in PARTS:
            for name, (low, high) in _NUMBERS.items():
                send(message(f"{ROOT}/part{part}/{name}", float(rng.uniform(low, high))))
            for axis in AXES:
                send(message(f"{ROOT}/part{part}/axis/{axis}", float(rng.uniform(-1.0, 1.0))))
            for slot in SLOTS:
                send(message(f"{ROOT}/part{part}/weight/{slot}", float(rng.uniform(0.0, 1.0))))
        time.sleep(SETTLE_S)
        send(message(f"{ROOT}/scene/store", scene))
        time.sleep(SETTLE_S)


def _play(send: Callable[[bytes], object], seconds: float) -> None:
    began, hits = time.monotonic(), 0
    while (now := time.monotonic() - began) < seconds:
        while hits < now * HITS_HZ:
            send(message(f"{ROOT}/part{PARTS[hits % len(PARTS)]}/hit", 0.7))
            hits += 1
        time.sleep(0.005)
