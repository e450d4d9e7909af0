"""Notes from names and values: what is the note's own, and what is its part's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.enginekit import RATE, Bench, centroid_hz, entry, first_sound, level, rendered
from core.livekit import Stage, VirtualTime
from ghostnote.audio.null_output import NullOutput
from ghostnote.core.play import turning
from ghostnote.errors import MessageError
from ghostnote.state.registry import check, resolve
from ghostnote.state.table import AXES, SLOTS


@pytest.fixture
def bench(model) -> Bench:
    return Bench(model)


def played(model, *pairs, seconds: float = 0.2, also=()) -> np.ndarray:
    """What one note sounds like, with other messages before it."""
    bench = Bench(model)
    for addr, *args in also:
        bench.now(addr, *args)
    bench.quanta(20)
    bench.at(20 * 64, "play", *pairs)
    return bench.seconds(seconds)


def test_a_note_of_defaults_is_a_hit_of_part_1(model):
    bench = Bench(model)
    bench.quanta(20)
    bench.at(20 * 64, "part1/hit")
    assert np.array_equal(played(model), bench.seconds(0.2))
    bench = Bench(model)
    bench.quanta(20)
    bench.at(20 * 64 + 13, "part3/note", 67, 0.5)
    expected = bench.seconds(0.2)
    for pitch in (("note", 67), ("n", 7)):
        bench = Bench(model)
        bench.quanta(20)
        bench.at(20 * 64 + 13, "play", "velocity", 0.5, *pitch, "part", 3)
        assert np.array_equal(bench.seconds(0.2), expected)


@pytest.mark.parametrize(
    "pairs",
    [
        ("gain", -12.0),
        ("pan", -1.0),
        ("speed", 2.0),
        ("rate", 0.5),
        ("rate", -1.0),
        ("begin", 0.3),
        ("end", 0.02),
        ("sustain", 0.01),
        ("n", 5),
    ],
)
def test_what_is_the_notes_own_leaves_knobs_and_other_notes_alone(model, pairs):
    bench = Bench(model)
    before = dict(bench.engine.values)
    bench.now("play", *pairs)
    bench.seconds(0.5)
    assert bench.engine.values == before
    after = Bench(model)
    after.now("play", *pairs)
    after.now("panic")
    after.quanta(40)
    plain = Bench(model)
    plain.quanta(40)
    for made in (after, plain):
        made.engine.parts[1].hits = 0
        made.now("part1/hit")
    assert np.array_equal(after.seconds(0.1), plain.seconds(0.1))
    own = played(model, *pairs)
    assert not np.array_equal(own, played(model)), f"{pairs} has an effect"


def test_gain_is_in_decibels_and_pan_is_of_equal_power(model):
    plain = played(model)
    quiet = played(model, "gain", -20.0)
    assert np.allclose(quiet, plain * 0.1, atol=1e-6)
    left = played(model, "pan", -1.0)
    assert level(left[:, 1:]) < 1e-6
    assert level(left[:, :1]) == pytest.approx(np.sqrt(2.0) * level(plain[:, :1]), rel=1e-4)
    turned = played(model, also=[("part1/pan", -1.0)], seconds=0.2)
    assert level(turned[2000:, :1]) == pytest.approx(level(left[2000:, :1]), rel=0.05)


def test_speed_is_pitch_like_note(model):
    assert np.array_equal(played(model, "speed", 2.0), played(model, "n", 12.0))
    assert centroid_hz(played(model, "speed", 2.0)) > 1.2 * centroid_hz(played(model))


def test_a_note_that_begins_later_begins_at_its_sample_without_a_click(model):
    sound = played(model, "begin", 0.25)
    assert first_sound(sound) <= 64
    assert np.abs(sound[:20]).max() < 0.5 * np.abs(sound).max()
    assert not np.allclose(sound, played(model), atol=1e-3)


def test_sustain_and_end_let_the_note_go_in_time(model):
    bench = Bench(model)
    bench.now("part1/release", 0.01)
    bench.now("play", "sustain", 0.05, "id", 7)
    bench.seconds(0.049)
    assert len(bench.voices) == 1
    bench.seconds(0.003)
    assert bench.voices == []
    duration = bench.engine.spec.duration_s
    bench.now("play", "begin", 0.1, "end", 0.1 + 0.05 / duration)
    bench.seconds(0.049)
    assert len(bench.voices) == 1
    bench.seconds(0.003)
    assert bench.voices == []


def test_end_is_a_place_in_the_sound_at_the_parts_rate(bench):
    share = 0.05 / bench.engine.spec.duration_s
    bench.now("part1/rate", 0.5)
    bench.now("part2/freeze", 1)
    bench.seconds(0.2)
    for part in (1, 2):
        bench.now("play", "part", part, "end", share)
    bench.seconds(0.09)
    assert [voice.part for voice in bench.voices] == [1, 2]
    bench.seconds(0.02)
    assert [voice.part for voice in bench.voices] == [2], "a playhead that stands does not get to an end"


@pytest.mark.parametrize("rate", [0.5, 2.0, 0.0])
def test_the_rate_of_a_note_is_what_the_part_at_that_rate_plays(model, rate):
    """Sample for sample; and it is the part's times the note's own."""
    own = played(model, "rate", rate)
    assert np.array_equal(own, played(model, also=[("part1/rate", rate)]))
    both = played(model, "rate", 2.0 * rate, also=[("part1/rate", 0.5)])
    assert np.array_equal(both, own)
    assert np.array_equal(played(model, "rate", 1.0), played(model)), "at 1 it is as it was decoded"


def test_a_negative_rate_is_the_part_reversed_and_twice_reversed_is_forwards(model):
    assert np.array_equal(played(model, "rate", -1.0), played(model, also=[("part1/reverse", 1)]))
    bench = Bench(model)
    bench.now("part1/reverse", 1)
    bench.now("play", "rate", -1.0)
    bench.seconds(0.1)
    assert 10.0 < bench.voices[0].frame < 40.0


def test_backwards_a_note_goes_from_its_end_to_its_begin(bench):
    duration = bench.engine.spec.duration_s
    begin, end = 0.1, 0.1 + 0.05 / duration
    bench.now("play", "rate", -1.0, "begin", begin, "end", end)
    bench.quanta(1)
    (voice,) = bench.voices
    frames = len(voice.sound.magnitudes)
    assert voice.frame == pytest.approx(end * (frames - 1), abs=6.0)
    bench.seconds(0.04)
    assert begin * frames - 6 < voice.frame < end * frames - 3
    bench.seconds(0.02)
    assert bench.voices == []
    bench.now("play", "rate", -1.0, "begin", 1.0)
    bench.quanta(2)
    assert bench.voices == [], "there is nothing between its end and its end"


def test_a_standing_note_stands_while_others_of_its_part_go_on(bench):
    bench.now("play", "rate", 0.0, "begin", 0.2, "id", 7)
    bench.now("part1/hit")
    bench.seconds(0.1)
    still, moving = bench.voices
    assert still.frame == pytest.approx(0.2 * (len(still.sound.magnitudes) - 1), abs=1.0)
    assert moving.frame > 5.0


def test_end_is_reached_sooner_at_a_higher_rate(bench):
    share = 0.1 / bench.engine.spec.duration_s
    bench.now("play", "end", share, "rate", 2.0)
    bench.seconds(0.045)
    assert len(bench.voices) == 1
    bench.seconds(0.01)
    assert bench.voices == []


class TestModel:
    """Parts that notes put on another model, which is theirs from then on."""

    @pytest.fixture
    def two(self, model, other_model) -> Bench:
        bench = Bench(model, load_model=lambda name: other_model)
        bench.now("model/add", "other")
        bench.seconds(0.1)
        return bench

    def test_a_note_puts_its_part_on_its_model_and_back(self, two):
        two.now("play", "part", 2, "model", "other")
        two.quanta(1)
        assert two.engine.values["/gn/part2/model"] == "other"
        assert len(two.voices) == 1
        two.now("play", "part", 2)
        two.quanta(1)
        assert two.engine.values["/gn/part2/model"] == "other", "who names none leaves it"
        two.now("play", "part", 2, "model", "")
        two.quanta(1)
        assert two.engine.values["/gn/part2/model"] == ""

    def test_s_is_a_sound_of_that_model(self, two):
        loaded = two.engine.models.get("other")
        two.engine.fill_slot("h", np.ones(loaded.manifest.latent_size, dtype=np.float32), "gong", loaded)
        two.now("play", "s", "gong")
        two.quanta(1)
        assert two.voices == []
        assert "no sound 'gong'" in two.telemetry.take_reports()[-1].text
        two.now("play", "s", "gong", "model", "other")
        two.quanta(1)
        assert [voice.part for voice in two.voices] == [8]
        assert two.engine.values["/gn/part8/model"] == "other"

    def test_a_model_that_is_not_there_is_told_and_nothing_is_turned_or_played(self, two):
        before = dict(two.engine.values)
        two.now("play", "model", "violins", "s", "snare", "part", 5, "d1", 2.0)
        two.quanta(1)
        assert two.voices == []
        assert two.engine.values == before
        (report,) = two.telemetry.take_reports()
        assert "/gn/play: model 'violins' is not loaded; loaded: tiny, other" in report.text

    def test_a_note_to_come_begins_with_the_sound_of_its_model(self):
        turned = turning(("part", 2, "model", "other", "n", 3.0))
        assert dict(zip(turned[::2], turned[1::2], strict=True)) == {
            "part": 2,
            "model": "other",
            "velocity": 0.0,
        }
        assert turning(("part", 2, "n", 3.0)) == ()


def test_one_note_of_a_cut_group_sounds_at_a_time(bench):
    bench.now("play", "cut", 1)
    bench.now("play", "part", 2)
    bench.quanta(4)
    bench.now("play", "part", 3, "cut", 1)
    bench.now("play", "part", 4, "cut", 2)
    bench.quanta(1)
    assert sorted(voice.part for voice in bench.voices) == [2, 3, 4]


def test_s_finds_the_part_that_plays_a_sound(bench):
    names = {slot: bench.engine.slots.get(slot).origin for slot in "ab" if bench.engine.slots.get(slot)}
    for word, part in (
        ("part5", 5),
        ("b", 2),
        *((name, SLOTS.index(slot) + 1) for slot, name in names.items()),
    ):
        before = dict(bench.engine.values)
        bench.now("play", "s", word, "part", 7)
        bench.quanta(1)
        assert bench.voices[-1].part == part
        assert bench.engine.values == before
    bench.now("part7/program", 1)
    bench.now("play", "s", "b", "part", 7)
    bench.quanta(1)
    assert bench.voices[-1].part == 7, "the part that was asked for, if it has the sound"


def test_s_that_no_part_plays_turns_the_part_that_was_asked_for(bench):
    for part in range(1, 9):
        bench.now(f"part{part}/program", 0)
    bench.now("play", "s", "c", "part", 4)
    bench.quanta(1)
    assert bench.voices[-1].part == 4
    assert [bench.engine.values[f"/gn/part4/weight/{slot}"] for slot in "abc"] == [0.0, 0.0, 1.0]


def test_an_unknown_sound_is_told_and_not_played(bench):
    bench.now("play", "s", "superpiano")
    bench.quanta(1)
    assert bench.voices == []
    (report,) = bench.telemetry.take_reports()
    assert "superpiano" in report.text
    assert "part1…part8" in report.text


def test_axes_turn_the_part(bench):
    bench.now("play", "d1", 1.5, "part", 2)
    bench.quanta(1)
    assert bench.engine.values["/gn/part2/axis/d1"] == 1.5


def test_a_note_to_come_begins_with_the_sound_of_its_own_axes(model):
    """Live, a tagged note's axes turn its part ahead, by as much as a decode takes."""
    turn = VirtualTime(0.6)
    made = Stage(model, NullOutput(44100, 128, record_s=1.0, clock=turn.clock, sleep=turn.sleep), turn.clock)
    turn.at(0.05, lambda: made.send(("play", ("d1", 2.0, "part", 2)), due=0.3))
    made.live.start()
    assert turn.over.wait(60.0)
    made.close()
    turned, note = made.applied
    assert (turned.args, note.args) == (("d1", 2.0, "part", 2, "velocity", 0.0), ("d1", 2.0, "part", 2))
    assert 8 * 64 < note.at - turned.at < 40 * 64
    heard = made.output.recorded()
    heard = heard[first_sound(heard) :][:1500]
    turned_sound, plain = played(model, "part", 2, also=[("part2/axis/d1", 2.0)]), played(model, "part", 2)
    apart = level(plain[:1500] - turned_sound[:1500])
    assert level(heard - turned_sound[:1500]) < 0.1 * apart, "but for the safety chain's filter"


