"""Solo and dim: what is heard of whom, and that nothing clicks."""

from __future__ import annotations

import numpy as np
import pytest

from core.enginekit import Bench, entry, level, rendered, steepest

HITS = [entry(0.01, f"part{part}/hit", 0.5) for part in (1, 2, 3)]


@pytest.fixture
def play(model):
    def run(*addresses: str) -> np.ndarray:
        return rendered(model, [*(entry(0.0, addr, 1) for addr in addresses), *HITS], 0.1)

    return run


def test_a_solo_is_a_mute_of_all_others(play):
    muted = play(*(f"part{part}/mute" for part in (1, 3, 4, 5, 6, 7, 8)))
    assert level(muted) > 0.005
    assert np.array_equal(play("part2/solo"), muted)


def test_two_solos_are_heard_together(play):
    both = play("part1/solo", "part2/solo")
    assert np.array_equal(both, play("part3/mute"))


def test_a_mute_holds_against_a_solo(play):
    assert not play("part2/solo", "part2/mute").any()


def test_all_solos_are_none(play):
    assert np.array_equal(play(*(f"part{part}/solo" for part in range(1, 9))), play())


def test_a_solo_comes_and_goes_without_a_click(model):
    bench = Bench(model)
    bench.now("part1/hit", 0.9)
    calm = bench.seconds(0.05)
    bench.now("part2/solo", 1)
    silent = bench.seconds(0.15)
    bench.now("part2/solo", 0)
    back = bench.seconds(0.05)
    assert level(silent[-1000:]) < 1e-3 * level(calm)
    assert level(back[-1000:]) > 1e-3
    assert steepest(np.concatenate([calm[-1:], silent, back])) < 1.3 * steepest(calm)


def test_dim_is_twenty_decibels(play):
    dimmed, full = play("master/dim")[2000:], play()[2000:]  # after the ramp at the start
    assert np.allclose(dimmed, 0.1 * full, rtol=1e-3, atol=1e-5)


def test_a_mute_of_all_is_silence_dimmed_or_not(play):
    assert level(play("master/mute", "master/dim")[2000:]) == 0.0
