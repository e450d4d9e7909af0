"""Slow work beside the sound: one task at a time, bounded, and whatever fails is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from bundles import build_bundle
from ghostnote.control.inbox import Inbox
from ghostnote.core import tasks as module
from ghostnote.core.tasks import Task, Tasks
from ghostnote.errors import BundleError
from ghostnote.features.spec import FeatureSpec
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
    assert (answer.addr, answer.args) == ("/gn/model/load", (folder,))
    assert tasks.is_loaded(folder)
    loaded, worker = tasks.take_model(folder)
    worker.close()
    assert loaded.manifest.name == "other"
    assert not tasks.is_loaded(folder)
    with pytest.raises(BundleError, match="not loaded yet"):
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
    assert not tasks.is_loaded(str(folder))


def test_files_of_the_new_model_are_embedded_by_the_new_model(tasks, inbox, tmp_path, rng):
    import soundfile

    soundfile.write(tmp_path / "a.wav", 0.3 * rng.standard_normal(5000), 44100)
    folder = str(build_bundle(tmp_path / "other", name="other", latent_size=8))
    tasks.put(task("model/load", folder))
    done(tasks)
    tasks.take_model(folder)[1].close()
    tasks.put(task("slot/a/file", str(tmp_path / "a.wav")))
    done(tasks)
    assert [len(e.args) for e in inbox.drain() if e.addr == "/gn/slot/a/z"] == [8]


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
    (source, addr, code, text), loaded = told
    assert (source, addr, code) == ("test", "/gn/slot/a/file", "io")
    assert "missing.wav" in text
    assert loaded == ("test", "/gn/model/load", "", folder)
    tasks.take_model(folder)[1].close()


def test_other_computers_load_nothing(tasks, inbox, telemetry, tmp_path):
    folder = str(build_bundle(tmp_path / "other", name="other"))
    tasks.put(Task(resolve("/gn/model/load"), (folder,), "osc:192.168.1.7:5000", time.monotonic()))
    done(tasks)
    assert inbox.drain() == []
    assert not tasks.is_loaded(folder)
    assert "on this computer only" in telemetry.take_reports()[0].text
