"""Metamorphic checks of whole renders: what must not change a sample, and what must change it exactly so."""

from __future__ import annotations

import numpy as np
import pytest

from core.enginekit import DELAY, RATE, Bench, entry, first_sound, level, rendered
from ghostnote.core.control_log import ControlLog, LogEntry, read_log
from ghostnote.core.instrument import Instrument
from ghostnote.core.render import RenderOptions, build_engine, render
from ghostnote.state.registry import resolve
from ghostnote.telemetry import Telemetry

SHORT_S = 0.06
PIECE = [
    entry(0.0, "part2/weight/d", 0.5),
    entry(0.003, "part1/hit", 0.8),
    entry(0.011, "part2/note", 64, 0.7),
    entry(0.02, "part1/axis/d1", 1.5),
    entry(0.031, "part1/gain", -9.0),
    entry(0.04, "part2/pan", 0.4),
]


def in_blocks(model, rate: int, block: int, frames: int) -> np.ndarray:
    instrument = Instrument(build_engine(model, ControlLog(PIECE), RenderOptions(), Telemetry()), rate)
    out = np.empty((frames, 2), dtype=np.float32)
    for start in range(0, frames, block):
        instrument.read(out[start : start + block])
    return out


@pytest.mark.parametrize("rate", [22050, 44100, 48000, 96000])
def test_block_sizes_do_not_change_a_sample(model, rate):
    frames = round(SHORT_S * rate)
    whole = in_blocks(model, rate, frames, frames)
    assert level(whole) > 0.01
    for block in (1, 7, 64, 128, 4096):
        assert np.array_equal(in_blocks(model, rate, block, frames), whole), block


def test_the_same_log_gives_the_same_samples(model):
    assert np.array_equal(rendered(model, PIECE, 0.1), rendered(model, PIECE, 0.1))


def test_lines_need_not_be_in_order_of_time(model):
    assert np.array_equal(rendered(model, PIECE, 0.1), rendered(model, PIECE[::-1], 0.1))


def test_one_weight_is_the_slot_alone(model):
    hit = entry(0.01, "part1/hit")
    alone = rendered(model, [entry(0.0, "part1/program", 2), hit])
    weighed = rendered(model, [entry(0.0, "part1/weight/a", 0.0), entry(0.0, "part1/weight/c", 1.0), hit])
    assert np.array_equal(alone, weighed)


def test_normalised_weights_of_one_slot_may_be_anything(model):
    hit = entry(0.01, "part1/hit")
    assert np.array_equal(rendered(model, [entry(0.0, "part1/weight/a", 0.5), hit]), rendered(model, [hit]))
    assert not np.array_equal(
        rendered(model, [entry(0.0, "part1/weight/a", 0.5), entry(0.0, "part1/normalize", 0), hit]),
        rendered(model, [hit]),
    )


def test_twice_the_gain_is_twice_the_sound(model):
    hit = entry(0.01, "part1/hit", 0.5)
    quiet = rendered(model, [entry(0.0, "part1/gain", -26.0206), hit])
    louder = rendered(model, [entry(0.0, "part1/gain", -20.0), hit])
    assert np.allclose(louder, 2.0 * quiet, rtol=1e-3, atol=1e-6)
    master = rendered(model, [entry(0.0, "master/gain", -20.0), hit])
    assert np.allclose(master[4000:], louder[4000:], rtol=1e-3, atol=1e-5)


