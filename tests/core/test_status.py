"""How the instrument says it is doing."""

from __future__ import annotations

import pytest

from core.livekit import Stage, VirtualTime
from ghostnote.audio.null_output import NullOutput
from ghostnote.core.readout import Readout
from ghostnote.core.status import status_of
from ghostnote.state.registry import READABLE


@pytest.fixture
def stage(model):
    turn = VirtualTime(0.3)
    made = Stage(model, NullOutput(48000, 128, clock=turn.clock, sleep=turn.sleep), turn.clock)
    yield made, turn
    made.close()


def test_every_status_can_be_read_and_follows(stage):
    made, turn = stage
    readout = Readout(made.engine, status_of(made.live, made.output, made.engine, made.telemetry))
    assert {a for a in READABLE if a.startswith("/gn/status/")} <= set(readout)
    assert readout["/gn/status/state"] == "starting"
    turn.at(0.05, lambda: made.send(("part1/hit", (0.5,))))
    turn.at(0.2, lambda: made.send(("part1/hit", (0.5,)), due=0.1))
    made.live.start()
    assert turn.over.wait(60.0)
    assert readout["/gn/status/voices"] == 2
    assert readout["/gn/status/late"] == 1
    assert readout["/gn/status/load"] > 0.0
    assert readout["/gn/status/peak_load"] >= readout["/gn/status/load"]
    assert readout["/gn/status/latency"] == pytest.approx(1000.0 * made.output.latency_frames / 48000)
    made.telemetry.count("inbox_dropped", 3)
    assert readout["/gn/status/dropped"] == 3
    made.telemetry.count("osc_far_ahead", 2)
    assert readout["/gn/status/clamped"] == 2
    assert readout["/gn/status/xruns"] == made.output.counters()["shortfalls"]
    assert readout["/gn/status/state"] in ("ok", "degraded")


def test_late_notes_are_dropped_if_so_set(stage):
    made, turn = stage
    turn.at(0.02, lambda: made.send(("osc/late", ("drop",))))
    turn.at(0.2, lambda: made.send(("part1/hit", (0.5,)), ("part1/gain", (-3.0,)), due=0.1))
    made.live.start()
    assert turn.over.wait(60.0)
    assert [a.addr for a in made.applied] == ["/gn/osc/late", "/gn/part1/gain"]
    assert made.telemetry.snapshot()["late_dropped"] == 1
