"""The detail of captured sounds in the instrument: heard, mixed, moved about, logged and kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.enginekit import RATE, Bench, entry, level, rendered
from core.scenekit import SceneBench
from ghostnote.core import snapshot
from ghostnote.core.control_log import format_line, read_log
from ghostnote.core.engine import QUANTUM
from ghostnote.core.render import capture
from ghostnote.decode.detailed import Detailed
from ghostnote.decode.worker import DecodeWorker
from ghostnote.errors import SceneError, StateError
from ghostnote.features import stft
from ghostnote.features.detail import Detail
from ghostnote.host import log_lines
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import SLOTS
from playing import wait_for

HIT = entry(0.05, "part1/hit")


def tones(path: Path, *hz: float) -> str:
    import soundfile

    t = np.arange(2 * RATE) / RATE
    sound = sum(0.2 * np.sin(2.0 * np.pi * f * t) * np.exp(-4.0 * t) for f in hz)
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    return str(path)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> tuple[str, str]:
    """Two recordings."""
    folder = tmp_path_factory.mktemp("recordings")
    return tones(folder / "one.wav", 700.0, 2100.0), tones(folder / "two.wav", 330.0, 5000.0)


@pytest.fixture(scope="module")
def captured(model, sounds) -> list[tuple[list[float], str]]:
    """Points and text forms of the two."""
    found = [capture(path, model) for path in sounds]
    return [([float(x) for x in z], detail.text) for z, detail in found]


def filled(captured, t: float = 0.0, slots: str = "ab"):
    """Log lines that fill slots with the recordings."""
    for slot, (z, text) in zip(slots, captured, strict=False):
        yield entry(t, f"slot/{slot}/point", "tiny", f"{slot}.wav", *z)
        yield entry(t, f"slot/{slot}/detail", "tiny", text)


def fill(bench: Bench, captured, slots: str = "ab") -> None:
    for line in filled(captured, slots=slots):
        bench.now(line.target.addr.removeprefix("/gn/"), *line.args)
    bench.quanta(1)


def text_in(bench: Bench, slot: str, model: str = "tiny") -> str:
    """Text form of what a slot has."""
    held = bench.engine.models.get(model).slots.get(slot)
    return "" if held is None or held.detail is None else held.detail.resolved(bench.engine.spec).text


def test_at_zero_every_sample_is_as_without(model, captured):
    bare = [entry(0.0, "slot/a/point", "tiny", "a.wav", *captured[0][0]), HIT]
    none = rendered(model, bare)
    assert np.array_equal(rendered(model, [entry(0.0, "part1/detail", 0.0), *bare]), none)
    kept = [*filled(captured[:1]), entry(0.0, "part1/detail", 0.0), HIT]
    assert np.array_equal(rendered(model, kept), none)
    assert not np.array_equal(rendered(model, [*filled(captured[:1]), HIT]), none)


def test_at_one_the_recording_is_heard(model, captured, sounds):
    import soundfile

    recording = soundfile.read(sounds[0], dtype="float32")[0]
    wanted = stft.magnitudes(recording, model.spec)[5:150]

    def far(amount: float) -> float:
        lines = [
            *filled(captured[:1]),
            entry(0.0, "part1/detail", amount),
            entry(0.0, "part1/gain", -3.0103),
            HIT,
        ]
        sound = rendered(model, lines, 1.5)[round(0.05 * RATE) :, 0] * np.sqrt(2.0)
        heard = stft.magnitudes(np.ascontiguousarray(sound), model.spec)[5:150]
        return float(np.abs(np.log10((heard + 1e-4) / (wanted + 1e-4))).mean() * 20.0)

    alone, half, whole = (far(amount) for amount in (0.0, 0.5, 1.0))
    assert whole < 0.5 * alone
    assert whole < half < alone


def test_a_file_in_a_log_has_its_detail(model, captured, sounds):
    points = rendered(model, [*filled(captured[:1]), HIT])
    assert np.array_equal(rendered(model, [entry(0.0, "slot/a/file", sounds[0]), HIT]), points)


def test_details_are_mixed_as_points_are(model, captured):
    bench = Bench(model)
    fill(bench, captured)
    bench.now("part1/weight/a", 1.0)
    bench.now("part1/weight/b", 3.0 / 2.0)
    bench.now("part1/weight/c", 1.0 / 2.0)
    bench.now("part1/detail", 0.5)
    bench.quanta(1)
    part = bench.engine.parts[1]
    one, two = (Detail.of_text(text, model.spec).layers for _, text in captured)
    layers = part.detail.layers
    np.testing.assert_allclose(layers.fine, 0.5 * (one.fine / 3.0 + two.fine / 2.0), atol=1e-4)
    np.testing.assert_allclose(layers.noise, 0.5 * (one.noise / 3.0 + two.noise / 2.0), atol=1e-4)
    bench.now("part1/program", 2)
    bench.quanta(1)
    assert part.detail is None, "slot c has none"


def test_without_details_the_knob_asks_for_nothing(model):
    bench = Bench(model)
    bench.quanta(2)
    version = bench.engine.parts[1].version
    bench.now("part1/detail", 0.3)
    bench.quanta(2)
    assert bench.engine.parts[1].version == version


def test_a_sounding_note_follows_the_knob(model, captured):
    bench = Bench(model)
    fill(bench, captured)
    bench.quanta(20)
    bench.now("part1/hit")
    bench.quanta(4)
    before = bench.voices[0].sound
    bench.now("part1/detail", 0.0)
    bench.quanta(12)
    assert bench.voices[0].sound is not before


def test_an_axis_moves_the_point_and_leaves_the_detail(model, captured):
    bench = Bench(model)
    fill(bench, captured)
    part = bench.engine.parts[1]
    point, values = part.point, part.detail.details
    bench.now("part1/axis/d1", 1.0)
    bench.quanta(1)
    assert not np.array_equal(part.point, point)
    assert part.detail.details == values


def test_swapping_storing_clearing_and_setting(model, captured):
    bench = Bench(model)
    fill(bench, captured)
    one, two = (text for _, text in captured)
    bench.now("slot/a/swap", "b")
    bench.now("slot/c/swap", "d")
    bench.quanta(1)
    assert [text_in(bench, slot) for slot in "abcd"] == [two, one, "", ""]
    bench.now("part2/detail", 0.0)
    bench.now("slot/e/part", 2)
    bench.quanta(1)
    assert text_in(bench, "e") == one, "all of it, however much is heard"
    bench.seconds(1.1)  # the end of the gesture
    bench.now("slot/a/clear")
    bench.now("slot/b/z", *[0.0] * 64)
    bench.now("slot/e/random", 1)
    bench.quanta(1)
    assert [text_in(bench, slot) for slot in "abe"] == ["", "", ""]
    bench.now("undo")
    bench.quanta(1)
    assert [text_in(bench, slot) for slot in "abe"] == [two, one, one]
    bench.now("redo")
    bench.quanta(1)
    assert [text_in(bench, slot) for slot in "abe"] == ["", "", ""]
    bench.now("slot/g/detail", "", two)
    bench.quanta(1)
    assert text_in(bench, "g") == two
    bench.now("slot/g/detail", "")
    bench.quanta(1)
    assert text_in(bench, "g") == ""


def test_a_stored_mixture_sounds_as_it_did(model, captured):
    bench = Bench(model)
    fill(bench, captured)
    bench.now("part1/weight/b", 0.5)
    bench.quanta(60)
    mixed = bench.engine.parts[1].armed.sound.magnitudes
    bench.now("slot/g/part", 1)
    bench.now("part1/program", 6)
    bench.quanta(60)
    stored = bench.engine.parts[1].armed.sound.magnitudes
    assert stored is not mixed
    loud = mixed > 1e-3
    assert np.abs(20.0 * np.log10(stored[loud] / mixed[loud])).max() < 2.0, "rounded to decibels"


@pytest.mark.parametrize(
    ("slot", "model_name", "text", "said"),
    [
        ("a", "tiny", "d1:!", "damaged"),
        ("a", "tiny", "junk", "begins with"),
        ("a", "nonesuch", "", "not loaded"),
        ("h", "tiny", "", "slot h is empty"),
    ],
)
def test_what_is_no_detail_is_told_and_changes_nothing(model, captured, slot, model_name, text, said):
    bench = Bench(model)
    fill(bench, captured)
    bench.now("slot/h/clear")
    bench.quanta(1)
    told: list[tuple[str, str, str, str]] = []
    bench.engine.refused = lambda *refusal: told.append(refusal)
    bench.engine.schedule(bench.engine.now, TARGETS[f"/gn/slot/{slot}/detail"], (model_name, text), "osc:x")
    bench.quanta(1)
    assert said in told[0][3]
    assert text_in(bench, "a") == captured[0][1]


def play_something(bench: Bench, captured) -> None:
    fill(bench, captured)
    bench.quanta(16)
    for messages in (
        (("part1/hit",), ("part1/glide", 0.05), ("part1/detail", 0.2)),
        (("part1/weight/b", 1.0), ("part2/hit",)),
        (("slot/a/swap", "b"), ("slot/c/part", 1), ("part3/variance", 0.4), ("part3/hit",)),
        (("part1/detail", 1.0), ("undo",), ("part3/hit",)),
    ):
        for message in messages:
            bench.now(*message)
        bench.quanta(20)


def test_what_was_heard_is_what_the_log_gives(model, captured, tmp_path):
    bench = SceneBench(model, tmp_path / "scenes")
    fill(bench, captured)
    bench.do("scene/store", "one")
    fill(bench, captured[::-1], "ac")
    bench.now("part1/hit")
    bench.quanta(8)
    bench.do("scene/recall", "one", 0.1)
    bench.quanta(30)
    assert text_in(bench, "a") not in ("", captured[0][1], captured[1][1]), "on its way"
    play_something(bench, captured)
    lines = [format_line(*line) for line in bench.log()]
    assert max(len(line.encode()) for line in lines) < 1 << 16
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    heard, again = [], []
    for sound in (heard, again):
        other = Bench(model)
        for line in read_log(path).entries:
            other.engine.schedule(round(line.t * RATE), line.target, line.args)
        sound.append(other.quanta(bench.engine.now // QUANTUM))
        assert [text_in(other, slot) for slot in SLOTS] == [text_in(bench, slot) for slot in SLOTS]
    assert np.array_equal(heard[0], again[0])
    assert level(heard[0]) > 1e-3


def test_a_worker_gives_the_samples_that_a_render_gives(model, captured):
    class Patient(DecodeWorker):
        """Is never late."""

        def collect(self, job_id):
            found = []
            wait_for(
                lambda: found.append(self._results.pop(job_id, None)) or found[-1] is not None, "a decode"
            )
            return found[-1]

    sounds = []
    for threaded in (False, True):
        bench = Bench(model)
        worker = Patient(model, bench.telemetry) if threaded else None
        if worker is not None:
            bench.engine.plan.decoder = worker
        play_something(bench, captured)
        sounds.append(bench.quanta(100))
        if worker is not None:
            worker.close()
    assert np.array_equal(*sounds)
    assert level(sounds[0]) > 1e-3


def test_a_scene_gives_every_detail_back_and_morphs_to_it(model, captured, tmp_path):
    bench = SceneBench(model, tmp_path / "scenes")
    fill(bench, captured)
    bench.do("scene/store", "both")
    bench.do("slot/a/clear")
    bench.do("slot/b/random", 3)
    bench.do("scene/store", "neither")
    bench.do("scene/recall", "both", 0.0)
    assert [text_in(bench, slot) for slot in "abc"] == [captured[0][1], captured[1][1], ""]
    bench.do("scene/recall", "neither", 0.2)
    bench.quanta(60)
    half = bench.engine.slots.get("b").detail
    assert len(half.details) == 1
    assert 0.0 < half.weights[0] < 1.0
    bench.quanta(120)
    assert [text_in(bench, slot) for slot in "ab"] == ["", ""]
    bench.do("undo")
    assert [text_in(bench, slot) for slot in "abc"] == [captured[0][1], captured[1][1], ""]
    (file,) = (tmp_path / "scenes").glob("both*.json")
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content["slots"]["tiny"]["a"]["detail"] == captured[0][1]
    assert "detail" not in content["slots"]["tiny"]["c"]


@pytest.mark.parametrize("wrong", ["d1:broken", "", 5, "d1:" + "A" * 40_000])
def test_a_damaged_detail_in_a_scene_changes_nothing(model, captured, tmp_path, wrong):
    bench = SceneBench(model, tmp_path / "scenes")
    fill(bench, captured)
    bench.do("scene/store", "both")
    (file,) = (tmp_path / "scenes").glob("both*.json")
    content = json.loads(file.read_text(encoding="utf-8"))
    content["slots"]["tiny"]["a"]["detail"] = wrong
    file.write_text(json.dumps(content), encoding="utf-8")
    bench.do("slot/a/clear")
    if wrong == "":
        bench.do("scene/recall", "both", 0.0)
        assert bench.engine.slots.get("a").detail is None
        return
    with pytest.raises(SceneError, match="slot a"):
        bench.ask("scene/recall", "both", 0.0)
    assert bench.engine.slots.get("a") is None


def test_a_snapshot_and_the_head_of_a_log_keep_them(model, captured, tmp_path):
    bench = Bench(model)
    fill(bench, captured)
    state = json.loads(json.dumps(snapshot.take(bench.engine), allow_nan=False))
    fresh = Bench(model)
    snapshot.restore(fresh.engine, state)
    assert snapshot.take(fresh.engine) == state
    assert text_in(fresh, "b") == captured[1][1]
    path = tmp_path / "log.jsonl"
    for lines in (log_lines.head(fresh.engine, state), log_lines.bridge(fresh.engine, state, 0.0)):
        path.write_text("\n".join(lines), encoding="utf-8")
        told = [e.args for e in read_log(path).entries if e.target.name == "slot/detail"]
        assert told == [("tiny", captured[0][1]), ("tiny", captured[1][1])]
    state["slots"]["a"]["detail"] = "d1:broken"
    with pytest.raises(StateError, match="damaged"):
        snapshot.restore(fresh.engine, state)


def test_each_model_has_details_of_its_own(model, other_model, captured, sounds):
    bench = Bench(model, load_model=lambda name: other_model)
    bench.now("model/add", "other")
    fill(bench, captured)
    z, detail = capture(sounds[0], other_model)
    bench.now("slot/a/point", "other", "one.wav", *map(float, z))
    bench.now("slot/a/detail", "other", detail.text)
    bench.now("part1/model", "other")
    bench.quanta(20)
    assert text_in(bench, "a") == captured[0][1]
    assert text_in(bench, "a", "other") == detail.text
    assert bench.engine.parts[1].detail.details == (detail,)
    texture = np.zeros((model.spec.frames, model.spec.bins), dtype=np.float32)
    by = Detailed(other_model, bench.engine.parts[1].detail, model.spec)
    assert by.decode(bench.engine.parts[1].point, texture, deadline_s=9.0).max() > 0.01
    bench.now("part1/model", "")
    bench.quanta(20)
    assert bench.engine.parts[1].detail.details[0].text == captured[0][1]
