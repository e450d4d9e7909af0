"""A long set in virtual time: after many minutes the engine is as sound and as small as at the start."""

from __future__ import annotations

import json
import os

import numpy as np
import psutil
import pytest

from bundles import build_bundle
from ghostnote.core.control_log import read_log
from ghostnote.core.render import RenderOptions, render
from ghostnote.decode.model import load
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import Parameter
from ghostnote.telemetry import Telemetry
from ghostnote.units import db_to_gain

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

MINUTES = float(os.environ.get("GHOSTNOTE_SOAK_MINUTES", "10"))
RATE = 48000
HITS_PER_S = 6.0
KNOBS_PER_S = 20.0
GROWTH_BYTES = 24e6
"""How much memory may be gained from the first quarter to the end; a leak of a block a second is 250 MB."""

KNOBS = sorted(a for a, t in TARGETS.items() if isinstance(t.row, Parameter) and t.part and t.row.kind == "f")


def write_set(path, rng) -> int:
    """A log of random hits, notes and knobs; how many entries it has."""
    entries = []
    for _ in range(int(MINUTES * 60 * HITS_PER_S)):
        part = rng.integers(1, 9)
        if rng.random() < 0.7:
            entries.append((f"/gn/part{part}/hit", [float(rng.random())]))
        else:
            entries.append((f"/gn/part{part}/note", [int(rng.integers(36, 84)), float(rng.random())]))
    for _ in range(int(MINUTES * 60 * KNOBS_PER_S)):
        addr = KNOBS[rng.integers(len(KNOBS))]
        row = TARGETS[addr].row
        entries.append((addr, [float(rng.uniform(row.low, row.high))]))
    times = rng.permutation(np.linspace(0.0, MINUTES * 60, len(entries)))
    timed = sorted(zip(times.tolist(), entries, strict=True), key=lambda entry: entry[0])
    lines = [json.dumps({"t": t, "addr": addr, "args": args}) for t, (addr, args) in timed]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


def test_a_long_set_stays_sound_and_small(tmp_path, rng):
    model = load(build_bundle(tmp_path / "tiny"))
    assert write_set(tmp_path / "set.jsonl", rng) > 0
    log = read_log(tmp_path / "set.jsonl")
    telemetry = Telemetry()
    process = psutil.Process()
    frames, quarter, early = 0, MINUTES * 60 * RATE / 4, None
    loud = 0
    for block in render(model, log, RenderOptions(rate=RATE, seconds=MINUTES * 60), telemetry):
        assert np.isfinite(block).all(), f"not finite after {frames / RATE:.1f} s"
        peak = float(np.abs(block).max())
        assert peak <= db_to_gain(-0.3) + 1e-6, f"above the ceiling after {frames / RATE:.1f} s"
        loud += peak > 1e-3
        frames += len(block)
        if early is None and frames >= quarter:
            early = process.memory_info().rss
    assert frames == pytest.approx(MINUTES * 60 * RATE, abs=1)
    assert loud * 4096 > 0.5 * frames, "it was silent for more than half of the time"
    assert early is not None
    assert process.memory_info().rss - early < GROWTH_BYTES
    assert telemetry.snapshot().get("render_error", 0) == 0
