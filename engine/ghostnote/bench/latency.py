"""Hit → first sample and knob → changed spectrum, at the port of a real audio server."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench.detect import onset, spectral_change
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.player import message
from ghostnote.bench.probe import PADS
from ghostnote.bench.result import Section
from ghostnote.bench.rig import BARE, ENGINE, Rig, rig
from ghostnote.bench.sounds import far_apart, sharpest
from ghostnote.bench.stats import Goal, Summary, hit_goals
from ghostnote.decode.model import load
from ghostnote.state.table import ROOT

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

GAP_S = (0.09, 0.21)
"""Between two hits, uniformly random, so that they fall anywhere in the server's period."""
HUSH_AFTER_S, CLICK_AFTER_S = 0.025, 0.045
KNOB_AFTER_S = (0.11, 0.15)
KNOB_SETTLES_S = 0.22
KNOB_REST_S = 0.12
SETTLE_S = 0.7
KNOB_GOALS_MS = {"quality": 45.0, "low_latency": 30.0}
"""New MIDI ports are picked up within a second or so."""
_NOTE_ON_PART_1 = (0x99, 36, 114)

_HUSH = message(f"{ROOT}/hush")


@dataclass(frozen=True)
class Struck:
    """Times at which something was sent, to the engine and to the bare control."""

    engine: list[float]
    bare: list[float]


def osc(options: BenchOptions) -> Section:
    """OSC hit → first sample."""
    section = Section("osc", "time of the first sample at the port, less the time at which OSC was sent")
    with _hit_rig(options, section, ()) as running:
        hit = message(f"{ROOT}/part1/hit", 0.9)
        struck = _strike(running, lambda: running.player.send(hit), options)
        _report_hits(section, running, struck, "osc_ms", "OSC hit → sound")
    return section


def midi(options: BenchOptions) -> Section:
    """MIDI hit → first sample: JACK MIDI, received by python-rtmidi."""
    section = Section("midi", "time of the first sample at the port, less that of the note at the MIDI port")
    with _hit_rig(options, section, ("--midi", f"jack:{PADS}")) as running:
        running.probe.wait_for_listener()
        struck = _strike(running, lambda: running.probe.send(_NOTE_ON_PART_1), options)
        running.server.check()
        notes = np.array(running.probe.notes, dtype=np.int64)
        at_port = [float(t) for t in running.probe.time_of(notes)]
        _report_hits(section, running, Struck(at_port, struck.bare), "midi_ms", "MIDI hit → sound")
        section.figures["midi_from_send_ms"] = Summary.of(_delays_ms(running, struck.engine, ENGINE, onset))
        section.notes.append(
            "midi_from_send_ms counts from the call that sends: JACK takes messages once a period, so that "
            "it takes 0 to 2.7 ms before the note is at the server's port"
        )
    return section


