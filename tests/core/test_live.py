"""The live path: on a virtual clock sample for sample what a render of its log gives, and deaf to trouble."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from core.enginekit import first_sound, level
from core.livekit import ChangingOutput, Stage, VirtualTime, WatchedOutput
from ghostnote.audio.null_output import NullOutput
from ghostnote.decode.worker import DecodeWorker

BLOCK = 128


@pytest.fixture
def stage(model) -> Iterator[Callable[..., Stage]]:
    stages = []

    def make(output: NullOutput, clock: Callable[[], float], *more: object) -> Stage:
        stages.append(Stage(model, output, clock, *more))
        return stages[-1]

    yield make
    for made in stages:
        made.close()


def virtual(stage, seconds: float, rate: int = 48000, **more: object) -> tuple[Stage, VirtualTime]:
    turn = VirtualTime(seconds)
    output = NullOutput(rate, BLOCK, record_s=10.0, clock=turn.clock, sleep=turn.sleep, **more)
    return stage(output, turn.clock), turn


def play(made: Stage, turn: VirtualTime) -> None:
    made.live.start()
    assert turn.over.wait(60.0), made.telemetry.snapshot()


PIECE = [
    (0.050, [("part1/hit", (0.8,))]),
    (0.053, [("part1/axis/d1", (1.0,)), ("part2/variance", (0.8,))]),
    (0.081, [("part2/hit", (0.7,)), ("part3/note", (67, 0.5))]),
    (0.102, [("slot/a/random", ())]),
    (0.104, [("part1/pan", (-0.5,)), ("part2/hit", (0.9,))]),
    (0.150, [("panic", ())]),
    (0.160, [("part2/hit", (0.9,))]),
    (0.170, [("part4/hit", (0.4,)), ("master/gain", (-6.0,))]),
    (0.180, [("hush", ())]),
]


@pytest.mark.parametrize("rate", [44100, 48000])
def test_a_render_of_the_log_gives_the_same_samples(stage, tmp_path, rate):
    made, turn = virtual(stage, 0.3, rate)
    for t, messages in PIECE:
        turn.at(t, lambda messages=messages: made.send(*messages))
    play(made, turn)
    heard = made.output.recorded()
    assert len(made.applied) == sum(len(messages) for _, messages in PIECE)
    assert level(heard) > 0.01
    assert made.output.counters()["shortfalls"] == 0
    assert np.array_equal(made.offline(tmp_path), heard)


@pytest.mark.parametrize("blocks", [(64,), (37, 501, 128), (1024,)])
def test_odd_blocks_change_nothing(stage, tmp_path, blocks):
    made, turn = virtual(stage, 0.2, blocks=blocks)
    turn.at(0.05, lambda: made.send(("part1/hit", (0.8,))))
    turn.at(0.08, lambda: made.send(("part1/axis/d1", (1.5,))))
    play(made, turn)
    assert np.array_equal(made.offline(tmp_path), made.output.recorded())


def test_a_clocked_device_and_the_decode_thread_give_the_same_samples(stage, tmp_path):
    """In real time too, unless this machine was too busy to decode or render in time."""
    made = stage(NullOutput(48000, 1024, ahead_blocks=8, record_s=10.0), time.monotonic, DecodeWorker, 128)
    made.live.start()
    time.sleep(0.2)
    for messages in (("part1/hit", (0.8,)), ("part1/axis/d1", (1.0,)), ("part2/hit", (0.7,))):
        made.send(messages)
        time.sleep(0.1)
    made.close()
    heard = made.output.recorded()
    assert level(heard) > 0.005
    counts = made.telemetry.snapshot()
    if counts.get("decode_late") or made.output.counters()["shortfalls"]:
        pytest.skip(f"this machine was too busy: {counts}, {made.output.counters()}")
    assert np.array_equal(made.offline(tmp_path), heard)


def test_every_hit_has_the_same_latency(stage):
    made, turn = virtual(stage, 0.5)
    sent = [0.1 + k * 0.0173 for k in range(20)]
    for t in sent:
        turn.at(t, lambda: made.send(("part1/hit", (0.3,))))
    received = []
    original = made.send

    def noting(*messages, **more):
        received.append(turn.now)
        original(*messages, **more)

    made.send = noting
    play(made, turn)
    latency = np.array([a.at / 44100 for a in made.applied]) - np.array(received)
    assert len(latency) == len(sent)
    assert latency.max() - latency.min() < 0.0015
    assert 0.0 < latency.mean() < 0.05


def test_the_deadline_follows_a_device_that_takes_other_blocks(stage):
    turn = VirtualTime(1.6)
    made = stage(ChangingOutput(48000, BLOCK, clock=turn.clock, sleep=turn.sleep), turn.clock)
    turn.at(0.7, lambda: made.output.change(8 * BLOCK))
    received = []

    def hit() -> None:
        taken, at = made.output.position()
        received.append(taken / 48000 + turn.now - at)
        made.send(("part1/hit", (0.3,)))

    for k in range(20):
        turn.at(0.1 + k * 0.0273, hit)
        turn.at(0.9 + k * 0.0273, hit)
    play(made, turn)
    latency = np.array([a.at / 44100 for a in made.applied]) - np.array(received)
    assert len(latency) == 40
    for of_block, block_s in ((latency[:20], BLOCK / 48000), (latency[20:], 8 * BLOCK / 48000)):
        # Two blocks less what a hit at the very start of a period may be late by, and a quantum.
        assert of_block.min() > 1.5 * block_s - 0.001
        assert of_block.max() < 2.0 * block_s + 0.0025
    assert made.output.counters()["shortfalls"] <= 1


def test_what_is_missing_comes_block_by_block(stage):
    """After a late look, the first block is in the ring before the second is rendered."""
    turn = VirtualTime(0.3)
    output = WatchedOutput(48000, BLOCK, ahead_blocks=4, clock=turn.clock, sleep=turn.sleep)
    made = stage(output, turn.clock)
    turn.at(0.2, lambda: turn.sleep(2.4 * BLOCK / 48000))
    play(made, turn)
    assert max(missing for missing, _ in output.writes[4:]) == 3 * BLOCK
    assert {frames for _, frames in output.writes} == {BLOCK}
    assert output.counters()["shortfalls"] == 0


def test_a_bundle_acts_in_one_quantum(stage):
    made, turn = virtual(stage, 0.15)
    turn.at(0.1, lambda: made.send(*[(f"part{p}/hit", (0.2,)) for p in range(1, 9)]))
    play(made, turn)
    assert len({a.at for a in made.applied}) == 1
    assert len(made.applied) == 8


def test_a_time_tag_is_kept(stage):
    made, turn = virtual(stage, 0.4)
    turn.at(0.1, lambda: made.send(("part1/hit", (0.5,)), due=0.3))
    turn.at(0.1, lambda: made.send(("part2/hit", (0.5,)), due=0.25))
    play(made, turn)
    at = {a.addr: a.at / 44100 for a in made.applied}
    assert at["/gn/part1/hit"] - at["/gn/part2/hit"] == pytest.approx(0.05, abs=0.001)
    start = first_sound(made.output.recorded()) / 48000
    assert start == pytest.approx(at["/gn/part2/hit"], abs=0.003)


def test_a_time_tag_of_the_past_sounds_at_once_and_is_counted(stage):
    made, turn = virtual(stage, 0.2)
    turn.at(0.15, lambda: made.send(("part1/hit", (0.5,)), due=0.05))
    play(made, turn)
    assert len(made.applied) == 1
    assert made.telemetry.snapshot()["late_events"] == 1


def test_panic_is_silence_within_a_block_and_the_next_hit_is_heard(stage):
    """At 48 kHz the converter still rings when the panic comes, and someone keeps on playing."""
    made, turn = virtual(stage, 0.5)
    turn.at(0.1, lambda: made.send(*[(f"part{p}/hit", (1.0,)) for p in range(1, 9)]))
    turn.at(0.15, lambda: made.send(("panic", ())))
    for k in range(20):
        turn.at(0.151 + k * 0.01, lambda: made.send(("part1/hit", (0.8,))))
    play(made, turn)
    heard = made.output.recorded()
    panic = next(a.at for a in made.applied if a.addr == "/gn/panic") / 44100
    first_after = (
        next(a.at for a in made.applied if a.addr == "/gn/part1/hit" and a.at / 44100 > panic) / 44100
    )
    silent = heard[round((panic + 0.002) * 48000) : round(first_after * 48000)]
    assert not silent.any()
    assert level(heard[round((first_after + 0.01) * 48000) :]) > 0.02


def test_an_error_in_the_engine_costs_a_block_and_no_latency(stage, monkeypatch):
    """What is written stays in step with what is counted, so that later hits are not late for ever."""
    made, turn = virtual(stage, 0.6)
    real, calls = made.engine.pool.render, []

    def failing(*args: object) -> None:
        calls.append(turn.now)
        if 0.2 < turn.now < 0.25:
            raise ZeroDivisionError("on purpose")
        real(*args)

    monkeypatch.setattr(made.engine.pool, "render", failing)
    received = []
    for t in (0.1, 0.4):
        turn.at(t, lambda: (received.append(turn.now), made.send(("part1/hit", (0.5,)))))
    play(made, turn)
    assert made.telemetry.snapshot()["render_error"] > 3
    assert made.live.alive
    heard = np.abs(made.output.recorded()).max(axis=1) > 1e-6
    onsets = [np.flatnonzero(heard[round(t * 48000) :])[0] for t in received]
    assert abs(onsets[0] - onsets[1]) < 2 * BLOCK


def test_trouble_in_following_a_point_does_not_last(stage, monkeypatch):
    made, turn = virtual(stage, 0.4)
    part = made.engine.parts[1]
    real = part.set_point

    def once(*args: object) -> None:
        monkeypatch.setattr(part, "set_point", real)
        raise ValueError("on purpose")

    monkeypatch.setattr(part, "set_point", once)
    turn.at(0.1, lambda: made.send(("part1/axis/d1", (1.0,))))
    turn.at(0.2, lambda: made.send(("part1/hit", (0.9,))))
    play(made, turn)
    assert made.telemetry.snapshot()["render_error"] == 1
    assert level(made.output.recorded()[-4800:]) > 0.005


def test_a_stalled_device_is_survived(stage):
    made, turn = virtual(stage, 0.6)
    turn.at(0.1, lambda: made.output.stall(0.1))
    turn.at(0.3, lambda: made.send(("part1/hit", (0.9,))))
    play(made, turn)
    assert level(made.output.recorded()[-4800:]) > 0.005


def test_a_file_is_embedded_beside_the_sound_and_logged_as_its_point(stage, tmp_path, rng):
    import soundfile

    soundfile.write(tmp_path / "a.wav", 0.3 * rng.standard_normal(8000), 44100)
    made = stage(NullOutput(48000, 512, ahead_blocks=4), time.monotonic)
    made.tasks.start()
    made.live.start()
    made.send(("slot/a/file", (str(tmp_path / "a.wav"),)))
    made.send(("slot/b/file", (str(tmp_path / "missing.wav"),)))
    deadline = time.monotonic() + 60.0
    while len(made.applied) < 2 or not made.tasks.settled(time.monotonic()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert [a.addr for a in made.applied] == ["/gn/slot/a/point", "/gn/slot/a/detail"]
    assert made.applied[0].at // 64 == made.applied[1].at // 64, "in the same quantum"
    assert made.applied[1].args == ("tiny", made.instrument.engine.slots.get("a").detail.details[0].text)
    assert made.applied[0].args[:2] == ("tiny", "a.wav")
    assert len(made.applied[0].args) == 2 + 64
    reports = [r.text for r in made.telemetry.take_reports()]
    assert any("missing.wav" in text for text in reports)
    made.tasks.close()


def test_hits_right_after_a_slow_start_are_not_late(stage):
    """Between opening the device and the first block there is half a second of other work."""
    made, turn = virtual(stage, 0.9)
    turn.now = 0.5
    turn.at(0.501, lambda: made.send(("part1/hit", (0.5,))))
    turn.at(0.52, lambda: made.send(("part2/hit", (0.5,))))
    play(made, turn)
    assert len(made.applied) == 2
    assert made.applied[-1].at / 44100 < 0.06


def test_a_hit_right_after_a_dropout_is_not_late(stage):
    made, turn = virtual(stage, 1.2)
    turn.at(0.3, lambda: made.output.stall(0.5))
    turn.at(0.81, lambda: made.send(("part1/hit", (0.5,))))
    play(made, turn)
    (hit,) = made.applied
    played_before = 0.81 - 0.5
    assert hit.at / 44100 < played_before + 0.04
