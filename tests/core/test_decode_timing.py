"""Decodes are planned as far ahead as they take, and no denser than the worker can follow."""

from __future__ import annotations

import pytest

from ghostnote.core.control_log import START, format_line, read_log
from ghostnote.core.decode_timing import MAX_DELAY, MIN_DELAY, DecodeTiming, measure, timing
from ghostnote.core.engine import DECODE_SPACING, QUANTUM
from ghostnote.core.render import RenderOptions, build_engine
from ghostnote.errors import LogError
from ghostnote.telemetry import Telemetry

QUANTUM_S = QUANTUM / 44100


def test_a_fast_decoder_gets_the_least():
    assert timing(0.0001, 64, 48000, 44100) == DecodeTiming(MIN_DELAY, DECODE_SPACING)


def test_decodes_never_come_denser_than_the_worker_can_follow():
    for decode_ms in (0.5, 2.0, 4.4, 9.0, 30.0):
        planned = timing(decode_ms * 1e-3, 128, 48000, 44100)
        assert planned.spacing * QUANTUM_S > decode_ms * 1e-3


@pytest.mark.parametrize("block", [64, 128, 256, 1024])
def test_the_last_quantum_of_a_burst_leaves_time_for_a_decode(block):
    """It is rendered up to a block before its turn; what is left must do."""
    decode_s = 0.004
    left = timing(decode_s, block, 48000, 44100).delay * QUANTUM_S - block / 48000
    assert left > 1.1 * decode_s


def test_slower_machines_wait_longer_but_not_for_ever():
    delays = [timing(s, 128, 48000, 44100).delay for s in (0.001, 0.003, 0.006, 0.012, 10.0)]
    assert delays == sorted(delays)
    assert delays[-1] == MAX_DELAY


def test_what_is_measured_is_a_time(model):
    assert 0.0 < measure(model) < 60.0


def test_a_render_keeps_the_log_s_timing(tmp_path, model):
    path = tmp_path / "log.jsonl"
    start = ["version", "x", "model", "tiny", "decode_delay", 7, "decode_spacing", 5]
    path.write_text(format_line(0.0, START, start), encoding="utf-8")
    engine = build_engine(model, read_log(path), RenderOptions(), Telemetry())
    assert engine.plan.delay == 7
    assert engine.plan._spacing == 5


@pytest.mark.parametrize("value", [0, 1e9, "x", 1.5])
def test_a_spacing_that_cannot_be_is_refused(tmp_path, value):
    path = tmp_path / "log.jsonl"
    path.write_text(format_line(0.0, START, ["decode_spacing", value]), encoding="utf-8")
    with pytest.raises(LogError, match="decode_spacing is a whole number"):
        read_log(path)
