"""Several models at once: which is the main one, which a part plays, and what is refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundles import build_bundle
from core.enginekit import DELAY, Bench, entry, level, rendered
from ghostnote.core.instrument import Instrument
from ghostnote.core.models import MAX_MODELS
from ghostnote.core.readout import Readout
from ghostnote.decode.model import Model, load
from ghostnote.errors import BundleError
from ghostnote.features.spec import FeatureSpec


@pytest.fixture(scope="module")
def make_model(tmp_path_factory) -> Callable[..., Model]:
    def make(name: str, **more: object) -> Model:
        return load(build_bundle(tmp_path_factory.mktemp("bundles") / name, name=name, **more))

    return make


@pytest.fixture
def bench(model: Model, other_model: Model) -> Bench:
    """An engine that plays `tiny` and can load `other`."""
    return Bench(model, load_model={"other": other_model, "tiny": model}.__getitem__)


def test_a_model_that_is_added_changes_nothing_that_sounds(model, other_model):
    heard = []
    for adds in (False, True):
        bench = Bench(model, load_model=lambda name: other_model)
        bench.now("part1/variance", 0.5)
        bench.seconds(0.05)
        bench.now("part1/hit")
        bench.quanta(4)
        if adds:
            bench.now("model/add", "other")
        sound = [bench.seconds(0.1)]
        bench.now("part1/hit")
        heard.append(np.concatenate([*sound, bench.seconds(0.05)]))
    assert np.array_equal(*heard)
    assert bench.engine.models.names() == ("tiny", "other")


def test_a_loaded_model_is_the_main_one_and_the_others_stay(bench, other_model):
    bench.now("model/load", "other")
    bench.quanta(20)
    assert bench.engine.model is other_model
    readout = Readout(bench.engine)
    assert readout["/gn/model/load"] == "other"
    assert readout["/gn/model/list"] == ("other", "tiny")
    assert readout["/gn/model/axes"] == ("d1", "d2", "d3", "higher", "longer", "noisier")
    assert readout["/gn/model/classes"] == tuple(other_model.manifest.prototypes)
    assert [len(part.point) for part in bench.engine.parts.values()] == [32] * 8
    bench.now("model/load", "tiny")
    bench.quanta(20)
    assert readout["/gn/model/list"] == ("tiny", "other")
    assert [len(part.point) for part in bench.engine.parts.values()] == [64] * 8


def test_a_part_plays_the_model_that_it_chose(bench, other_model):
    bench.now("model/add", "other")
    bench.now("part3/model", "other")
    bench.seconds(0.1)
    sizes = {number: len(part.point) for number, part in bench.engine.parts.items()}
    assert sizes == {number: 32 if number == 3 else 64 for number in range(1, 9)}
    bench.now("part3/hit")
    chosen = bench.quanta(40)
    alone = Bench(other_model)
    alone.now("part3/hit")
    assert np.array_equal(chosen, alone.quanta(40)), "as in an instrument with that model alone"


def test_a_model_that_is_not_loaded_is_told_and_the_part_plays_on(bench):
    bench.now("part1/model", "nonesuch")
    bench.quanta(1)
    assert bench.engine.values["/gn/part1/model"] == ""
    report = bench.telemetry.take_reports()[0].text
    assert "'nonesuch' is not loaded; loaded: tiny" in report
    assert "/gn/model/add" in report


def test_a_model_that_is_unloaded_leaves_its_parts_to_the_main_one(bench):
    bench.now("model/add", "other")
    bench.now("part1/model", "other")
    bench.seconds(0.1)
    bench.now("part1/hit")
    bench.quanta(10)
    bench.now("model/unload", "other")
    assert level(bench.seconds(0.1)) > 0.005
    assert bench.engine.values["/gn/part1/model"] == ""
    assert len(bench.engine.parts[1].point) == 64
    assert bench.engine.models.names() == ("tiny",)
    assert [model.manifest.name for _, model in bench.engine.retired] == ["other"]


@pytest.mark.parametrize(("name", "said"), [("tiny", "is the main model"), ("nonesuch", "is not loaded")])
def test_what_cannot_be_unloaded_is_told(bench, name, said):
    bench.now("model/unload", name)
    bench.quanta(1)
    assert said in bench.telemetry.take_reports()[0].text
    assert bench.engine.models.names() == ("tiny",)


def test_there_are_at_most_eight(model, make_model):
    made = {f"m{k}": make_model(f"m{k}", classes=(), latent_size=4) for k in range(MAX_MODELS)}
    bench = Bench(model, load_model=made.__getitem__)
    for name in made:
        bench.now("model/add", name)
    bench.quanta(1)
    assert len(bench.engine.models) == MAX_MODELS
    text = bench.telemetry.take_reports()[0].text
    assert "m7: 8 models are loaded" in text
    bench.now("model/unload", "m3")
    bench.now("model/add", "m7")
    bench.quanta(1)
    assert bench.engine.models.names() == ("tiny", "m0", "m1", "m2", "m4", "m5", "m6", "m7")


@pytest.mark.parametrize("kind", ["broken", "geometry"])
@pytest.mark.parametrize("command", ["model/load", "model/add"])
def test_a_bad_model_leaves_the_present_one(model, make_model, command, kind):
    def bring(name: str) -> Model:
        if kind == "broken":
            raise BundleError("model odd: decoder.onnx: wrong digest")
        return make_model("odd", spec=FeatureSpec(sample_rate=48000))

    bench = Bench(model, load_model=bring)
    bench.now("part1/hit")
    bench.quanta(10)
    bench.now(command, "odd")
    assert level(bench.quanta(10)) > 0.01
    assert bench.engine.models.names() == ("tiny",)
    (report,) = bench.telemetry.take_reports()
    assert ("wrong digest" if kind == "broken" else "sample rate") in report.text


def test_another_version_of_a_model_takes_its_place(model, make_model):
    newer = make_model("tiny", seed=9)
    bench = Bench(model, load_model=lambda name: newer)
    bench.now("part1/model", "tiny")
    bench.now("part1/hit")
    bench.quanta(4)
    bench.now("model/add", "tiny")
    bench.quanta(30)
    assert [loaded.model for loaded in bench.engine.models] == [newer]
    assert {voice.sound.model for voice in bench.voices} == {bench.engine.models.main.number}


def test_the_same_version_again_changes_nothing(model, tmp_path):
    again = load(model.folder)
    bench = Bench(model, load_model=lambda name: again)
    bench.now("slot/a/random", 4)
    bench.quanta(30)
    sound = bench.engine.parts[1].armed.sound
    bench.now("model/load", "tiny")
    bench.quanta(30)
    assert bench.engine.model is model
    assert bench.engine.parts[1].armed.sound is sound
    assert bench.engine.slots.get("a").origin == "random 4"


def test_decodes_are_planned_for_the_slowest_model(bench):
    plan = bench.engine.plan
    bench.now("model/use", "other", 0, 20, 5)
    bench.quanta(1)
    assert plan.delay == 20
    bench.now("part1/axis/d1", 1.0)
    before = bench.engine.parts[1].armed
    bench.quanta(20)
    assert bench.engine.parts[1].armed is before
    bench.quanta(1)
    assert bench.engine.parts[1].armed is not before
    bench.now("model/unload", "other")
    bench.quanta(1)
    assert plan.delay == DELAY


def test_a_model_that_is_loaded_can_be_used_at_once_and_keeps_its_timing(bench):
    bench.now("model/use", "other", 0, 20, 5)
    bench.now("model/use", "other")
    bench.quanta(1)
    assert bench.engine.models.names() == ("other", "tiny")
    assert bench.engine.plan.delay == 20


@settings(max_examples=6)
@given(variance=st.sampled_from([0.0, 0.7]), seed=st.integers(0, 50), hits=st.integers(0, 3))
def test_there_and_back_gives_the_same_later_notes(model, other_model, variance, seed, hits):
    heard = []
    for goes in (False, True):
        bench = Bench(model, load_model=lambda name: other_model)
        for addr, value in (("seed", seed), ("part1/variance", variance), ("part1/axis/d1", 0.5)):
            bench.now(addr, value)
        bench.now("model/add", "other")
        bench.quanta(24)
        for _ in range(hits):
            bench.now("part1/hit")
            bench.quanta(3)
        if goes:
            bench.now("part1/model", "other")
        bench.quanta(15 + seed % 20)
        if goes:
            bench.now("part1/model", "")
        bench.quanta(60)
        bench.now("panic")
        bench.quanta(4)
        for _ in range(2):
            bench.now("part1/hit")
            heard.append(bench.quanta(24))
    assert np.array_equal(heard[0], heard[2])
    assert np.array_equal(heard[1], heard[3])


STEPS = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sampled_from(
            [
                ("part1/hit",),
                ("part2/note", 64, 0.8),
                ("model/load", "tiny"),
                ("model/load", "other"),
                ("model/add", "other"),
                ("model/unload", "other"),
                ("part1/model", "other"),
                ("part1/model", ""),
                ("part2/model", "other"),
                ("part1/variance", 0.8),
                ("part1/variance", 0.0),
                ("part1/axis/d1", 1.0),
                ("slot/a/random",),
                ("slot/a/swap", "b"),
            ]
        ),
    ),
    max_size=24,
)


@settings(max_examples=15)
@given(steps=STEPS)
def test_whatever_is_done_with_models_all_notes_go_on(model, other_model, steps):
    """Noise and points of one latent size must never meet those of another."""
    bench = Bench(model, load_model={"other": other_model, "tiny": model}.__getitem__)
    for wait, (addr, *args) in steps:
        bench.now(addr, *args)
        assert np.isfinite(bench.quanta(wait)).all() if wait else True
    bench.quanta(40)
    assert "decode_failed" not in bench.counts
    for part in bench.engine.parts.values():
        loaded = bench.engine.model_of(part)
        assert part.armed.sound.model == loaded.number
        assert part.armed.version == part.version
        assert len(part.point) == loaded.manifest.latent_size
        for voice in bench.voices:
            assert voice.sound.model == bench.engine.model_of(bench.engine.parts[voice.part]).number


def test_a_render_of_the_log_gives_the_same_samples(model, other_model):
    names = {"other": str(other_model.folder), "tiny": str(model.folder)}
    bench = Bench(model, load_model={names["other"]: other_model, names["tiny"]: model}.__getitem__)
    played = [
        ("part1/variance", 0.5),
        ("part1/hit",),
        ("model/use", names["other"], 0, 14, 3),
        ("part1/hit",),
        ("part2/hit",),
        ("part1/model", "other"),
        ("slot/a/random",),
        ("part1/hit",),
        ("slot/b/swap", "a"),
        ("model/use", names["other"], 1, 14, 3),
        ("part2/axis/d1", 1.5),
        ("part1/model", ""),
        ("model/use", names["tiny"], 1, 8, 2),
        ("model/unload", "other"),
        ("part2/hit",),
    ]
    instrument = Instrument(bench.engine, 44100)
    heard = np.empty((len(played) + 5, 11 * 64, 2), dtype=np.float32)
    for block, message in itertools.zip_longest(heard, played):
        instrument.read(block)
        if message is not None:
            bench.now(*message)
    log = [entry(a.at / 44100, a.addr.removeprefix("/gn/"), *a.args) for a in bench.applied]
    again = rendered(model, log, seconds=len(heard) * 11 * 64 / 44100, decode_delay=DELAY)
    assert np.array_equal(again, heard.reshape(-1, 2))