def knob(options: BenchOptions) -> Section:
    """Knob → changed spectrum of a sounding note, in both phase modes."""
    section = Section(
        "knob", "centre of the first 11 ms window that is nearer to the new sound than to the old"
    )
    steps = max(4, options.hits // 10)
    old, new = far_apart(load(options.model))
    section.notes.append(f"part 1 goes between {old} and {new} by one message, at random moments of a note")
    seconds = 2 * steps * (max(KNOB_AFTER_S) + KNOB_SETTLES_S + KNOB_REST_S)
    with rig(options.model, seconds + 20.0, realtime=options.realtime) as running:
        for slot, name in (("a", old), ("b", new)):
            running.player.send(message(f"{ROOT}/slot/{slot}/prototype", name))
        for mode, goal in KNOB_GOALS_MS.items():
            running.player.send(message(f"{ROOT}/synth/mode", mode))
            moved = _turn(running, steps, options.seed)
            time.sleep(SETTLE_S)
            running.server.check()
            found = _delays_ms(running, moved, ENGINE, spectral_change)
            section.numbers[f"{mode}_not_told_apart"] = float(np.isnan(found).sum())
            summary = section.figures[f"{mode}_ms"] = Summary.of(found)
            section.goals.append(Goal(f"knob → spectrum, {mode}, p95", summary.p95, goal, "ms"))
        _report_control(section, running, _clicks(running, steps, options.seed))
        _report_end(section, running)
    return section


@contextlib.contextmanager
def _hit_rig(options: BenchOptions, section: Section, arguments: tuple[str, ...]) -> Iterator[Rig]:
    with rig(
        options.model, options.hits * max(GAP_S) + 20.0, arguments, realtime=options.realtime
    ) as running:
        strike = sharpest(load(options.model), running.probe.rate)
        section.numbers["sound_onset_ms"] = strike.onset_ms
        section.notes.append(
            f"struck: {strike.prototype or 'the mean point'}; from its start to its first loud sample, "
            f"resampler and limiter included, it takes {strike.onset_ms:.2f} ms of the latency"
        )
        if strike.prototype:
            running.player.send(message(f"{ROOT}/slot/a/prototype", strike.prototype))
        running.player.send(message(f"{ROOT}/part1/program", 0))
        time.sleep(SETTLE_S)
        yield running
        _report_end(section, running)


def _strike(running: Rig, send: Callable[[], object], options: BenchOptions) -> Struck:
    """Send hits at random moments, each followed by silence and a click of the bare control."""
    rng = np.random.default_rng(options.seed)
    struck = Struck([], [])
    due = time.monotonic()
    for _ in range(options.hits):
        due = max(due + rng.uniform(*GAP_S), time.monotonic())
        _sleep_until(due)
        struck.engine.append(time.monotonic())
        send()
        _sleep_until(due + HUSH_AFTER_S)
        running.player.send(_HUSH)
        _sleep_until(due + CLICK_AFTER_S)
        struck.bare.append(time.monotonic())
        running.click.strike()
    time.sleep(SETTLE_S)
    return struck


def _clicks(running: Rig, count: int, seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    moments = []
    for _ in range(count):
        time.sleep(rng.uniform(*GAP_S))
        moments.append(time.monotonic())
        running.click.strike()
    time.sleep(SETTLE_S)
    return moments


def _turn(running: Rig, steps: int, seed: int) -> list[float]:
    """Strike notes and move each to the other sound while it sounds; when they were moved."""
    rng = np.random.default_rng(seed)
    hit = message(f"{ROOT}/part1/hit", 1.0)
    programs = [message(f"{ROOT}/part1/program", slot) for slot in (0, 1)]
    running.player.send(programs[0])
    moved = []
    for step in range(steps):
        time.sleep(KNOB_REST_S)
        running.player.send(hit)
        time.sleep(rng.uniform(*KNOB_AFTER_S))
        moved.append(time.monotonic())
        running.player.send(programs[(step + 1) % 2])
        time.sleep(KNOB_SETTLES_S)
        running.player.send(_HUSH)
    return moved


def _delays_ms(
    running: Rig, moments: list[float], index: int, find: Callable[[Float32, int, int], int | None]
) -> Float64:
    """Milliseconds from each time to what `find` finds; NaN for nothing, or where cycles are missing."""
    probe, sound = running.probe, running.probe.recorded(index)
    delays = np.full(len(moments), np.nan)
    for i, at_s in enumerate(moments):
        start = probe.frame_at(at_s)
        found = find(sound, start, probe.rate)
        if found is not None and probe.is_whole(start - 2 * probe.block, found):
            delays[i] = 1e3 * (float(probe.time_of(np.array([found]))[0]) - at_s)
    return delays


def _report_hits(section: Section, running: Rig, struck: Struck, name: str, what: str) -> None:
    running.server.check()
    found = _delays_ms(running, struck.engine, ENGINE, onset)
    section.numbers["hits"] = float(len(found))
    section.numbers["not_heard"] = float(np.isnan(found).sum())
    summary = section.figures[name] = Summary.of(found)
    section.goals.extend(hit_goals(what, summary))
    _report_control(section, running, struck.bare)


def _report_control(section: Section, running: Rig, moments: list[float]) -> None:
    clicks = _delays_ms(running, moments, BARE, onset)
    section.control["bare_path_ms"] = Summary.of(clicks)
    section.control["probe_wake_late_ms"] = Summary.of(running.probe.wake_jitter_ms())
    section.numbers["control_not_heard"] = float(np.isnan(clicks).sum())


def _report_end(section: Section, running: Rig) -> None:
    section.numbers["server_xruns"] = float(running.probe.xruns)
    dropouts, late = running.player.end()
    section.numbers["dropouts"] = float(dropouts)
    section.numbers["late_decodes"] = float(late)


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
