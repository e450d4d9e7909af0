"""The sections that need a JACK server, for a moment each: all is started, heard, counted and ended."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial

import psutil
import pytest

from ghostnote.bench import latency, probe, sections, soak, startup
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.result import Section
from ghostnote.bench.sounds import Strike

pytestmark = [pytest.mark.jack, pytest.mark.usefixtures("needs_jack")]

HITS = 10
LIMIT_S = 100.0
ATTEMPTS = 2
"""On a machine so busy that each of ten hits has a hole beside it, it is tried again."""


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}


def _measure(name: str, options: BenchOptions, done: list[Section]) -> None:
    done.append(sections.measure(name, options))


@pytest.fixture
def run(tiny, monkeypatch) -> Iterator[Callable[..., Section]]:
    """Measure a section; afterwards the environment is as it was and no process of it is left."""
    before = environment()
    monkeypatch.setattr(startup, "STARTS", 1)
    monkeypatch.setattr(soak, "REST_S", 1.0)
    monkeypatch.setattr(latency, "SETTLE_S", 0.3)
    monkeypatch.setattr(latency, "sharpest", lambda model, rate: Strike("kick", 1.0))

    def measure(name: str, **more) -> Section:
        options = BenchOptions(str(tiny), **{"hits": HITS, **more})
        for _ in range(ATTEMPTS):
            done: list[Section] = []
            target = partial(_measure, name, options, done)
            worker = threading.Thread(target=target, daemon=True)
            worker.start()
            worker.join(LIMIT_S)
            assert done, "the section hangs"
            if "nothing was measured" not in (done[0].skipped or ""):
                break
        return done[0]

    yield measure
    assert environment() == before
    left = [command_of(child) for child in psutil.Process().children(recursive=True)]
    assert not [line for line in left if "ghostnote" in line]


def end_the_server() -> None:
    """By a signal that lets it tidy up: one that is killed keeps its place, one of eight on the machine."""
    for child in psutil.Process().children():
        if "gnbench" in command_of(child):
            child.terminate()


def command_of(process: psutil.Process) -> str:
    """How a process was started; nothing for one that has ended since it was listed."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def check(section: Section, *figures: str) -> None:
    """What holds for every section that was measured: order, units, a control, goals that say if missed."""
    assert section.skipped is None, section.skipped
    assert set(figures) <= set(section.figures)
    for name, summary in {**section.figures, **section.control}.items():
        assert name.endswith(("_ms", "_s")), "the unit ends the name"
        assert summary.count >= 1
        assert summary.p1 <= summary.p50 <= summary.p95 <= summary.p99 <= summary.max
    for name in section.figures:
        assert section.figures[name].p1 > 0.0
    assert not figures or section.control, "a control stands beside each figure"
    assert section.goals
    for goal in section.goals:
        assert goal.met == (math.isfinite(goal.value) and goal.value <= goal.limit)
    assert section.load_before >= 0.0
    assert section.load_after >= 0.0


def check_hits(section: Section, figure: str) -> None:
    numbers = section.numbers
    assert numbers["hits"] == HITS
    assert section.figures[figure].count == HITS - numbers["not_heard"]
    assert section.control["bare_path_ms"].count == HITS - numbers["control_not_heard"]
    assert section.figures[figure].max < 60.0 + 1e3 * probe.CONNECT_LIMIT_S, "found where it was looked for"
    assert [goal.limit for goal in section.goals] == [8.0, 12.0, 3.0]
    assert section.goals[2].value == pytest.approx(section.figures[figure].spread)
    for name in ("server_xruns", "dropouts", "late_decodes", "sound_onset_ms"):
        assert numbers[name] >= 0.0


def test_hits_over_osc_beside_the_bare_path(run):
    section = run("osc")
    check(section, "osc_ms")
    check_hits(section, "osc_ms")


