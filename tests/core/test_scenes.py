"""Scenes in the engine: store and recall, morphs, and what must not be half done."""

from __future__ import annotations

import json
import math
import os

import numpy as np
import pytest

from core.enginekit import RATE
from core.scenekit import SceneBench, scramble
from ghostnote.core.engine import QUANTUM
from ghostnote.core.model_change import add, unload
from ghostnote.core.scene_keeper import MOST_TOLD
from ghostnote.errors import MessageError, SceneError
from ghostnote.state.registry import TARGETS, check
from ghostnote.state.table import PARTS, Parameter


@pytest.fixture
def bench(model, tmp_path) -> SceneBench:
    return SceneBench(model, tmp_path / "scenes")


def test_what_is_stored_comes_back_exactly(bench, rng):
    scramble(bench, rng)
    one = bench.performance()
    bench.do("scene/store", "one")
    scramble(bench, rng)
    other = bench.performance()
    bench.do("scene/store", "other")
    assert one != other
    for name, expected in (("one", one), ("other", other), ("one", one)):
        bench.do("scene/recall", name)
        assert bench.performance() == expected
        assert bench.read("scene/current") == (name,)


def test_a_morph_begins_where_it_was_and_ends_exactly_in_time(bench, rng):
    scramble(bench, rng)
    bench.do("scene/store", "goal")
    goal = bench.performance()
    scramble(bench, rng)
    start = bench.performance()
    bench.do("scene/recall", "goal", 0.2)
    values, slots = bench.performance()
    for addr, value in values.items():
        row = TARGETS[addr].row
        assert isinstance(row, Parameter)
        moves = row.kind == "f" and not addr.endswith("/glide")
        assert value == (start if moves else goal)[0][addr], addr
    filled = [s is not None for s in start[1]]
    assert [s for s, was in zip(slots, filled, strict=True) if was] == [s for s in start[1] if s is not None]
    assert bench.read("scene/fading") == (1.0,)
    quanta = math.ceil(0.2 * RATE / QUANTUM)
    bench.quanta(quanta // 2)
    midway = bench.performance()
    assert 0.4 < float(bench.read("scene/fading")[0]) < 0.6
    moved = [a for a in values if midway[0][a] not in (start[0][a], goal[0][a])]
    assert len(moved) > 100
    bench.quanta(quanta - quanta // 2 - 1)
    assert bench.performance() != goal
    bench.quanta(1)
    assert bench.performance() == goal
    assert bench.read("scene/fading") == (0.0,)
    bench.quanta(200)
    assert bench.performance() == goal


def test_slots_move_linearly(bench):
    bench.do("slot/a/z", *[0.0] * 64)
    bench.do("scene/store", "zero")
    bench.do("slot/a/z", *[1.0] * 64)
    bench.do("scene/recall", "zero", 0.5)
    bench.quanta(math.ceil(0.25 * RATE / QUANTUM))
    z = bench.engine.slots.get("a").z
    assert np.all(z == z[0])
    assert z[0] == pytest.approx(0.5, abs=0.05)


def test_fades_come_from_the_message_the_scene_or_the_setting(bench):
    bench.do("part1/gain", -20.0)
    bench.do("scene/store", "low")

    def fade() -> float:
        return next(a.args[0] for a in reversed(bench.applied) if a.addr == "/gn/scene/set")

    bench.do("scene/fade", 4.0)
    bench.do("scene/recall", "low")
    assert fade() == 4.0
    bench.do("scene/unit", "beats")
    bench.do("clock/tempo", 60.0)
    bench.do("scene/recall", "low", 3.0)
    assert fade() == 3.0
    bench.do("clock/tempo", 120.0)
    bench.do("scene/recall", "low")
    assert fade() == 2.0
    path = bench.library._new_path("low")
    path.write_text(json.dumps({**json.loads(path.read_text()), "fade_s": 1.25}))
    bench.do("scene/recall", "low")
    assert fade() == 1.25
    bench.do("scene/recall", "low", 0.0)
    assert fade() == 0.0


def test_master_clock_and_seed_stay_as_they_are(bench):
    bench.do("master/gain", -3.0)
    bench.do("clock/tempo", 90.0)
    bench.do("scene/store", "one")
    bench.do("master/gain", -30.0)
    bench.do("clock/tempo", 140.0)
    bench.do("seed", 7)
    bench.do("scene/recall", "one")
    values = bench.engine.values
    assert (values["/gn/master/gain"], values["/gn/clock/tempo"], values["/gn/seed"]) == (-30.0, 140.0, 7)


def test_next_prev_and_index_go_through_the_list(bench):
    for name in ("10 end", "2 verse", "1 intro"):
        bench.do("scene/store", name)
    assert bench.read("scene/list") == ("1 intro", "2 verse", "10 end")
    bench.do("scene/index", 2)
    assert bench.read("scene/current") == ("2 verse",)
    bench.do("scene/next")
    assert bench.read("scene/current") == ("10 end",)
    with pytest.raises(SceneError, match="'10 end' is the last scene"):
        bench.do("scene/next")
    bench.do("scene/prev")
    bench.do("scene/prev")
    assert bench.read("scene/current") == ("1 intro",)
    bench.do("scene/recall", 3)
    assert bench.read("scene/current") == ("10 end",)
    for index in (4, 16384):
        with pytest.raises(SceneError, match=f"no scene {index}; there are 3"):
            bench.do("scene/index", index)


def test_a_recall_is_told_even_when_nothing_changes(bench):
    bench.do("scene/store", "one")
    reader = bench.engine.changes.reader()
    bench.do("scene/recall", "one")
    assert ("/gn/scene/current", "scenes") in reader.take()


def test_a_recall_waits_for_the_grid_as_a_whole(bench):
    bench.do("part1/gain", -20.0)
    bench.do("part1/mute", 1)
    bench.do("scene/store", "low")
    bench.do("part1/gain", 0.0)
    bench.do("part1/mute", 0)
    bench.do("clock/quantise", "1/4")
    bench.do("scene/recall", "low")
    bench.quanta((RATE // 2) // QUANTUM - bench.engine.now // QUANTUM)
    assert bench.engine.values["/gn/part1/gain"] == 0.0
    bench.quanta(1)
    assert bench.engine.values["/gn/part1/gain"] == -20.0
    assert bench.engine.values["/gn/part1/mute"] == 1
    at = {a.at for a in bench.applied if a.addr.startswith("/gn/scene/")}
    assert max(at) == RATE // 2


def test_a_knob_taken_in_hand_leaves_the_morph(bench):
    bench.do("part1/gain", -40.0)
    bench.do("part1/pan", 1.0)
    bench.do("scene/store", "far")
    bench.do("part1/gain", 0.0)
    bench.do("part1/pan", 0.0)
    bench.do("scene/recall", "far", 0.2)
    bench.quanta(20)
    bench.do("part1/gain", -6.0)
    bench.do("slot/a/z", *[0.5] * 64)
    bench.seconds(0.3)
    assert bench.engine.values["/gn/part1/gain"] == -6.0
    assert bench.engine.values["/gn/part1/pan"] == 1.0
    assert bench.engine.slots.get("a").z[0] == 0.5


def test_storing_in_the_middle_of_a_morph_keeps_what_sounds_and_of_a_glide_where_it_goes(bench):
    bench.do("part1/pan", 1.0)
    bench.do("scene/store", "right")
    bench.do("part1/pan", -1.0)
    bench.do("part2/glide", 5.0)
    bench.do("scene/recall", "right", 1.0)
    bench.do("part2/glide", 5.0)
    bench.do("part2/gain", -30.0)
    bench.seconds(0.5)
    bench.do("scene/store", "middle")
    stored = bench.library.read("middle").values
    assert -0.1 < float(stored["/gn/part1/pan"]) < 0.1
    assert stored["/gn/part2/gain"] == -30.0


def test_deleting_and_renaming_can_be_undone(bench):
    bench.do("part1/gain", -7.0)
    bench.do("scene/store", "verse")
    bench.do("scene/rename", "verse", "chorus")
    assert bench.read("scene/current") == ("chorus",)
    bench.do("scene/delete", "chorus")
    assert bench.keeper.names() == ()
    bench.do("undo")
    assert bench.keeper.names() == ("chorus",)
    assert bench.library.read("chorus").values["/gn/part1/gain"] == -7.0
    bench.do("undo")
    assert bench.keeper.names() == ("verse",)
    bench.do("redo")
    bench.do("redo")
    assert bench.keeper.names() == ()
    bench.do("undo")
    assert bench.keeper.names() == ("chorus",)


def test_older_versions_are_named_and_restored_by_how_far_back_they_are(bench):
    for k in (1, 2, 3):
        bench.do("part1/gain", -float(k))
        bench.do("scene/store", "verse")
        path = bench.library._new_path("verse")
        os.utime(path, (86400.0 * (365 * k + 180),) * 2)
    told = bench.ask("scene/versions", "verse")
    assert [piece[:7] for piece in told.split("; ")] == ["1: 1972", "2: 1971"]
    assert bench.ask("scene/restore", "verse", 2).startswith("verse, as it was stored 1971-")
    bench.do("scene/recall", "verse")
    assert bench.engine.values["/gn/part1/gain"] == -1.0
    bench.ask("scene/restore", "verse")
    assert bench.library.read("verse").values["/gn/part1/gain"] == -3.0
    for wrong in (("scene/versions", "chorus"), ("scene/restore", "chorus"), ("scene/restore", "verse", 50)):
        with pytest.raises(SceneError, match="older version"):
            bench.ask(*wrong)
    for _ in range(MOST_TOLD + 5):
        bench.do("scene/store", "verse")
    assert bench.ask("scene/versions", "verse").endswith("; 7 more")


def damaged(bench: SceneBench, **keys: object) -> str:
    bench.do("part1/gain", -7.0)
    bench.do("scene/store", "verse")
    path = bench.library._new_path("verse")
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))
    bench.do("part1/gain", 0.0)
    return path.name


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"version": 2}, "version 2, this ghostnote reads"),
        (
            {"models": {"main": {"name": "violins", "sha256": "0" * 64}}},
            "for model 'violins', which is not",
        ),
        ({"values": {"/gn/part1/gain": -3.0, "/gn/part5/model": "violins"}}, "load it with /gn/model/add"),
        ({"slots": {"tiny": {"a": {"z": [0.0] * 63, "origin": ""}}}}, "63 numbers, model 'tiny' takes 64"),
        ({"values": {"/gn/part1/gain": -3.0, "/gn/part2/gain": "loud"}}, "part2/gain takes a number"),
    ],
)
def test_a_scene_that_cannot_be_used_as_a_whole_changes_nothing(bench, keys, told):
    damaged(bench, **keys)
    before = bench.performance()
    with pytest.raises(SceneError, match=told):
        bench.do("scene/recall", "verse", 0.0)
    bench.quanta(2)
    assert bench.performance() == before
    assert bench.library._new_path("verse").exists()


