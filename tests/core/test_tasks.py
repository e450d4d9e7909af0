"""Slow work beside the sound: one task at a time, bounded, and whatever fails is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from onnx import helper

from bundles import build_bundle, constant
from core.enginekit import Bench
from ghostnote.control.inbox import Inbox
from ghostnote.core import tasks as module
from ghostnote.core.models import MAX_MODELS
from ghostnote.core.tasks import Task, Tasks
from ghostnote.decode.model import load
from ghostnote.errors import BundleError
from ghostnote.features import audio_file
from ghostnote.features.spec import FeatureSpec
from ghostnote.features.stft import magnitudes
from ghostnote.state.registry import resolve
from ghostnote.telemetry import Telemetry
from playing import wait_for


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(hold_s=0.0)


@pytest.fixture
def inbox(telemetry) -> Inbox:
    return Inbox(telemetry)


@pytest.fixture
def tasks(model, inbox, telemetry) -> Iterator[Tasks]:
    made = Tasks(model, inbox, telemetry)
    made.start()
    yield made
    made.close()


def task(addr: str, *args: str) -> Task:
    return Task(resolve(f"/gn/{addr}"), args, "test", time.monotonic())


def done(tasks: Tasks) -> None:
    wait_for(lambda: tasks.settled(time.monotonic()), "the end of all tasks")


def test_a_model_is_loaded_once_and_taken_once(tasks, inbox, tmp_path):
    folder = str(build_bundle(tmp_path / "other", name="other", latent_size=8))
    tasks.put(task("model/load", folder))
    done(tasks)
    (answer,) = inbox.drain()
    assert (answer.addr, answer.args[:2]) == ("/gn/model/use", (folder, 1))
    assert all(quanta > 0 for quanta in answer.args[2:]), "its timing was measured"
    assert tasks.take_model(folder).manifest.name == "other"
    with pytest.raises(BundleError, match="not loaded"):
        tasks.take_model(folder)


@pytest.mark.parametrize("kind", ["missing", "geometry"])
def test_a_model_that_cannot_be_played_is_told(tasks, inbox, telemetry, tmp_path, kind):
    folder = tmp_path / "odd"
    if kind == "geometry":
        build_bundle(folder, spec=FeatureSpec(sample_rate=48000), name="odd")
    tasks.put(task("model/load", str(folder)))
    done(tasks)
    assert inbox.drain() == []
    assert "odd" in telemetry.take_reports()[0].text
    with pytest.raises(BundleError, match="not loaded"):
        tasks.take_model(str(folder))


@pytest.mark.parametrize("graph", ["decoder", "encoder", "classifier"])
def test_a_model_with_a_wrong_hash_is_told(tasks, inbox, telemetry, tmp_path, graph):
    folder = build_bundle(tmp_path / "odd", name="odd")
    with (folder / f"{graph}.onnx").open("ab") as file:
        file.write(b" ")
    tasks.put(task("model/add", str(folder)))
    done(tasks)
    assert inbox.drain() == []
    assert f"{graph}.onnx: its SHA-256" in telemetry.take_reports()[0].text


def test_a_model_whose_sounds_are_not_finite_is_told(tasks, inbox, telemetry, tmp_path):
    def spoil(graph) -> None:
        graph.graph.initializer.append(constant("nothing", float("nan")))
        last = graph.graph.node[-1]
        graph.graph.node.append(helper.make_node("Mul", ["spoilt", "nothing"], ["magnitude"]))
        last.output[0] = "spoilt"

    tasks.put(task("model/load", str(build_bundle(tmp_path / "odd", name="odd", edit_decoder=spoil))))
    done(tasks)
    assert inbox.drain() == []
    assert "NaN" in telemetry.take_reports()[0].text


def test_more_models_than_there_may_be_are_told(tasks, inbox, telemetry, tmp_path):
    for k in range(MAX_MODELS):
        tasks.put(task("model/add", str(build_bundle(tmp_path / f"m{k}", name=f"m{k}", classes=()))))
    done(tasks)
    assert len(inbox.drain()) == MAX_MODELS - 1
    text = telemetry.take_reports()[0].text
    assert "8 models are loaded" in text
    assert "model/unload" in text


def test_a_file_is_embedded_by_every_model_and_by_those_that_come_later(
    model, inbox, telemetry, tmp_path, rng
):
    import soundfile

    soundfile.write(tmp_path / "a.wav", 0.3 * rng.standard_normal(5000), 44100)
    bench = Bench(model)
    tasks = Tasks(model, inbox, telemetry)
    bench.engine.load_model = tasks.take_model
    tasks.engine = bench.engine
    tasks.start()

    def carry_out() -> None:
        done(tasks)
        for event in inbox.drain():
            bench.engine.apply(resolve(event.addr), event.args)

    later = build_bundle(tmp_path / "later", name="later", latent_size=8)
    tasks.put(task("slot/a/file", str(tmp_path / "a.wav")))
    tasks.put(task("slot/b/file", str(tmp_path / "a.wav")))
    carry_out()
    bench.engine.apply(resolve("/gn/slot/b/random"), (3,))
    tasks.put(task("model/add", str(later)))
    carry_out()
    tasks.close()
    there, new = bench.engine.models
    assert there.slots.get("a").origin == new.slots.get("a").origin == "a.wav"
    sound = audio_file.load(tmp_path / "a.wav", model.spec)
    by_new = load(later).encode(magnitudes(sound, model.spec))
    assert np.allclose(new.slots.get("a").z, by_new, atol=1e-6)
    assert new.slots.get("b").origin == "random 3", "what took the file's place is drawn in the new model too"


def test_files_of_the_new_model_are_embedded_by_the_new_model(tasks, inbox, tmp_path, rng):
    import soundfile

    soundfile.write(tmp_path / "a.wav", 0.3 * rng.standard_normal(5000), 44100)
    folder = str(build_bundle(tmp_path / "other", name="other", latent_size=8))
    tasks.put(task("model/load", folder))
    tasks.put(task("slot/a/file", str(tmp_path / "a.wav")))
    done(tasks)
    points = {e.args[0]: e.args[1:] for e in inbox.drain() if e.addr == "/gn/slot/a/point"}
    assert {name: len(point) for name, point in points.items()} == {"tiny": 1 + 64, "other": 1 + 8}
    assert points["other"][0] == "a.wav"


def test_an_unforeseen_failure_ends_one_task_only(tasks, inbox, telemetry, monkeypatch, tmp_path):
    def fail(*args: object) -> None:
        raise MemoryError("on purpose")

    monkeypatch.setattr(module.audio_file, "load", fail)
    tasks.put(task("slot/a/file", "huge.wav"))
    tasks.put(task("slot/b/file", "huge.wav"))
    done(tasks)
    assert len(telemetry.take_reports()) == 2


def test_too_many_tasks_are_told_and_dropped(model, inbox, telemetry, monkeypatch):
    gate = threading.Event()

    def slow(*args: object) -> None:
        gate.wait(20)
        raise OSError("on purpose")

    monkeypatch.setattr(module.audio_file, "load", slow)
    tasks = Tasks(model, inbox, telemetry)
    tasks.start()
    before = time.monotonic()
    for _ in range(100):
        tasks.put(task("slot/a/file", "x.wav"))
    assert telemetry.snapshot()["tasks_full"] >= 100 - 64 - 1
    assert tasks.settled(before)
    assert not tasks.settled(time.monotonic())
    gate.set()
    done(tasks)
    tasks.close()


def test_the_author_is_told_how_a_task_ended(tasks, tmp_path):
    told = []
    tasks.notify = lambda *notice: told.append(notice)
    tasks.put(task("slot/a/file", str(tmp_path / "missing.wav")))
    folder = str(build_bundle(tmp_path / "other", name="other"))
    tasks.put(task("model/load", folder))
    done(tasks)
    (source, addr, code, text, request), loaded = told
    assert (source, addr, code, request) == ("test", "/gn/slot/a/file", "io", 0)
    assert "missing.wav" in text
    assert loaded == ("test", "/gn/model/load", "", folder, 0)


def test_other_computers_load_nothing(tasks, inbox, telemetry, tmp_path):
    folder = str(build_bundle(tmp_path / "other", name="other"))
    tasks.put(Task(resolve("/gn/model/load"), (folder,), "osc:192.168.1.7:5000", time.monotonic()))
    done(tasks)
    assert inbox.drain() == []
    assert "on this computer only" in telemetry.take_reports()[0].text
