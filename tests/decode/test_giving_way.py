"""Inference computes at normal priority and holds the interpreter at the thread's own."""

from __future__ import annotations

import os
import sys
import threading

import numpy as np
import pytest

from bundles import build_bundle
from ghostnote.decode.giving_way import GivingWay
from ghostnote.decode.model import load

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="priorities are Linux's")

NORMAL = (os.SCHED_OTHER, 0)


def own() -> tuple[int, int]:
    return os.sched_getscheduler(0), os.sched_getparam(0).sched_priority


def in_a_thread(policy: int, priority: int, work) -> list:
    """What `work` returns in a thread with this priority, and the priority afterwards."""
    done: list = []

    def run() -> None:
        try:
            os.sched_setscheduler(0, policy, os.sched_param(priority))
        except OSError as error:
            done.append(error)
            return
        done.extend([work(), own()])

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(done[0], OSError):
        pytest.skip(f"no real-time priority here: {done[0]}")
    return done


def inside() -> tuple[int, int]:
    with GivingWay():
        return own()


@pytest.mark.parametrize("policy", [os.SCHED_FIFO, os.SCHED_RR, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK])
def test_a_realtime_thread_gives_way_and_comes_back(policy):
    assert in_a_thread(policy, 7, inside) == [NORMAL, (policy, 7)]


def test_it_comes_back_from_an_error_too():
    def fails() -> str:
        with pytest.raises(ValueError, match="in the run"), GivingWay():
            raise ValueError("in the run")
        return "raised"

    assert in_a_thread(os.SCHED_FIFO, 7, fails) == ["raised", (os.SCHED_FIFO, 7)]


def test_other_threads_are_left_alone(monkeypatch):
    monkeypatch.setattr(os, "sched_setscheduler", lambda *given: pytest.fail(f"changed to {given}"))
    assert inside() == NORMAL
    assert own() == NORMAL


def test_a_decode_gives_way(tmp_path, monkeypatch):
    model = load(str(build_bundle(tmp_path / "tiny")))
    z = np.asarray(model.manifest.latent_mean, dtype=np.float32)
    texture = np.zeros((model.spec.frames, model.spec.bins), dtype=np.float32)
    seen: list[tuple[int, int]] = []
    real = GivingWay.__enter__

    def look(self: GivingWay) -> None:
        real(self)
        seen.append(own())

    monkeypatch.setattr(GivingWay, "__enter__", look)
    _, after = in_a_thread(os.SCHED_FIFO, 7, lambda: model.decode(z, texture))
    assert seen == [NORMAL]
    assert after == (os.SCHED_FIFO, 7)
