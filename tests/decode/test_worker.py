"""Decoders: the worker and the inline one answer alike, and no fault of a model gets past them."""

from __future__ import annotations

import time

import numpy as np
import pytest

from bundles import build_bundle
from faulty import FaultyModel
from ghostnote.decode import verify, worker
from ghostnote.decode.decoder import MAX_FAILED, Ledger
from ghostnote.decode.model import load
from ghostnote.decode.session import InferenceError
from ghostnote.decode.worker import DecodeWorker, InlineDecoder
from ghostnote.telemetry import Telemetry
from graphs import FORBIDDEN

PATIENCE_S = 30.0


def until(condition):
    """Wait for something that another thread does; False when it never happens."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


def wait_for(decoder, job_id):
    """The result of a job, or None when it failed."""
    found = []

    def ready():
        result = decoder.collect(job_id)
        found.append(result)
        return result is not None or decoder.failed(job_id)

    assert until(ready)
    return found[-1]


@pytest.fixture
def telemetry():
    return Telemetry(hold_s=1e9)


@pytest.fixture(params=[DecodeWorker, InlineDecoder])
def make(request, telemetry):
    """A maker of decoders of both kinds, which are closed after the test."""
    made = []

    def maker(model, **options):
        made.append(request.param(model, telemetry, **options))
        return made[-1]

    yield maker
    for decoder in made:
        decoder.close()


@pytest.fixture
def texture():
    return np.zeros((344, 513), np.float32)


def z(k):
    return np.full(64, k / 10, np.float32)


def test_gives_what_the_model_gives(make, model, texture):
    decoder = make(model)
    assert all(decoder.submit(k, z(k), texture) for k in range(8))
    for k in reversed(range(8)):
        result = wait_for(decoder, k)
        assert np.array_equal(result, model.decode(z(k), texture))
        assert result.dtype == np.float32
        assert result.flags.c_contiguous
        assert result.flags.writeable


def test_latent_is_copied(make, model, texture):
    decoder, point = make(model), z(3)
    decoder.submit(1, point, texture)
    point[:] = np.nan
    assert np.array_equal(wait_for(decoder, 1), model.decode(z(3), texture))


def test_a_job_is_collected_once(make, model, texture):
    decoder = make(model)
    decoder.submit(1, z(1), texture)
    assert wait_for(decoder, 1) is not None
    assert decoder.collect(1) is None
    assert not decoder.failed(1)


def test_unknown_job(make, model):
    decoder = make(model)
    assert decoder.collect(99) is None
    assert not decoder.failed(99)
    decoder.discard(99)


def test_discarded_job_gives_nothing(make, model, texture):
    decoder = make(model)
    for k in range(6):
        decoder.submit(k, z(k), texture)
    for k in range(5):
        decoder.discard(k)
    assert wait_for(decoder, 5) is not None
    assert [decoder.collect(k) for k in range(5)] == [None] * 5


@pytest.mark.parametrize("fault", ["nan", "exception", "deadline", "wild exception"])
def test_failed_job_gives_nothing_for_ever(make, telemetry, model, texture, fault):
    decoder = make(FaultyModel(model, {2: fault}))
    for k in range(5):
        decoder.submit(k, z(k), texture)
    results = [wait_for(decoder, k) for k in range(5)]
    assert [result is None for result in results] == [False, False, True, False, False]
    assert decoder.failed(2)
    assert decoder.collect(2) is None
    assert not decoder.stalled
    key = {"nan": "decode.not_finite", "deadline": "decode.deadline"}.get(fault, "decode.error")
    assert telemetry.snapshot()[key] == 1
    assert telemetry.snapshot()["decode.jobs"] == 4


def test_failures_are_told_once_and_stall(make, telemetry, model, texture):
    decoder = make(FaultyModel(model, dict.fromkeys(range(10), "exception")))
    for k in range(11):
        decoder.submit(k, z(k), texture)
    assert [wait_for(decoder, k) for k in range(10)] == [None] * 10
    reports = telemetry.take_reports()
    assert [report.key for report in reports] == ["decode.error"]
    assert "the old one goes on" in reports[0].text
    assert telemetry.snapshot()["decode.error"] == 10
    assert wait_for(decoder, 10) is not None
    assert not decoder.stalled


def test_three_failures_in_a_row_are_a_stall(make, model, texture):
    decoder = make(FaultyModel(model, dict.fromkeys(range(3), "nan")))
    for k in range(3):
        assert not decoder.stalled
        decoder.submit(k, z(k), texture)
        wait_for(decoder, k)
    assert until(lambda: decoder.stalled)


def test_room_is_bounded(telemetry, model, texture):
    gated = FaultyModel(model, {0: "endless"})
    decoder = DecodeWorker(gated, telemetry, max_pending=4)
    decoder.submit(0, z(0), texture)
    assert until(lambda: gated.running)
    assert [decoder.submit(k, z(k), texture) for k in range(1, 8)] == [True] * 4 + [False] * 3
    assert telemetry.snapshot()["decode.rejected"] == 3
    decoder.discard(1)
    assert decoder.submit(8, z(8), texture)
    gated.release()
    assert wait_for(decoder, 8) is not None
    decoder.close()


def test_discarding_does_not_make_endless_room(telemetry, model, texture):
    """Ids of discarded jobs wait in the queue of a stuck worker; their number is bounded too."""
    gated = FaultyModel(model, {0: "endless"})
    decoder = DecodeWorker(gated, telemetry, max_pending=4)
    decoder.submit(0, z(0), texture)
    taken = 0
    for k in range(1, 1000):
        taken += decoder.submit(k, z(k), texture)
        decoder.discard(k)
    assert taken < 100
    gated.release()
    decoder.close()


def test_inline_room_is_bounded(telemetry, model, texture):
    decoder = InlineDecoder(model, telemetry, max_pending=2)
    assert [decoder.submit(k, z(k), texture) for k in range(3)] == [True, True, False]
    decoder.collect(0)
    assert decoder.submit(3, z(3), texture)


def test_oldest_result_is_dropped_when_nobody_collects(telemetry, model, texture, monkeypatch):
    monkeypatch.setattr(worker, "MAX_RESULTS", 3)
    decoder = DecodeWorker(model, telemetry)
    for k in range(5):
        decoder.submit(k, z(k), texture)
    assert wait_for(decoder, 4) is not None
    assert [decoder.failed(k) for k in range(5)] == [True, True, False, False, False]
    assert decoder.collect(0) is None
    assert decoder.collect(3) is not None
    assert telemetry.snapshot()["decode.evicted"] == 2
    decoder.close()


def test_stuck_run_is_a_stall_and_a_new_worker_plays_on(telemetry, model, texture):
    """A run that even its deadline cannot end: the engine sees it, and takes a fresh worker."""
    stuck = FaultyModel(model, {0: "endless"}, deadline_s=0.02)
    old = DecodeWorker(stuck, telemetry)
    old.submit(0, z(0), texture)
    assert until(lambda: old.stalled)
    new = DecodeWorker(model, telemetry)
    new.submit(1, z(1), texture)
    assert wait_for(new, 1) is not None
    assert not new.stalled
    old.close()
    stuck.release()
    new.close()


def test_discarding_the_running_job(telemetry, model, texture):
    gated = FaultyModel(model, {0: "endless"})
    decoder = DecodeWorker(gated, telemetry)
    decoder.submit(0, z(0), texture)
    assert until(lambda: gated.running)
    decoder.discard(0)
    gated.release()
    decoder.submit(1, z(1), texture)
    assert wait_for(decoder, 1) is not None
    assert decoder.collect(0) is None
    decoder.close()


def test_swap_while_the_old_worker_plays(telemetry, model, tmp_path, texture):
    other = load(build_bundle(tmp_path / "other", seed=9))
    old, new = DecodeWorker(model, telemetry), DecodeWorker(other, telemetry)
    for k in range(6):
        assert old.submit(k, z(k), texture)
        assert new.submit(k, z(k), texture)
    for k in range(6):
        assert np.array_equal(wait_for(old, k), model.decode(z(k), texture))
        assert np.array_equal(wait_for(new, k), other.decode(z(k), texture))
    old.close()
    assert new.submit(9, z(9), texture)
    assert wait_for(new, 9) is not None
    new.close()


def test_closed_decoder_takes_nothing(make, model, texture):
    decoder = make(model)
    decoder.submit(1, z(1), texture)
    decoder.close()
    decoder.close()
    assert not decoder.submit(2, z(2), texture)
    assert decoder.collect(1) is None


def test_endless_graph_is_ended_by_its_deadline(make, tmp_path, telemetry, monkeypatch, texture):
    """The real thing: a graph that never ends, past the operator check, in a real session."""
    monkeypatch.setattr(verify, "check_operators", lambda facts: None)
    monkeypatch.setattr("ghostnote.decode.inline.OFFLINE_DEADLINE_S", 0.05)
    edit = FORBIDDEN["endless loop"][0]
    folder = build_bundle(tmp_path / "loop", edit_decoder=edit, max_inference_s=0.0125)
    decoder = make(load(folder, warm_up=False))
    decoder.submit(1, z(1), texture)
    assert wait_for(decoder, 1) is None
    assert telemetry.snapshot()["decode.deadline"] == 1


def test_ledger_forgets_the_oldest(telemetry):
    ledger = Ledger(telemetry)
    for k in range(MAX_FAILED + 10):
        ledger.failure(k, InferenceError("no"))
    assert 9 not in ledger
    assert 10 in ledger
    assert MAX_FAILED + 9 in ledger
