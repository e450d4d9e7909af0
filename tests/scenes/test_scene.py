"""Reading a scene: what is fit is taken, what is unknown is kept, and what is wrong is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.errors import GhostnoteError, SceneError
from ghostnote.scenes.names import LONGEST, checked, order, stem
from ghostnote.scenes.scene import KEPT, LONGEST_FADE_S, MAX_LATENT, SCHEMA, VERSION, Point, Scene
from ghostnote.state.registry import TARGETS
from ghostnote.state.store import read
from ghostnote.state.table import Parameter


def content(**more: Any) -> dict[str, Any]:
    return {"schema": SCHEMA, "version": VERSION, "name": "verse", "values": {}, **more}


def scene(**more: Any) -> Scene:
    return Scene.from_json(content(**more), "verse.json")


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    values = {}
    for addr in draw(st.lists(st.sampled_from(sorted(KEPT)), max_size=30)):
        row = TARGETS[addr].row
        assert isinstance(row, Parameter)
        if row.kind == "s":
            values[addr] = draw(st.sampled_from(row.choices or ("", "tiny")))
        else:
            values[addr] = row.from_unit(draw(st.floats(0, 1)))
    numbers = st.floats(-3, 3, width=32)
    points = st.builds(Point, st.lists(numbers, min_size=1, max_size=64).map(tuple), st.text(max_size=20))
    return Scene(
        name=draw(
            st.text("abcé日本語 ", min_size=1, max_size=20).filter(lambda t: bool(t.strip())).map(checked)
        ),
        values=values,
        slots=draw(
            st.dictionaries(
                st.sampled_from(["drums", "tiny"]),
                st.dictionaries(st.sampled_from("abcdefgh"), st.none() | points),
            )
        ),
        models={"main": {"name": "drums", "sha256": "0" * 64}},
        fade_s=draw(st.none() | st.floats(0, 600)),
    )


@given(given_scene=scenes())
def test_a_scene_is_read_as_it_was_written(given_scene):
    text = json.dumps(given_scene.to_json(), allow_nan=False)
    assert Scene.from_json(json.loads(text), "x.json") == given_scene


def test_what_is_unknown_is_kept_and_has_no_effect():
    given = content(
        colour="red",
        values={"/gn/part1/gain": -6.0, "/gn/part1/smell": 3, "/gn/master/gain": 6.0, "/gn/seed": 5},
    )
    read_scene = Scene.from_json(given, "x.json")
    assert dict(read_scene.values) == {"/gn/part1/gain": -6.0}
    again = read_scene.to_json()
    assert again["colour"] == "red"
    assert again["values"] == given["values"]


def test_master_clock_seed_and_what_is_held_are_not_of_a_scene():
    for path in ("master/gain", "master/mute", "clock/tempo", "clock/quantise", "synth/mode", "seed"):
        assert f"/gn/{path}" not in KEPT
    assert "/gn/part1/bend" not in KEPT
    assert {"/gn/part1/gain", "/gn/part8/weight/h", "/gn/part3/mode", "/gn/part2/glide"} <= KEPT


def test_values_out_of_range_are_clipped_and_counted():
    clipped = scene(values={"/gn/part1/gain": 40.0, "/gn/part2/pan": -0.5})
    assert clipped.values["/gn/part1/gain"] == 6.0
    assert clipped.clipped == 1


def test_what_a_scene_excludes_is_not_recalled_but_kept():
    kept = scene(values={"/gn/part1/gain": -6.0, "/gn/part1/pan": 0.5}, exclude=["/gn/part1/gain"])
    assert dict(kept.values) == {"/gn/part1/pan": 0.5}
    assert kept.to_json()["values"] == {"/gn/part1/gain": -6.0, "/gn/part1/pan": 0.5}
    assert kept.to_json()["exclude"] == ["/gn/part1/gain"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"schema": "ghostnote-midi-map"}, "schema 'ghostnote-midi-map'"),
        ({"version": 2}, "version 2, this ghostnote reads"),
        ({"version": True}, "version True"),
        ({"name": 5}, "name must be a text"),
        ({"name": "../x"}, "no slashes"),
        ({"values": [1]}, "values must be an object"),
        ({"values": {"/gn/part1/gain": None}}, "part1/gain must be a number"),
        ({"values": {"/gn/part1/gain": "loud"}}, "takes a number"),
        ({"values": {"/gn/part1/gain": float("nan")}}, "not a finite number"),
        ({"values": {"/gn/part1/gain": 10**400}}, "not a finite number"),
        ({"values": {"/gn/part1/mode": "sideways"}}, "not one of oneshot"),
        ({"slots": {"a": None}}, "by the name of their model"),
        ({"slots": {"m": {"z": None}}}, "no such slot: 'z'"),
        ({"slots": {"m": {"a": [1.0]}}}, "slot a must be null"),
        ({"slots": {"m": {"a": {"z": []}}}}, "1 to 4096 finite numbers"),
        ({"slots": {"m": {"a": {"z": [float("inf")]}}}}, "finite numbers"),
        ({"slots": {"m": {"a": {"z": [10**400]}}}}, "finite numbers"),
        ({"slots": {"m": {"a": {"z": [0.0] * 5000}}}}, "1 to 4096"),
        ({"slots": {"m": {"a": {"z": [0.0], "origin": 3}}}}, "origin must be a text"),
        ({"models": {"part1": "drums"}}, "models: 'part1'"),
        ({"fade_s": -1}, "fade_s must be from 0 to 600"),
        ({"fade_s": 10**400}, "fade_s must be"),
        ({"exclude": "all"}, "exclude must be a list"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_read(wrong, told):
    with pytest.raises(SceneError, match=r"verse\.json") as caught:
        scene(**wrong)
    assert told in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(
    given_keys=st.dictionaries(
        st.sampled_from(["name", "values", "slots", "models", "fade_s", "exclude", "version", "other"]), JSON
    ),
    values=st.dictionaries(st.sampled_from(sorted(KEPT)[:40]), JSON),
)
def test_no_content_makes_the_reader_fail_otherwise(given_keys, values):
    given = {**content(values=values), **given_keys}
    try:
        read_scene = Scene.from_json(given, "x.json")
    except SceneError:
        return
    again = Scene.from_json(read_scene.to_json(), "x.json")
    assert again.to_json() == read_scene.to_json() or "nan" in repr(given)


@given(data=st.binary(max_size=400))
def test_no_bytes_make_the_reader_fail_otherwise(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.json"
    start = json.dumps(content()).encode()
    for text in (data, start[: len(data)], start[:-1] + data, start + data):
        path.write_bytes(text)
        try:
            Scene.from_json(read(path, what="scene file"), path.name)
        except GhostnoteError:
            continue


@pytest.mark.parametrize(
    ("name", "told"),
    [("", "needs a name"), ("  ", "needs a name"), ("../x", "slashes"), ("a\\b", "slashes"),
     ("a\nb", "control"), ("x" * 65, "64 characters"), ("\ud800", "not text"), ("nul\0", "control")],
)  # fmt: skip
def test_names_that_cannot_be_are_told(name, told):
    with pytest.raises(SceneError, match=told):
        checked(name)


@given(name=st.text(min_size=1, max_size=64), other=st.text(min_size=1, max_size=64))
def test_every_name_has_a_file_name_of_its_own_that_every_system_takes(name, other):
    try:
        name, other = checked(name), checked(other)
    except SceneError:
        return
    for each in (stem(name), stem(other)):
        assert len(each) <= 64
        assert set(each) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert (stem(name) == stem(other)) == (name == other)


def test_composed_and_decomposed_letters_are_one_name():
    assert checked("e\u0301te\u0301") == checked("\u00e9t\u00e9") == "été"
    assert stem("Verse").casefold() != stem("verse").casefold()


def test_scenes_are_in_the_order_in_which_people_count():
    names = ["10 end", "2 verse", "Chorus", "1 intro", "chorus", "日本"]
    assert sorted(names, key=order) == ["1 intro", "2 verse", "10 end", "Chorus", "chorus", "日本"]


def test_the_published_schema_is_that_of_the_reader():
    root = Path(__file__).resolve().parents[2]
    published = json.loads((root / "docs" / "reference" / "scene.schema.json").read_text(encoding="utf-8"))
    keys = published["properties"]
    whole = Scene("x", {}, {"tiny": {"a": None}}, {"main": {"name": "tiny"}}, 1.0)
    assert set(keys) == set(whole.to_json())
    assert (keys["schema"]["const"], keys["version"]["const"]) == (SCHEMA, VERSION)
    assert (keys["name"]["maxLength"], keys["fade_s"]["maximum"]) == (LONGEST, LONGEST_FADE_S)
    point = keys["slots"]["additionalProperties"]["additionalProperties"]["oneOf"][1]
    assert point["properties"]["z"]["maxItems"] == MAX_LATENT
