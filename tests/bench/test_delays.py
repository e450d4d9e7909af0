"""From a recording to delays: hits that are lost, holes in the recording, and nothing at all."""

from __future__ import annotations

import types

import numpy as np
import pytest

from ghostnote.bench import latency, sections
from ghostnote.bench.detect import onset
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.probe import Probe
from ghostnote.bench.result import Section
from ghostnote.bench.rig import BARE, ENGINE

RATE, BLOCK, SECONDS = 48000, 128, 4.0
BEGAN = 500.0
CYCLES = int(SECONDS * RATE / BLOCK)


def recording(
    delays_ms: dict[int, list[float | None]], moments: list[float], missed: range = range(0)
) -> Probe:
    """A probe that heard a click so many ms after each moment (None: none), but not in cycles `missed`."""
    probe = Probe.__new__(Probe)
    probe.rate, probe.block, probe.xruns, probe.notes = RATE, BLOCK, 0, []
    heard = np.array([k for k in range(CYCLES) if k not in missed])
    probe.cycles = len(heard)
    probe._wake_frames = heard * BLOCK
    probe._wake_s = BEGAN + heard * BLOCK / RATE
    probe._sound = np.zeros((2, CYCLES * BLOCK), dtype=np.float32)
    probe._heard = np.zeros(CYCLES + 1, dtype=np.bool_)
    probe._heard[heard] = True
    for row, ms in delays_ms.items():
        for at, delay in zip(moments, ms, strict=True):
            if delay is not None:
                probe._sound[row, round((at - BEGAN + delay / 1e3) * RATE)] = 0.5
    return probe


def rig(probe: Probe) -> types.SimpleNamespace:
    return types.SimpleNamespace(probe=probe, server=types.SimpleNamespace(check=lambda: None))


MOMENTS = [BEGAN + 0.2 + 0.31 * k for k in range(12)]
CLICKS = [at + 0.1 for at in MOMENTS]


def test_delays_are_those_that_were_recorded():
    wanted = [6.0 + 0.25 * k for k in range(12)]
    found = latency._delays_ms(rig(recording({ENGINE: wanted}, MOMENTS)), MOMENTS, ENGINE, onset)
    assert found == pytest.approx(wanted, abs=1e3 / RATE)


def test_a_hit_that_is_not_heard_is_lost_and_the_next_is_not_taken_for_it():
    wanted = [7.0, None, 8.0, None, None, *[7.5] * 7]
    section = Section("osc", "how")
    running = rig(recording({ENGINE: wanted, BARE: [6.0] * 12}, MOMENTS))
    latency._report_hits(section, running, latency.Struck(MOMENTS, MOMENTS), "osc_ms", "hit")
    assert section.numbers["hits"] == 12
    assert section.numbers["not_heard"] == 3
    assert section.figures["osc_ms"].count == 9
    assert section.figures["osc_ms"].max == pytest.approx(8.0, abs=0.03)
    assert section.control["bare_path_ms"].count == 12
    assert section.numbers["control_not_heard"] == 0
    assert [goal.met for goal in section.goals] == [True, True, True]


def test_a_late_hit_misses_its_goals_and_is_said_to():
    section = Section("osc", "how")
    running = rig(recording({ENGINE: [9.0] * 11 + [30.0], BARE: [6.0] * 12}, MOMENTS))
    latency._report_hits(section, running, latency.Struck(MOMENTS, MOMENTS), "osc_ms", "hit")
    assert [goal.met for goal in section.goals] == [False, False, False]
    assert [goal.as_dict()["met"] for goal in section.goals] == [False, False, False]


def test_a_hit_beside_a_hole_in_the_recording_is_lost():
    """A probe that was not run for some time does not know when a sound began."""
    hole = range(int((MOMENTS[4] - BEGAN) * RATE / BLOCK), int((MOMENTS[4] - BEGAN + 0.004) * RATE / BLOCK))
    assert len(hole) >= 1
    probe = recording({ENGINE: [7.0] * 12}, MOMENTS, hole)
    found = latency._delays_ms(rig(probe), MOMENTS, ENGINE, onset)
    assert np.flatnonzero(np.isnan(found)).tolist() == [4]


def test_nothing_heard_at_all_is_no_figure(monkeypatch, tiny):
    def deaf(options: BenchOptions) -> Section:
        section = Section("osc", "how")
        running = rig(recording({}, []))
        latency._report_hits(section, running, latency.Struck(MOMENTS, CLICKS), "osc_ms", "hit")
        return section

    monkeypatch.setitem(sections.SECTIONS, "osc", deaf)
    section = sections.measure("osc", BenchOptions(str(tiny)))
    assert section.skipped is not None
    assert "nothing was measured" in section.skipped
    assert not section.figures
