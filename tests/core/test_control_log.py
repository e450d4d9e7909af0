"""Control logs: what is written can be read again, and what is wrong is named with its line."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.core.control_log import (
    START,
    ControlLog,
    Take,
    format_line,
    read_log,
    recorded_line,
    recording_line,
)
from ghostnote.errors import LogError
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import Parameter

GOOD = '{"t": 0.5, "addr": "/gn/part1/hit", "args": [0.9]}'
NUMBERS = sorted(a for a, t in TARGETS.items() if isinstance(t.row, Parameter) and t.row.kind == "f")


def read(tmp_path, *lines: str | bytes):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines) + b"\n")
    return read_log(path)


def test_a_log_is_read(tmp_path):
    start = format_line(0.0, START, ["version", "1", "model", "drums", "decode_delay", 8])
    log = read(tmp_path, start, GOOD, "", '{"t": 0, "addr": "/gn/panic"}')
    assert log.start == {"version": "1", "model": "drums", "decode_delay": 8}
    assert [(e.t, e.target.addr, e.args) for e in log.entries] == [
        (0.5, "/gn/part1/hit", (0.9,)),
        (0.0, "/gn/panic", (1.0,)),
    ]


def test_the_line_has_the_documented_shape():
    assert json.loads(format_line(0.5, "/gn/part1/hit", [0.9])) == json.loads(GOOD)
    assert list(json.loads(format_line(0.5, "/gn/part1/hit", [0.9]))) == ["t", "addr", "args"]


@given(
    t=st.integers(0, 24 * 3600 * 44100),
    addr=st.sampled_from(NUMBERS),
    x=st.floats(0, 1),
)
def test_samples_and_values_survive_a_round_trip(tmp_path_factory, t, addr, x):
    value = TARGETS[addr].row.from_unit(x)
    path = tmp_path_factory.mktemp("logs") / "log.jsonl"
    path.write_text(format_line(t / 44100, addr, [value]), encoding="utf-8")
    (entry,) = read_log(path).entries
    assert (round(entry.t * 44100), entry.target.addr, entry.args) == (t, addr, (value,))


def test_words_of_any_language_survive(tmp_path):
    log = read(tmp_path, format_line(0.0, "/gn/slot/a/file", ["Trömmel/太鼓.wav"]))
    assert log.entries[0].args == ("Trömmel/太鼓.wav",)


def test_values_out_of_range_are_clipped_and_counted(tmp_path):
    log = read(tmp_path, '{"t": 0, "addr": "/gn/part1/pan", "args": [7]}', GOOD)
    assert log.entries[0].args == (1.0,)
    assert log.clipped == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hello", "not a line such as"),
        ('{"t": 0.5,', "not a line such as"),
        (b"\xff\xfe{}", "not a line such as"),
        ("[" * 50_000, "not a line such as"),
        ("[0, 1]", "has the keys"),
        ("null", "has the keys"),
        ('{"t": 0}', "has the keys"),
        ('{"t": 0, "addr": "/gn/panic", "more": 1}', "has the keys"),
        ('{"t": "0", "addr": "/gn/panic"}', '"t" is a number of seconds'),
        ('{"t": true, "addr": "/gn/panic"}', '"t" is a number of seconds'),
        ('{"t": null, "addr": "/gn/panic"}', '"t" is a number of seconds'),
        ('{"t": -0.1, "addr": "/gn/panic"}', '"t" is a number of seconds'),
        ('{"t": NaN, "addr": "/gn/panic"}', '"t" is a number of seconds'),
        ('{"t": Infinity, "addr": "/gn/panic"}', '"t" is a number of seconds'),
        ('{"t": 1e6, "addr": "/gn/panic"}', '"t" is a number of seconds'),
        ('{"t": 1' + "0" * 400 + ', "addr": "/gn/panic"}', '"t" is a number of seconds'),
        ('{"t": 0, "addr": "/gn/panic", "args": 1}', '"args" is a list'),
        ('{"t": 0, "addr": "/gn/panic", "args": [null]}', '"args" is a list'),
        ('{"t": 0, "addr": "/gn/panic", "args": [[1]]}', '"args" is a list'),
        ('{"t": 0, "addr": "/gn/part1/hitt"}', "nearest is /gn/part1/hit"),
        ('{"t": 0, "addr": 5}', "no such address"),
        ('{"t": 0, "addr": "' + "x" * 60_000 + '"}', "no such address"),
        ('{"t": 0, "addr": "/gn/part1/pan", "args": []}', "takes 1 argument"),
        ('{"t": 0, "addr": "/gn/part1/pan", "args": ["left"]}', "takes a number"),
        ('{"t": 0, "addr": "/gn/part1/pan", "args": [NaN]}', "not a finite number"),
        ('{"t": 0, "addr": "/gn/part1/pan", "args": [1' + "0" * 400 + "]}", "not a finite number"),
        ('{"t": 0, "addr": "/gn/part1/mode", "args": ["sing"]}', "not one of oneshot, hold"),
        (
            '{"t": 0, "addr": "/gn/log/start", "args": ["decode_delay", "x"]}',
            "decode_delay is a whole number",
        ),
        ('{"t": 0, "addr": "/gn/log/start", "args": ["decode_delay", 0]}', "decode_delay is a whole number"),
        (
            '{"t": 0, "addr": "/gn/log/start", "args": ["decode_delay", 1e9]}',
            "decode_delay is a whole number",
        ),
        ('{"t": 0, "addr": "/gn/log/start", "args": ["format", 2]}', "another ghostnote .format 2, this one"),
        ('{"t": 0, "addr": "/gn/log/start", "args": ["format", "1"]}', "another ghostnote .format '1'"),
        ('{"t": 0, "addr": "/gn/log/start", "args": ["format", true]}', "another ghostnote .format True"),
        ("x" * 1_000_000, "longer than 65536 bytes"),
    ],
    ids=range(34),
)
def test_a_bad_line_is_named(tmp_path, line, said):
    with pytest.raises(LogError, match=said) as caught:
        read(tmp_path, GOOD, GOOD, line)
    message = str(caught.value)
    assert "log.jsonl, line 3: " in message
    assert "\n" not in message
    assert len(message) < 500


def test_a_missing_log_and_a_folder_are_told(tmp_path):
    with pytest.raises(LogError, match=r"none\.jsonl: no such log"):
        read_log(tmp_path / "none.jsonl")
    with pytest.raises(LogError, match="cannot be read"):
        read_log(tmp_path)


def test_a_file_that_is_absurdly_long_is_told_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "log.jsonl"
    with path.open("wb") as file:
        file.truncate((1 << 30) + 1)  # takes no room on the disk
    monkeypatch.setattr(json, "loads", pytest.fail)
    with pytest.raises(LogError, match="larger than a log can be"):
        read_log(path)


@given(st.binary(max_size=400))
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("logs") / "log.jsonl"
    path.write_bytes(content)
    with contextlib.suppress(LogError):
        read_log(path)


def test_a_log_tells_of_recordings(tmp_path):
    path = tmp_path / "log.jsonl"
    lines = [recording_line("one.wav", 48000, 480), recorded_line("one.wav", 48000, 480, 960)]
    lines += [recording_line("two.flac", 44100, 4410), recorded_line("two.flac", 44100, 4410, None)]
    path.write_text("\n".join(lines))
    log = read_log(path)
    assert log.takes == [Take("one.wav", 48000, 480, 960), Take("two.flac", 44100, 4410, None)]
    assert log.entries == []
    assert log.take() is log.takes[1]
    assert log.take("one.wav") is log.takes[0]
    with pytest.raises(LogError, match=r"no recording three; it has one\.wav, two\.flac"):
        log.take("three")
    with pytest.raises(LogError, match="no recording; it has none"):
        ControlLog().take()


@pytest.mark.parametrize(
    "args", [["rate", "x"], ["rate", -1], ["from", 0.5], ["from", -1], ["rate", 10**30], ["frames", None]]
)
def test_a_recording_that_cannot_be_is_named(tmp_path, args):
    path = tmp_path / "log.jsonl"
    path.write_text(format_line(0.0, "/gn/log/recording", args))
    with pytest.raises(LogError, match="line 1"):
        read_log(path)