def test_unknown_keys_and_clipped_values_are_no_hindrance(bench):
    damaged(bench, later={"x": 1}, values={"/gn/part1/gain": -200.0, "/gn/part1/smell": 3})
    bench.telemetry.take_reports()
    bench.do("scene/recall", "verse", 0.0)
    assert bench.engine.values["/gn/part1/gain"] == -60.0
    assert "out of range" in bench.telemetry.take_reports()[0].text


def test_another_version_of_the_model_is_told(bench):
    damaged(bench, models={"main": {"name": "tiny", "sha256": "f" * 64}})
    bench.do("scene/recall", "verse", 0.0)
    assert bench.engine.values["/gn/part1/gain"] == -7.0
    assert any("another version of model 'tiny'" in r.text for r in bench.telemetry.take_reports())


@pytest.mark.parametrize("pair", [("/gn/part1/model", "violins"), ("/gn/master/gain", 6.0)])
def test_a_message_with_one_bad_pair_changes_nothing(bench, pair):
    before = bench.performance()
    bench.do("scene/set", 0.0, "x", "/gn/part2/gain", -9.0, *pair)
    assert bench.performance() == before
    assert bench.counts.get("scene_refused", 0) + bench.counts.get("model_unknown", 0) == 1


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (("/gn/part1/gain",), "one has no value"),
        (("/gn/nothing", 1.0), "'/gn/nothing' is not a parameter"),
        ((3, 1.0), "'3' is not a parameter"),
        (("/gn/part1/hit", 1.0), "hit' is not a parameter"),
        (("/gn/part1/gain", "loud"), "takes a number"),
        (("/gn/part1/gain", float("nan")), "not a finite number"),
    ],
)
def test_a_message_with_a_pair_that_cannot_be_is_refused_where_it_comes_in(pairs, told):
    with pytest.raises(MessageError, match=told):
        check(TARGETS["/gn/scene/set"], (0.0, "x", "/gn/part2/gain", -9.0, *pairs))
    fitted, clipped = check(TARGETS["/gn/scene/set"], (0, "x", "/gn/part2/gain", -900))
    assert (fitted, clipped) == ((0.0, "x", "/gn/part2/gain", -60.0), True)


