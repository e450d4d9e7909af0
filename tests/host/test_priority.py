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


def test_render_goes_first_then_control_then_the_decoder_then_all_others(threads, monkeypatch):
    realtime = {}
    monkeypatch.setattr(
        os, "sched_setscheduler", lambda tid, policy, param: realtime.update({tid: param.sched_priority})
    )
    granted = priority.raise_priorities()
    assert granted == len(realtime) >= 5
    render, osc, decode, tasks = (
        realtime[threads[n]]
        for n in ("ghostnote-render", "ghostnote-osc", priority.DECODE, "ghostnote-tasks")
    )
    assert render > osc > decode > tasks > 0
    assert realtime[threading.main_thread().native_id] == tasks


def test_nothing_is_granted_to_those_who_may_not(threads, monkeypatch):
    def refuse(*args):
        raise PermissionError("no")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert priority.raise_priorities() == 0
