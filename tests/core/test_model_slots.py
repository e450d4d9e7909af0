"""Slots have a point in every model, and a part can be turned along the axes that its model has."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundles import build_bundle
from core.enginekit import Bench, entry, rendered
from ghostnote.core import snapshot
from ghostnote.core.render import capture
from ghostnote.core.space import axes_of, controls_of
from ghostnote.decode.model import Model, load
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import AXES, NAMED_AXES, SLOTS


@pytest.fixture
def bench(model: Model, other_model: Model) -> Bench:
    """An engine with two models, the main one `tiny`."""
    bench = Bench(model, load_model={"other": other_model, "tiny": model}.__getitem__)
    bench.now("model/add", "other")
    bench.quanta(1)
    return bench


def held(bench: Bench, slot: str) -> dict[str, tuple[str, list[float]] | None]:
    found = bench.engine.models.slot(slot)
    return {name: None if s is None else (s.origin, s.z.tolist()) for name, s in found.items()}


def test_draws_and_prototypes_are_made_in_each_model(bench, model, other_model):
    bench.now("slot/a/random", 5)
    bench.now("slot/b/prototype", "ride")
    bench.quanta(1)
    both = bench.engine.models.slot("a")
    assert [(s.origin, s.z.size) for s in both.values()] == [("random 5", 64), ("random 5", 32)]
    for made in (model, other_model):
        slot = bench.engine.models.slot("b")[made.manifest.name]
        assert np.array_equal(slot.z, made.manifest.prototypes["ride"])


def test_a_model_that_lacks_a_class_keeps_its_slot_and_says_so(model, tmp_path):
    few = load(build_bundle(tmp_path / "few", name="few", classes=("kick",)))
    bench = Bench(model, load_model=lambda name: few)
    bench.now("model/add", "few")
    bench.now("slot/a/prototype", "ride")
    bench.quanta(1)
    assert {name: s.origin for name, s in bench.engine.models.slot("a").items()} == {
        "tiny": "ride",
        "few": "kick",
    }
    assert "model few has no 'ride', its slot stays; it has kick" in bench.telemetry.take_reports()[0].text


def test_a_stored_part_goes_to_the_slot_of_its_model(bench):
    before = held(bench, "h")
    bench.now("part1/model", "other")
    bench.now("part1/axis/d1", 1.0)
    bench.quanta(1)
    bench.now("slot/h/part", 1)
    bench.quanta(1)
    assert held(bench, "h")["tiny"] == before["tiny"]
    assert held(bench, "h")["other"] == ("part 1", bench.engine.parts[1].point.tolist())


def test_numbers_go_to_the_main_model_or_to_the_one_that_is_named(bench):
    bench.now("slot/a/z", *[0.5] * 64)
    bench.now("slot/a/point", "other", "by hand", *[0.25] * 32)
    bench.now("slot/b/point", "", "main", *[0.75] * 64)
    bench.now("slot/c/point", "other", "")
    bench.quanta(1)
    assert held(bench, "a") == {"tiny": ("set", [0.5] * 64), "other": ("by hand", [0.25] * 32)}
    assert held(bench, "b")["tiny"] == ("main", [0.75] * 64)
    assert held(bench, "c")["other"] is None, "no numbers: empty"
    assert held(bench, "c")["tiny"] is not None


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (("slot/a/point", "other", "", *[1.0] * 31), "takes 32 numbers, got 31"),
        (("slot/a/point", "nonesuch", "", 1.0), "'nonesuch' is not loaded; loaded: tiny, other"),
        (("slot/a/swap", "z"), "'z' is not one of a, b"),
        (("slot/a/prototype", "cowbell"), "model tiny has no 'cowbell'"),
    ],
)
def test_what_does_not_fit_is_told_and_changes_nothing(bench, message, said):
    before = held(bench, "a")
    bench.now(*message)
    bench.quanta(1)
    assert held(bench, "a") == before
    assert said in bench.telemetry.take_reports()[0].text


@pytest.mark.parametrize(
    ("addr", "args", "about", "code"),
    [
        ("slot/a/swap", ("z",), "slot/a/swap", "range"),
        ("slot/a/prototype", ("cowbell",), "slot/a/prototype", "not_found"),
        ("slot/a/z", (1.0,), "slot/a/z", "args"),
        ("slot/a/point", ("nonesuch", "", 1.0), "slot/a/point", "not_found"),
        ("part1/model", ("nonesuch",), "part1/model", "not_found"),
        ("part1/axis/softer", (1.0,), "part1/axis/softer", "not_found"),
        ("model/unload", ("tiny",), "model/unload", "busy"),
        ("model/unload", ("nonesuch",), "model/unload", "not_found"),
        ("undo", (1.0,), "undo", "not_found"),
        ("play", ("s", "nonesuch"), "play", "not_found"),
    ],
)
def test_whoever_asks_in_vain_is_told(model, addr, args, about, code):
    bench = Bench(model)
    told: list[tuple[str, str, str, str]] = []
    bench.engine.refused = lambda *refusal: told.append(refusal)
    bench.engine.schedule(0, TARGETS[f"/gn/{addr}"], args, "osc:127.0.0.1:9000")
    bench.quanta(2)
    (told_one,) = told
    assert told_one[:3] == ("osc:127.0.0.1:9000", f"/gn/{about}", code)
    assert told_one[3] == bench.telemetry.take_reports()[0].text


def test_clearing_and_swapping_reach_every_model(bench):
    a, b = held(bench, "a"), held(bench, "b")
    bench.now("slot/a/swap", "b")
    bench.now("slot/c/clear")
    bench.quanta(1)
    assert (held(bench, "a"), held(bench, "b")) == (b, a)
    assert held(bench, "c") == {"tiny": None, "other": None}


@settings(max_examples=8)
@given(
    empty=st.sets(st.sampled_from(SLOTS)),
    one=st.sampled_from(SLOTS),
    other=st.sampled_from(SLOTS),
    weight=st.floats(-1.0, 1.0),
)
def test_a_swap_undoes_itself(model, other_model, empty, one, other, weight):
    bench = Bench(model, load_model=lambda name: other_model)
    bench.now("model/add", "other")
    bench.now("part2/model", "other")
    bench.now(f"part1/weight/{one}", weight)
    for slot in empty:
        bench.now(f"slot/{slot}/clear")
    bench.quanta(1)
    before = {slot: held(bench, slot) for slot in SLOTS}
    points = {n: part.point.tolist() for n, part in bench.engine.parts.items()}
    for _ in range(2):
        bench.now(f"slot/{one}/swap", other)
        bench.quanta(1)
    assert {slot: held(bench, slot) for slot in SLOTS} == before
    assert {n: part.point.tolist() for n, part in bench.engine.parts.items()} == points


@pytest.mark.parametrize(
    "message",
    [
        ("slot/a/swap", "b"),
        ("slot/a/random",),
        ("slot/a/prototype", "ride"),
        ("slot/a/clear",),
        ("slot/a/part", 2),
        ("slot/a/z", *[0.5] * 64),
        ("slot/a/point", "other", "by hand", *[0.25] * 32),
        ("part1/model", "other"),
        ("part1/axis/longer", 1.5),
        ("part1/program", 5),
    ],
    ids=lambda message: message[0],
)
def test_it_can_be_undone_and_done_again(bench, message):
    def all_of_it() -> tuple:
        engine = bench.engine
        return (
            {slot: held(bench, slot) for slot in SLOTS},
            dict(engine.values),
            [part.point.tolist() for part in engine.parts.values()],
        )

    bench.quanta(4)
    before = all_of_it()
    bench.now(*message)
    bench.quanta(4)
    after = all_of_it()
    assert after != before
    for back, state in (("undo", before), ("redo", after), ("undo", before)):
        bench.now(back)
        bench.quanta(4)
        assert all_of_it() == state, back


def test_undo_reaches_the_slot_of_the_model_that_was_the_main_one(bench):
    before = held(bench, "a")
    bench.now("slot/a/z", *[0.5] * 64)
    bench.quanta(1)
    bench.now("model/use", "other")
    bench.quanta(1)
    bench.now("undo")
    bench.quanta(1)
    assert held(bench, "a") == before


def test_a_swap_is_heard(bench):
    bench.now("slot/a/swap", "b")
    bench.quanta(40)
    engine = bench.engine
    assert np.array_equal(engine.parts[1].point, engine.slots.get("a").z)
    assert engine.slots.get("a").origin == "snare"


def test_a_model_that_comes_later_gets_the_draws_and_classes_that_are_there(model, other_model):
    bench = Bench(model, load_model=lambda name: other_model)
    bench.now("slot/a/random", 2)
    bench.now("slot/b/prototype", "crash")
    bench.now("slot/c/z", *[0.5] * 64)
    bench.now("slot/h/clear")
    bench.now("model/add", "other")
    bench.quanta(1)
    other = bench.engine.models.get("other").slots
    assert [other.get(slot).origin for slot in "abc"] == ["random 2", "crash", "hihat_closed"]
    assert other.get("h") is None, "what was emptied stays empty"


def test_a_model_that_comes_to_one_without_classes_has_those_that_it_knows(other_model, tmp_path):
    bare = load(build_bundle(tmp_path / "bare", name="bare", classes=()))
    bench = Bench(bare, load_model=lambda name: other_model)
    bench.now("model/add", "other")
    bench.quanta(1)
    assert bench.engine.models.get("other").slots.get("a").origin == "kick"


def test_a_file_in_a_log_is_embedded_by_every_model_that_is_there(model, other_model, tmp_path, rng):
    import soundfile

    soundfile.write(tmp_path / "a.wav", 0.3 * rng.standard_normal(8000), 44100)
    path, folder = str(tmp_path / "a.wav"), str(other_model.folder)
    heard = []
    for points in (False, True):
        fill = []
        for made in (model, other_model):
            (z, detail), name = capture(path, made), made.manifest.name
            fill.append(entry(0.02, "slot/a/point", name, "a.wav", *map(float, z)))
            fill.append(entry(0.02, "slot/a/detail", name, detail.text))
        log = [entry(0.01, "model/add", folder), entry(0.01, "part1/model", "other")]
        log += fill if points else [entry(0.02, "slot/a/file", path)]
        heard.append(rendered(model, [*log, entry(0.1, "part1/hit")]))
    assert np.array_equal(*heard)


def test_a_snapshot_keeps_the_slots_of_all_models(model, other_model, bench):
    bench.now("slot/a/random", 9)
    bench.now("slot/b/point", "other", "by hand", *[0.25] * 32)
    bench.now("slot/c/clear")
    bench.now("part4/model", "other")
    bench.quanta(1)
    state = json.loads(json.dumps(snapshot.take(bench.engine), allow_nan=False))
    fresh = Bench(model, load_model=lambda name: other_model)
    fresh.now("model/add", "other")
    fresh.quanta(1)
    snapshot.restore(fresh.engine, state)
    assert snapshot.take(fresh.engine) == state
    assert {slot: held(fresh, slot) for slot in SLOTS} == {slot: held(bench, slot) for slot in SLOTS}
    assert len(fresh.engine.parts[4].point) == 32


def test_a_snapshot_with_a_model_that_is_missing_gives_back_the_rest(model, bench):
    bench.now("part4/model", "other")
    bench.now("part4/gain", -3.0)
    bench.now("slot/a/random", 9)
    bench.quanta(1)
    fresh = Bench(model)
    snapshot.restore(fresh.engine, snapshot.take(bench.engine))
    assert fresh.engine.values["/gn/part4/model"] == ""
    assert fresh.engine.values["/gn/part4/gain"] == -3.0
    assert fresh.engine.slots.get("a").origin == "random 9"
    assert "'other' is not loaded" in fresh.telemetry.take_reports()[0].text


@pytest.fixture(scope="module")
def named(tmp_path_factory, model) -> Model:
    """A model with principal axes and two named ones between them."""
    rows = [list(map(float, row)) for row in np.eye(64)[:4]]
    names = ("d1", "brighter", "d2", "longer")
    axes = [
        {"name": name, "direction": row, "spread": 1.0 + k}
        for k, (name, row) in enumerate(zip(names, rows, strict=True))
    ]
    folder = tmp_path_factory.mktemp("bundles") / "named"
    return load(build_bundle(folder, name="named", manifest={"axes": axes}))


def test_named_axes_are_found_by_name_and_the_others_by_number(named):
    assert axes_of(named.manifest).names == ("d1", "d2"), "chance goes along these"
    controls = controls_of(named.manifest)
    assert controls.names == ("d1", "d2", "brighter", "longer")
    assert [int(row.argmax()) for row in controls.steps] == [0, 2, 1, 3]
    assert controls.steps.max(axis=1).tolist() == [1.0, 3.0, 2.0, 4.0]


def test_a_model_with_named_axes_only_has_them_by_number_too(model):
    assert controls_of(model.manifest).names == ("d1", "d2", "d3", "higher", "longer", "noisier")


@pytest.mark.parametrize(("axis", "bin_"), [("d1", 0), ("d2", 2), ("brighter", 1), ("longer", 3)])
def test_an_axis_moves_the_point_by_its_spread(named, axis, bin_):
    bench = Bench(named)
    before = bench.engine.parts[1].point.copy()
    bench.now(f"part1/axis/{axis}", 0.5)
    bench.quanta(1)
    moved = bench.engine.parts[1].point - before
    assert moved[bin_] == pytest.approx(0.5 * (1.0 + bin_), rel=1e-4)
    assert np.abs(np.delete(moved, bin_)).max() == 0.0
    assert not bench.telemetry.take_reports()


@pytest.mark.parametrize("axis", sorted({*AXES, *NAMED_AXES} - {"d1", "d2", "brighter", "longer"}))
def test_an_axis_that_the_model_lacks_does_nothing_and_is_told_once(named, axis):
    bench = Bench(named)
    bench.telemetry._hold_s = 60.0
    before = bench.engine.parts[1].point.copy()
    for value in (0.0, 0.5, 0.6):
        bench.now(f"part1/axis/{axis}", value)
    bench.quanta(1)
    assert np.array_equal(bench.engine.parts[1].point, before)
    (report,) = bench.telemetry.take_reports()
    assert f"has no axis {axis!r}" in report.text
    assert "d1, d2, brighter, longer" in report.text


def test_axes_are_told_when_a_part_goes_to_a_model_without_them(bench, named):
    bench.engine.load_model = lambda name: named
    bench.now("part1/axis/d3", 1.0)
    bench.now("model/add", "named")
    bench.quanta(1)
    assert not bench.telemetry.take_reports()
    bench.now("part1/model", "named")
    bench.quanta(1)
    assert "part 1: model named has no axis 'd3'" in bench.telemetry.take_reports()[0].text


def test_reset_puts_named_axes_back(model):
    bench = Bench(model)
    bench.now("part1/axis/higher", 2.0)
    bench.now("part1/reset")
    bench.quanta(1)
    assert bench.engine.values["/gn/part1/axis/higher"] == 0.0