def test_hits_over_midi_from_the_port_and_from_the_call(run):
    section = run("midi")
    check(section, "midi_ms", "midi_from_send_ms")
    check_hits(section, "midi_ms")
    from_send = section.figures["midi_from_send_ms"]
    assert from_send.count <= HITS
    assert from_send.p50 > section.figures["midi_ms"].p1, "a message waits for the next period"


def test_the_knob_in_both_modes(run):
    section = run("knob")
    check(section)
    steps = max(4, HITS // 10)
    for mode, limit in (("quality", 45.0), ("low_latency", 30.0)):
        summary = section.figures[f"{mode}_ms"]
        assert summary.count == steps - section.numbers[f"{mode}_not_told_apart"]
        goal = next(goal for goal in section.goals if f", {mode}," in goal.what)
        assert (goal.value, goal.limit, goal.unit) == (summary.p95, limit, "ms")
    assert section.control["bare_path_ms"].count == steps - section.numbers["control_not_heard"]


def test_starts(run):
    section = run("startup")
    check(section, "first_sound_s")
    assert section.figures["first_sound_s"].count == section.numbers["starts"] == 1
    assert section.control["import_numpy_onnxruntime_s"].count == 1
    assert section.figures["first_sound_s"].p1 > section.control["import_numpy_onnxruntime_s"].p1


def test_memory_of_all_processes_judged_on_both(run):
    section = run("memory", seconds=0.5)
    check(section)
    numbers = section.numbers
    assert all(numbers[f"{name}_mb"] > 5.0 for name in ("supervisor", "core", "front"))
    assert numbers["core_mb"] == pytest.approx(numbers["core_own_mb"] + numbers["core_shared_with_server_mb"])
    assert numbers["core_own_mb"] < numbers["core_mb"]
    assert numbers["core_shared_with_server_mb"] > 10.0, "the server's memory is told apart"
    for goal, name in zip(section.goals, ("core", "core_own"), strict=True):
        assert goal.value == max(numbers[f"{name}_mb"], numbers[f"{name}_at_start_mb"])
    for goal in section.goals:
        assert f"{'meets' if goal.met else 'misses'} it ({goal.value:.0f} MB)" in section.notes[0]


def test_a_short_soak_sends_what_it_says_and_attributes_every_shortfall(run):
    section = run("soak", seconds=2.0)
    check(section)
    numbers = section.numbers
    assert numbers["cc_hz"] == pytest.approx(200, rel=0.1)
    assert numbers["osc_hz"] == pytest.approx(60, rel=0.1)
    assert numbers["hits_hz"] == pytest.approx(8, rel=0.1)
    assert numbers["ended_early"] == 0.0
    assert numbers["dropouts_seen"] == numbers["dropouts_beside_a_stall"] + numbers["dropouts_own"]
    assert numbers["dropouts_own"] <= numbers["dropouts_seen"]
    for name in ("dropouts", "control_dropouts", "control_underflows", "core_mb", "server_xruns"):
        assert numbers[name] >= 0.0
    assert [goal.limit for goal in section.goals] == [0.0, 0.0]
    assert section.goals[0].met == (numbers["dropouts"] == 0.0)
    assert {row["stalls"] for row in section.tables["stalls"]} >= {"bare", "server", "silent"}
    assert any("shortfalls" in note and "the engine's own" in note for note in section.notes)


@pytest.mark.parametrize(
    ("name", "after"), [("osc", "_strike"), pytest.param("soak", "_send_all", marks=pytest.mark.slow)]
)
def test_a_server_that_dies_is_said_to_have_died(run, monkeypatch, name, after):
    module = {"osc": latency, "soak": soak}[name]
    real = getattr(module, after)

    def deadly(*args):
        timer = threading.Timer(0.2, end_the_server)
        timer.start()
        try:
            return real(*args)
        finally:
            timer.join()

    monkeypatch.setattr(module, after, deadly)
    section = run(name, seconds=1.0)
    assert section.skipped == "the JACK server ended while it was measured"
    assert not section.figures
    assert not section.goals
