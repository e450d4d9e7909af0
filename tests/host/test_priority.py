"""Which thread gets which priority, without needing the right to set any."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from ghostnote.host import priority

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="priorities are set on Linux only"
)


@pytest.fixture
def threads():
    """Threads with the names of the core's."""
    done = threading.Event()
    names = ("ghostnote-render", "ghostnote-osc", priority.DECODE, "ghostnote-tasks")
    made = [threading.Thread(target=done.wait, name=name, daemon=True) for name in names]
    for thread in made:
        thread.start()
    yield {thread.name: thread.native_id for thread in made}
    done.set()
    for thread in made:
        thread.join()


def test_the_render_thread_goes_first_and_the_decoder_never_before_an_ordinary_audio_server(
    threads, monkeypatch
):
    realtime, nice = {}, {}
    monkeypatch.setattr(
        os, "sched_setscheduler", lambda tid, policy, param: realtime.update({tid: param.sched_priority})
    )
    monkeypatch.setattr(os, "setpriority", lambda which, tid, value: nice.update({tid: value}))
    monkeypatch.setattr(priority, "driver_is_realtime", lambda: False)
    granted = priority.raise_priorities()
    assert granted == len(realtime) >= 4
    render, osc, tasks = (
        realtime[threads[n]] for n in ("ghostnote-render", "ghostnote-osc", "ghostnote-tasks")
    )
    assert render > osc > tasks > 0
    assert realtime[threading.main_thread().native_id] == tasks
    assert threads[priority.DECODE] not in realtime
    assert nice == {threads[priority.DECODE]: priority.DECODE_NICE}
    assert priority.DECODE_NICE < 0


def test_beside_a_driver_with_realtime_priority_the_decoder_has_it_too(threads, monkeypatch):
    realtime = {}
    monkeypatch.setattr(
        os, "sched_setscheduler", lambda tid, policy, param: realtime.update({tid: param.sched_priority})
    )
    monkeypatch.setattr(priority, "driver_is_realtime", lambda: True)
    priority.raise_priorities()
    render, decode, tasks = (
        realtime[threads[n]] for n in ("ghostnote-render", priority.DECODE, "ghostnote-tasks")
    )
    assert render > decode > tasks


def test_python_threads_are_no_driver(threads):
    assert not priority.driver_is_realtime()


def test_nothing_is_granted_to_those_who_may_not(threads, monkeypatch):
    def refuse(*args):
        raise PermissionError("no")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "setpriority", refuse)
    assert priority.raise_priorities() == 0