def test_a_slot_of_another_model_is_refused(bench):
    before = bench.performance()
    bench.do("scene/slot", 0.0, "x", "a/violins", "", *[0.0] * 64)
    bench.do("scene/slot", 0.0, "x", "z/tiny", "", *[0.0] * 64)
    bench.do("scene/slot", 0.0, "x", "a/tiny", "", 1.0)
    assert bench.performance() == before
    assert bench.counts["scene_refused"] == 3


def test_a_scene_can_be_there_before_anything_plays(model, tmp_path, rng):
    first = SceneBench(model, tmp_path / "scenes")
    scramble(first, rng)
    first.do("scene/store", "opening")
    second = SceneBench(model, tmp_path / "scenes")
    second.keeper.apply("opening")
    assert second.performance() == first.performance()
    with pytest.raises(SceneError, match="there is no scene 'ending'; there are: opening"):
        second.keeper.apply("ending")


def test_parts_choose_their_models_again_and_slots_have_a_point_in_each(model, other_model, tmp_path, rng):
    bench = SceneBench(model, tmp_path / "scenes")
    other = add(bench.engine, other_model)
    bench.do("part3/model", "other")
    bench.engine.fill_slot("c", rng.standard_normal(32).astype(np.float32), "mine", other)
    bench.do("scene/store", "both")
    held = other.slots.get("c").z.copy()
    bench.do("part3/model", "")
    bench.do("part2/model", "other")
    bench.engine.fill_slot("c", np.zeros(32, np.float32), "", other)
    bench.do("scene/recall", "both")
    assert [bench.engine.values[f"/gn/part{n}/model"] for n in (2, 3)] == ["", "other"]
    assert np.array_equal(other.slots.get("c").z, held)
    bench.do("undo")
    assert [bench.engine.values[f"/gn/part{n}/model"] for n in (2, 3)] == ["other", ""]
    assert not other.slots.get("c").z.any()


def test_a_scene_of_another_main_model_is_played_by_the_model_it_was_made_with(model, other_model, tmp_path):
    bench = SceneBench(model, tmp_path / "scenes")
    bench.do("scene/store", "verse")
    add(bench.engine, other_model, main=True)
    bench.do("scene/recall", "verse")
    assert {bench.engine.values[f"/gn/part{n}/model"] for n in PARTS} == {"tiny"}
    unload(bench.engine, "tiny")
    with pytest.raises(SceneError, match="for model 'tiny', which is not loaded"):
        bench.do("scene/recall", "verse")
