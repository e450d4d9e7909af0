"""What slots and parts hold, read from the state that the instrument keeps, and searched for from outside."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bundles import build_bundle
from core.enginekit import Bench
from ghostnote.cli.main import main
from ghostnote.core import model_change, snapshot
from ghostnote.core.decode_plan import DecodeTiming
from ghostnote.decode.model import load
from ghostnote.errors import BundleError, MessageError, StateError, UsageError
from ghostnote.features.spec import FeatureSpec
from ghostnote.host import last_played
from ghostnote.library import indexing
from ghostnote.state.store import save
from ghostnote.tool import SoundSampleTool
from librarykit import Inline
from soundfolders import fill, hit, write

SPEC = FeatureSpec(frames=86)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(indexing, "Crew", Inline)


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    return build_bundle(tmp_path_factory.mktemp("bundles") / "tiny", spec=SPEC)


@pytest.fixture
def bench(short) -> Bench:
    made = Bench(load(short))
    for addr, *args in (
        ("slot/a/random", 3),
        ("part2/weight/a", 0.7),
        ("part2/axis/higher", 1.5),
        ("slot/h/clear",),
    ):
        made.now(addr, *args)
    made.quanta(2)
    return made


@pytest.fixture
def kept(home):
    """Write the state of an engine as a performance does."""
    return lambda engine: save(home / "last.json", json.loads(json.dumps(snapshot.take(engine))))


def test_slots_and_parts_are_as_they_were_played(bench, kept, tmp_path):
    other = load(build_bundle(tmp_path / "other", name="other", latent_size=8, spec=SPEC))
    model_change.add(bench.engine, other, DecodeTiming(8, 2))
    bench.now("part3/model", "other")
    bench.quanta(2)
    kept(bench.engine)
    assert np.array_equal(np.float32(last_played.question("a")["point"]), bench.engine.slots.get("a").z)
    assert np.allclose(
        np.float32(last_played.question("part2")["point"]), bench.engine.parts[2].point, atol=1e-6
    )
    third = last_played.question("part3")
    assert np.allclose(np.float32(third["point"]), bench.engine.parts[3].point, atol=1e-6)
    assert third["digest"] == other.manifest.digest
    with pytest.raises(MessageError, match="slot h is empty"):
        last_played.question("h")
    with pytest.raises(MessageError, match="no sound was heard yet"):
        last_played.question("heard")


def test_a_model_beside_that_is_gone_leaves_the_others(bench, kept, home):
    kept(bench.engine)
    path = home / "last.json"
    state = json.loads(path.read_text())
    state["models"] = {"gone": {"folder": "/no/such/model", "slots": {}}}
    path.write_text(json.dumps(state))
    assert len(last_played.question("a")["point"]) == 64


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"folder": "/no/such/model"}, BundleError, "/no/such/model"),
        ({"folder": 3}, StateError, "damaged"),
        ({"version": 99}, StateError, "a state of schema"),
    ],
)
def test_a_state_that_cannot_be_used_is_told(bench, kept, home, change, error, text):
    kept(bench.engine)
    path = home / "last.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(error, match=text):
        last_played.question("a")


def test_nothing_was_played_yet():
    with pytest.raises(UsageError, match="nothing was played yet"):
        last_played.question("a")


def test_only_slots_parts_and_what_was_heard_are_names():
    assert all(map(last_played.is_name, ("a", "h", "part1", "part8", "heard")))
    assert not any(map(last_played.is_name, ("i", "A", "part9", "part", "./a", "a.wav", "")))


@pytest.fixture
def library(short, tmp_path):
    fill(tmp_path / "sounds", ["kick1.wav", "kick2.wav", "snare1.wav"])
    indexing.index([tmp_path / "sounds"], "default", indexing.IndexOptions(str(short)))
    return tmp_path / "sounds"


def similar(capsys, *arguments: object) -> tuple[int, str, str]:
    status = main(["similar", *map(str, arguments)])
    return status, *capsys.readouterr()


def test_the_command_finds_what_is_like_a_slot_or_a_part(bench, kept, library, short, capsys):
    z, _ = bench.engine.model.capture(np.full((86, 513), 0.02, dtype=np.float32))
    bench.engine.fill_slot("a", z, "a test")
    kept(bench.engine)
    for arguments in (("a",), ("part1",), ("a", "--weights", "latent=1,loudness=0.5"), ("part2",)):
        status, out, _ = similar(capsys, *arguments, "--json")
        rows = json.loads(out)
        assert status == 0
        assert {row["file"] for row in rows} == {str(path) for path in library.iterdir()}
        assert [row["distance"] for row in rows] == sorted(row["distance"] for row in rows)


def test_a_slot_that_holds_a_sound_of_the_library_finds_the_others(bench, kept, library, capsys):
    point = SoundSampleTool(str(bench.engine.model.folder))._point(
        [library / "kick1.wav"], [1.0], True, None
    )[0]
    bench.engine.fill_slot("c", point, "kick1.wav")
    kept(bench.engine)
    _, out, _ = similar(capsys, "c", "--json")
    assert sorted(row["file"].rpartition("/")[2] for row in json.loads(out)) == ["kick2.wav", "snare1.wav"]
    _, out, _ = similar(capsys, "c", "--json", "--itself", "-n", "1")
    assert json.loads(out)[0]["file"].endswith("kick1.wav")


def test_a_sound_that_was_heard_is_searched_for_as_a_file(bench, kept, library, home, capsys):
    kept(bench.engine)
    write(home / "heard" / "00000003-kick.wav", hit(9))
    status, out, _ = similar(capsys, "heard", "--json")
    assert (status, len(json.loads(out))) == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("a", "--model", "tiny"), "--model tiny: a is searched by the model that plays it"),
        (("h",), "slot h is empty"),
        (("a", "--library", "nothing"), "there is no library 'nothing'"),
        (("a", "-n", "0"), "at least 1"),
    ],
)
def test_what_cannot_be_is_one_line(bench, kept, library, capsys, arguments, text):
    kept(bench.engine)
    status, _, err = similar(capsys, *arguments)
    assert status == 2
    assert text in err
    assert len(err.splitlines()) == 1


def test_in_python_a_point_is_asked_for_and_searched_by(bench, kept, library, short):
    kept(bench.engine)
    tool = SoundSampleTool(str(short), str(library))
    point = tool.point_of("a")
    assert np.array_equal(point, bench.engine.slots.get("a").z)
    files, onsets, distances = tool.find_similar(point, 2, weights="latent=1,pitch=0.5")
    assert len(files) == len(onsets) == len(distances) == 2
    z = tool.point_of("part2")
    by_hand = np.linalg.norm(tool._library.latents - z, axis=1)
    assert tool.find_similar(z)[2] == pytest.approx(np.sort(by_hand), rel=1e-4)


def test_in_python_what_cannot_be_is_told(bench, kept, short, tmp_path):
    kept(bench.engine)
    with pytest.raises(UsageError, match="is no slot"):
        SoundSampleTool(str(short)).point_of("z")
    with pytest.raises(UsageError, match="is no slot"):
        SoundSampleTool(str(short)).point_of("a.wav")
    other = build_bundle(tmp_path / "other", seed=4, name="other", spec=SPEC)
    with pytest.raises(UsageError, match="a is played by another model"):
        SoundSampleTool(str(other)).point_of("a")
