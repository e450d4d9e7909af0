"""Pipes between processes, and the options that travel over them."""

from __future__ import annotations

import io
import json
import os
import threading

import pytest

from ghostnote.errors import UsageError
from ghostnote.host.options import PlayOptions
from ghostnote.host.pipe import PipeWriter, messages, read_messages


def test_messages_arrive_in_order():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb") as sink:
        writer = PipeWriter(sink)
        for n in range(500):
            writer.send({"type": "n", "n": n, "text": "ü\n"})
        writer.close()
        sink.close()
        assert [m["n"] for m in messages(source)] == list(range(500))


def test_a_reader_that_is_stuck_costs_the_sender_nothing():
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as sink:
        writer = PipeWriter(sink, capacity=10)
        for n in range(200):
            writer.send({"n": n, "filler": "x" * 40_000})
        assert len(writer._queue) <= 10
        os.close(reading)
        writer.close()
        assert writer.broken


def test_a_reader_that_is_gone_is_noticed():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as sink:
        writer = PipeWriter(sink)
        writer.send({"n": 1})
        writer._thread.join(5.0)
        assert writer.broken
        writer.send({"n": 2})


def test_lines_that_are_no_messages_are_skipped():
    got: list = []
    stream = io.BytesIO(b'{"a": 1}\nnoise\n[1]\n5\n\n\xff\xfe\n{"b": 2}\n{"c":')
    read_messages(stream, got.append)
    assert got == [{"a": 1}, {"b": 2}]


def test_writing_happens_in_another_thread():
    seen = []

    class Stream(io.BytesIO):
        def write(self, data: bytes) -> int:
            seen.append(threading.current_thread().name)
            return len(data)

    writer = PipeWriter(Stream())
    writer.send({"n": 1})
    writer.close()
    assert seen == ["ghostnote-pipe"]


def test_options_survive_a_round_trip():
    options = PlayOptions(model="ü", device="null", rate=48000, seconds=2.5, log="a b.jsonl", seed=3)
    assert PlayOptions.from_json(options.to_json()) == options
    assert json.loads(options.to_json())["rate"] == 48000


@pytest.mark.parametrize(
    "bad",
    [
        {"rate": 7999},
        {"rate": 384001},
        {"block": 15},
        {"block": 8193},
        {"port": -1},
        {"port": 65536},
        {"seed": -1},
        {"seed": 2**31},
        {"seconds": 0.0},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
    ],
    ids=str,
)
def test_options_out_of_range_are_named(bad):
    (name,) = bad
    with pytest.raises(UsageError, match=f"--{name} "):
        PlayOptions(**bad)
