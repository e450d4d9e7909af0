"""What depends on time, live and offline: glides, grid, taps, MIDI clock, recalls and undo sound the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from core.enginekit import level
from core.livekit import Stage, VirtualTime
from ghostnote.audio.null_output import NullOutput
from ghostnote.control.events import Event

POINT = [round(0.1 * k - 3.0, 1) for k in range(64)]
RECALL = [
    ("scene/set", (0.15, "there", "/gn/part1/axis/d1", 2.0, "/gn/part2/pan", 0.7, "/gn/part2/release", 1.0)),
    ("scene/slot", (0.15, "there", "a/tiny", "mine", *POINT)),
    ("scene/slot", (0.15, "there", "c/tiny", "")),
]
PIECES = {
    "glides": [
        (0.05, [("part1/glide", (0.1,)), ("part1/hit", (0.8,))]),
        (0.07, [("part1/pitch", (5.0,)), ("part1/pan", (-0.9,)), ("part1/program", (3,))]),
        (0.13, [("part1/pitch", (-5.0,)), ("part1/hit", (0.8,))]),
        (0.20, [("part1/glide", (0.0,)), ("part1/gain", (-9.0,))]),
    ],
    "the grid": [
        (0.01, [("clock/quantise", ("1/16",))]),
        (0.05, [("part1/hit", (0.8,)), ("part2/note", (64, 0.7))]),
        (0.06, [("part2/off", (64,)), ("clock/tempo", (133.0,))]),
        (0.14, [("part1/hit", (0.6,)), *RECALL]),
        (0.16, [("clock/nudge", (-30.0,))]),
        (0.18, [("clock/tap", (1.0,))]),
        (0.25, [("clock/tap", (1.0,)), ("part3/hit", (0.7,))]),
    ],
    "a MIDI clock": [
        (0.01, [("clock/source", ("midi",)), ("clock/quantise", ("1/16",)), ("clock/pulse", ("start",))]),
        *((0.02 + 0.0085 * k, [("clock/pulse", ("clock",))]) for k in range(30)),
        (0.10, [("part1/hit", (0.8,))]),
        (0.17, [("part2/hit", (0.8,))]),
        (0.27, [("clock/pulse", ("stop",)), ("part4/hit", (0.8,))]),
    ],
    "recall and undo": [
        (0.05, [("part1/hit", (0.8,)), ("part2/hit", (0.8,))]),
        (0.06, [("part3/axis/d2", (1.0,))]),
        (0.08, RECALL),
        (0.13, [("part1/hit", (0.8,)), ("part3/hit", (0.8,))]),
        (0.16, [("undo", (1.0,))]),
        (0.19, [("undo", (1.0,)), ("part3/hit", (0.8,))]),
        (0.22, [("redo", (1.0,)), ("redo", (1.0,)), ("part1/hit", (0.8,))]),
    ],
}


@pytest.fixture
def stage(model) -> Iterator[Callable[[VirtualTime], Stage]]:
    made: list[Stage] = []

    def make(turn: VirtualTime) -> Stage:
        output = NullOutput(48000, 128, clock=turn.clock, sleep=turn.sleep, record_s=2.0)
        made.append(Stage(model, output, turn.clock))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("piece", PIECES)
def test_a_render_of_the_log_is_what_was_heard(stage, tmp_path, piece):
    turn = VirtualTime(0.4)
    made = stage(turn)
    for t, messages in PIECES[piece]:
        turn.at(t, lambda messages=messages: made.send(*messages))
    made.live.start()
    assert turn.over.wait(60)
    made.close()
    heard = made.output.recorded()
    assert level(heard) > 0.005
    assert {"undo", "redo", "tap", "pulse"}.isdisjoint(a.addr.rpartition("/")[2] for a in made.applied)
    assert np.array_equal(made.offline(tmp_path), heard)


@pytest.mark.parametrize(("rate", "block"), [(48000, 128), (44100, 512)])
def test_what_was_taken_and_is_said_to_be_in_effect_is(model, rate, block):
    """As `/gn/sync` says it: what came before has been set, also while what was missed is made up for."""
    turn = VirtualTime(0.6)
    made = Stage(model, NullOutput(rate, block, clock=turn.clock, sleep=turn.sleep), turn.clock)
    sent: list[tuple[float, int, float]] = []
    seen: list[tuple[float, int, float]] = []

    def send(k: int) -> None:
        turn.now += 3 * block / rate if k % 5 == 0 else 0.0
        made.send(("part1/pan", (0.01 * k,)))
        sent.append((turn.now, k, 0.01 * k))

    def drain(limit: int) -> list[Event]:
        pan = float(made.engine.values["/gn/part1/pan"])
        seen.append((made.live.settled_until, made.inbox.applied, pan))
        return take(limit)

    take, made.inbox.drain = made.inbox.drain, drain
    for k in range(1, 31):
        turn.at(0.05 + 0.0137 * k, lambda k=k: send(k))
    made.live.start()
    assert turn.over.wait(60.0)
    made.close()
    for until, taken, pan in seen:
        assert all(pan > value - 1e-9 for at, k, value in sent if at < until and k <= taken)
    late = [k for until, taken, pan in seen for at, k, value in sent if k <= taken and pan < value - 1e-9]
    assert late, "not all that was taken is in effect"
    assert made.live.settled_until > sent[-1][0], "and in the end everything is"