def test_a_seed_decides_over_chance(model):
    piece = [entry(0.0, "part1/variance", 1.0), entry(0.01, "part1/hit"), entry(0.1, "part1/hit")]
    one, same, other = (rendered(model, piece, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.allclose(one, other, atol=1e-3)


def test_the_option_goes_before_the_seed_of_the_log(model):
    piece = [entry(0.0, "part1/variance", 1.0), entry(0.01, "part1/hit")]
    chosen = rendered(model, piece, seed=7)
    assert np.array_equal(rendered(model, [entry(0.0, "seed", 7), *piece]), chosen)
    assert np.array_equal(rendered(model, [entry(0.0, "seed", 3), *piece], seed=7), chosen)


def test_without_variance_the_seed_changes_only_the_texture(model):
    """The noise that a hit is drawn with is chance too, but the sound stays the same one."""
    one, other = (rendered(model, [entry(0.01, "part1/hit")], seed=seed) for seed in (1, 2))
    assert level(one) == pytest.approx(level(other), rel=0.1)


def test_what_is_set_at_time_zero_is_set_before_the_first_hit(model):
    hit = entry(0.0, "part1/hit")
    assert np.array_equal(
        rendered(model, [entry(0.0, "slot/a/z", *[0.5] * 64), hit]),
        rendered(model, [entry(0.0, "slot/b/z", *[0.5] * 64), entry(0.0, "part1/program", 1), hit]),
    )


def test_a_panic_in_a_log_ends_only_what_was_before_it(model):
    hits = [entry(0.01, "part1/hit"), entry(0.1, "part1/hit")]
    sound = rendered(model, [*hits, entry(0.05, "panic")])
    assert level(sound[round(0.052 * RATE) : round(0.099 * RATE)]) == 0.0
    assert level(sound[round(0.1 * RATE) :]) > 0.01


def test_a_long_log_is_played_to_its_end(model):
    """Twenty thousand knob movements before the hit: none may push another out."""
    knobs = [entry(k * 1e-5, "part2/pan", (k % 200) / 100 - 1.0) for k in range(20_000)]
    sound = rendered(model, [*knobs, entry(0.21, "part1/hit")], 0.25)
    assert first_sound(sound) >= round(0.21 * RATE)


def test_a_render_ends_by_itself_when_all_is_silent(model):
    sound = np.concatenate(list(render(model, ControlLog([entry(0.01, "part1/hit")]))))
    assert 1.0 < len(sound) / RATE < model.spec.duration_s + 0.5
    assert level(sound[-2000:]) < 1e-4


def test_an_empty_log_is_hardly_anything(model):
    sound = np.concatenate(list(render(model, ControlLog())))
    assert not sound.any()
    assert len(sound) < RATE


@pytest.mark.parametrize("rate", [22050, 48000, 96000])
def test_any_rate_plays_in_tune_and_in_time(model, rate):
    hit = [entry(0.05, "part1/hit")]
    own = rendered(model, hit, 0.35)[:, 0]
    other = rendered(model, hit, 0.35, rate=rate)[:, 0]
    assert len(other) == round(0.35 * rate)
    assert abs(first_sound(other[:, None]) / rate - 0.05) < 0.002
    for samples, hz in ((own, RATE), (other, rate)):
        spectrum = np.abs(
            np.fft.rfft(samples[round(0.1 * hz) :] * np.hanning(len(samples) - round(0.1 * hz)))
        )
        peak = np.argmax(spectrum) * hz / (len(samples) - round(0.1 * hz))
        if hz == RATE:
            expected = peak
    assert peak == pytest.approx(expected, rel=0.01)


def test_seconds_are_exact(model):
    assert len(rendered(model, [], 0.123)) == round(0.123 * RATE)
    assert len(rendered(model, [], 0.123, rate=48000)) == round(0.123 * 48000)


def test_a_file_in_a_log_is_embedded(model, tmp_path, rng):
    import soundfile

    noise = 0.3 * rng.standard_normal(20_000) * np.exp(-np.arange(20_000) / 4000)
    soundfile.write(tmp_path / "hit.wav", noise, RATE)
    line = '{"t": 0, "addr": "/gn/slot/a/file", "args": ["%s"]}\n{"t": 0.01, "addr": "/gn/part1/hit"}\n'
    log = tmp_path / "log.jsonl"
    log.write_text(line % str(tmp_path / "hit.wav").replace("\\", "/"))
    sound = np.concatenate(list(render(model, read_log(log), RenderOptions(seconds=0.2))))
    assert not np.array_equal(sound, rendered(model, [entry(0.01, "part1/hit")], 0.2))
    assert level(sound) > 0.001


def test_what_was_played_does_not_wait_for_the_grid_and_ones_own_lines_do(model):
    """An undo takes effect between two lines of the grid, and is in the log as what it did, there."""
    bench = Bench(model)
    instrument = Instrument(bench.engine, RATE)
    for at, addr, *args in (
        (0, "clock/quantise", "1/16"),
        (3000, "part3/hit", 0.6),
        (7000, "part3/pan", 0.7),
        (9000, "undo"),
    ):
        bench.at(at, addr, *args)
    live = np.empty((RATE // 2, 2), dtype=np.float32)
    instrument.read(live)
    lines = [LogEntry(a.at / RATE, resolve(a.addr), a.args) for a in bench.applied]
    assert [(line.target.name, round(line.t * RATE)) for line in lines[1:]] == [
        ("hit", 5513),
        ("pan", 7000),
        ("scene/set", 9000),
    ]

    def render_of(start: dict) -> np.ndarray:
        log = ControlLog(lines, start)
        return np.concatenate(list(render(model, log, RenderOptions(seconds=0.5, decode_delay=DELAY))))

    assert np.array_equal(render_of({"version": "test"}), live)
    assert not np.array_equal(render_of({}), live)
