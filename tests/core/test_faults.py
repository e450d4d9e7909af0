"""A decoder that is late, fails or hangs: what sounds goes on, fades if it must, and comes back."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from core.enginekit import Bench, level, steepest
from faulty import FaultyModel
from ghostnote.decode.worker import DecodeWorker
from ghostnote.synth.pool import HOLD_FADE_S
from ghostnote.telemetry import Telemetry


@pytest.fixture
def faulty(model) -> Callable[..., tuple[Bench, FaultyModel]]:
    made = []

    def make(faults: dict[int, str], **more: float) -> tuple[Bench, FaultyModel]:
        bad = FaultyModel(model, {}, **more)
        worker = DecodeWorker(None, Telemetry(hold_s=0.0))
        bench = Bench(bad, worker)
        bad.begin(faults)
        made.append((bad, worker))
        return bench, bad

    yield make
    for bad, worker in made:
        bad.release()
        worker.close()


def settle(bench: Bench, condition: Callable[[], bool]) -> np.ndarray:
    """Quanta until the condition holds; the worker runs in real time beside them."""
    sound = []
    for _ in range(3000):
        sound.append(bench.quanta(1))
        if condition():
            return np.concatenate(sound)
        time.sleep(0.002)
    pytest.fail("it did not come to that")


def turned(bench: Bench) -> np.ndarray:
    """A note, then a knob that asks for a decode."""
    bench.now("part1/hit")
    calm = bench.quanta(60)
    bench.now("part1/axis/d1", 0.5)
    return calm


@pytest.mark.parametrize("fault", ["nan", "exception", "wild exception", "deadline"])
def test_a_decode_that_fails_is_tried_again_and_the_note_goes_on(faulty, fault):
    bench, bad = faulty({0: fault})
    calm = turned(bench)
    before = bench.voices[0].sound
    sound = settle(bench, lambda: bench.voices[0].sound is not before)
    assert bad.calls == 2
    assert bench.counts["decode_failed"] == 1
    assert level(sound[:640]) > 0.3 * level(calm[-640:])
    assert bench.engine.parts[1].armed.version == bench.engine.parts[1].version


def test_a_point_that_cannot_be_decoded_leaves_the_old_sound(faulty):
    bench, bad = faulty(dict.fromkeys(range(3), "nan"))
    turned(bench)
    before = bench.voices[0].sound
    settle(bench, lambda: bench.counts.get("decode_failed") == 3)
    assert bench.voices[0].sound is before
    bench.now("part1/axis/d1", 0.25)
    settle(bench, lambda: bench.voices[0].sound is not before)
    assert bad.calls == 4


def test_a_slow_decode_is_counted_and_used(faulty):
    bench, _ = faulty({0: "slow"}, slow_s=0.2)
    turned(bench)
    before = bench.voices[0].sound
    settle(bench, lambda: bench.voices[0].sound is not before)
    assert bench.counts["decode_late"] == 1
    assert not bench.voices[0].held


def test_a_stuck_decoder_lets_voices_fade_and_takes_them_back(faulty):
    bench, bad = faulty({0: "endless"}, deadline_s=0.05)
    calm = turned(bench)
    fading = settle(bench, lambda: bench.voices[0].held)
    assert bad.running
    half = bench.seconds(HOLD_FADE_S / 2)
    assert level(half[-2000:]) < 0.8 * level(calm[-2000:])
    bad.release()
    back = settle(bench, lambda: not bench.voices[0].held)
    steady = max(steepest(calm[1000:]), steepest(bench.seconds(0.05)))
    assert steepest(np.concatenate([calm[-1:], fading, half, back])) < 2.0 * steady


def test_a_decoder_that_stays_stuck_ends_what_waits_for_it_and_nothing_else(faulty):
    bench, _ = faulty({0: "endless"}, deadline_s=0.05)
    turned(bench)
    bench.now("part2/hit")
    settle(bench, lambda: any(v.held for v in bench.voices))
    bench.seconds(HOLD_FADE_S + 0.05)
    assert [v.part for v in bench.engine.pool.voices] == [2]
    bench.now("part3/hit")
    assert level(bench.quanta(20)) > 0.005, "sounds decoded ahead can still be played"


def test_hits_while_the_decoder_is_stuck_sound(faulty):
    bench, _ = faulty({0: "endless"}, deadline_s=0.05)
    turned(bench)
    settle(bench, lambda: bench.engine.plan.stalled)
    bench.now("part1/hit")
    assert level(bench.quanta(20)) > 0.005