def test_a_seed_gives_the_note_its_own_chance(model):
    def strayed(seed: int | None) -> np.ndarray:
        also = [("part1/variance", 1.0)]
        return played(model, *(() if seed is None else ("seed", seed)), also=also)

    assert np.array_equal(strayed(3), strayed(3))
    assert not np.array_equal(strayed(3), strayed(4))
    assert not np.array_equal(strayed(3), strayed(None))
    assert np.array_equal(played(model, "seed", 3), played(model))


def test_panic_forgets_notes_to_come_and_their_ends(bench):
    bench.at(RATE, "play", "sustain", 0.1)
    bench.at(100, "panic")
    bench.seconds(1.2)
    assert bench.voices == []
    assert [a.addr for a in bench.applied] == ["/gn/panic"]


_VALUES = {
    "part": st.integers(1, 8),
    "n": st.floats(-24, 24),
    "velocity": st.floats(0, 1),
    "gain": st.floats(-60, 6),
    "pan": st.floats(-1, 1),
    "speed": st.floats(0.125, 8),
    "begin": st.floats(0, 1),
    "end": st.floats(0, 1),
    "sustain": st.floats(0.003, 0.1),
    "cut": st.integers(0, 3),
    "seed": st.integers(0, 5),
    "d1": st.floats(-4, 4),
}
_PAIRS = st.fixed_dictionaries({}, optional=_VALUES).map(lambda d: [x for pair in d.items() for x in pair])


@given(st.lists(_PAIRS, min_size=1, max_size=4))
@settings(max_examples=15)
def test_a_render_of_the_log_gives_the_same_samples(model, notes):
    bench = Bench(model)
    for k, pairs in enumerate(notes):
        bench.at(500 + 700 * k, "play", *pairs)
    heard = bench.seconds(0.25)
    assert np.isfinite(heard).all()
    entries = [entry(a.at / RATE, a.addr.removeprefix("/gn/"), *a.args) for a in bench.applied]
    again = Bench(model)
    for line in entries:
        assert again.engine.schedule(round(line.t * RATE), line.target, line.args)
    assert np.array_equal(heard, again.seconds(0.25))


def test_a_render_knows_play(model):
    sound = rendered(model, [entry(0.05, "play", "part", 2, "gain", -3.0)], seconds=0.2)
    assert 0.04 < first_sound(sound) / RATE < 0.08


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("part",), "args", "one has no value"),
        (("part", 1, "n"), "args", "one has no value"),
        (("loudness", 1.0), "args", "no 'loudness'; there are part, model, s, n"),
        ((1, "part"), "args", "no '1'"),
        (("part", "two"), "type", "part takes a number"),
        (("s", 3.0), "type", "s takes a word"),
        (("gain", float("nan")), "range", "not a finite number"),
    ],
)
def test_wrong_pairs_say_which(args, code, says):
    with pytest.raises(MessageError, match=says) as caught:
        check(resolve("/gn/play"), args)
    assert caught.value.code == code


@given(
    st.lists(
        st.sampled_from(["part", "pan", "pan", *AXES[:2]]).flatmap(
            lambda n: st.tuples(st.just(n), st.floats(-99, 99))
        )
    )
)
def test_checked_pairs_stay_as_they_are(pairs):
    target = resolve("/gn/play")
    fitted, clipped = check(target, tuple(x for pair in pairs for x in pair))
    assert check(target, fitted) == (fitted, False)
    assert dict(zip(fitted[::2], fitted[1::2], strict=True)).keys() == dict(pairs).keys()
    given = {n: round(v) if n == "part" else v for n, v in pairs}
    assert clipped or all(v == given[n] for n, v in zip(fitted[::2], fitted[1::2], strict=True))
