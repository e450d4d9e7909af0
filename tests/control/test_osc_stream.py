"""Streams to visuals: numbers alone on one port, everything on the next, at the time that is meant."""

from __future__ import annotations

import socket
import time

import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage

from ghostnote.control.osc_stream import MAX_TARGETS, Streams, parse_target
from ghostnote.errors import NetworkError, UsageError
from ghostnote.telemetry import Telemetry


def receiver(port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    sock.settimeout(20.0)
    return sock


@pytest.fixture
def pair():
    """Receivers on two ports in a row."""
    while True:
        first = receiver()
        try:
            second = receiver(first.getsockname()[1] + 1)
        except OSError:
            first.close()
            continue
        yield first, second
        first.close()
        second.close()
        return


def contents(datagram: bytes) -> tuple[float, list[OscMessage]]:
    bundle = OscBundle(datagram)
    return bundle.timestamp, [bundle.content(k) for k in range(bundle.num_contents)]


def test_numbers_go_to_both_ports_and_words_to_the_second(pair):
    streams = Streams([("127.0.0.1", pair[0].getsockname()[1])], Telemetry())
    heard = time.monotonic() - 0.25
    streams.words([("/gn/in/answer", (1, "kick", 0.5))], heard)
    streams.numbers({"/gn/in/onsets": 3, "/gn/in/class/confidence": 0.5}, heard)
    stamp, messages = contents(pair[0].recv(65536))
    assert [(m.address, m.params) for m in messages] == [
        ("/gn/in/onsets", [3]),
        ("/gn/in/class/confidence", [0.5]),
    ]
    assert time.time() - stamp > 0.24
    _, words = contents(pair[1].recv(65536))
    assert words[0].params == [1, "kick", 0.5]
    assert len(contents(pair[1].recv(65536))[1]) == 2
    streams.close()


def test_a_time_tag_is_the_time_on_the_wall(pair):
    streams = Streams([("127.0.0.1", pair[0].getsockname()[1])], Telemetry())
    before = time.time()
    streams.numbers({"/gn/in/onsets": 1}, time.monotonic() + 3.0)
    after = time.time()
    stamp, _ = contents(pair[0].recv(65536))
    assert before + 3.0 - 0.01 <= stamp <= after + 3.0 + 0.01
    streams.close()


def test_too_many_numbers_for_a_datagram_are_several_bundles(pair):
    streams = Streams([("127.0.0.1", pair[0].getsockname()[1])], Telemetry())
    values = {f"/gn/in/class/p/label_number_{k}": float(k) for k in range(100)}
    streams.numbers(values, time.monotonic())
    found: list[OscMessage] = []
    while len(found) < len(values):
        datagram = pair[0].recv(65536)
        assert len(datagram) <= 1400
        found += contents(datagram)[1]
    assert [m.address for m in found] == list(values)
    streams.close()


def test_a_port_where_nobody_listens_is_told_once_and_served_when_somebody_comes(pair):
    telemetry = Telemetry()
    port = pair[0].getsockname()[1]
    pair[0].close()
    streams = Streams([("127.0.0.1", port)], telemetry)
    for k in range(20):
        streams.numbers({"/gn/in/onsets": k}, time.monotonic())
    reports = telemetry.take_reports()
    assert [r.text for r in reports] == [
        f"nobody receives OSC at 127.0.0.1:{port} yet; it is sent there all the same"
    ]
    late = receiver(port)
    streams.numbers({"/gn/in/onsets": 99}, time.monotonic())
    streams.numbers({"/gn/in/onsets": 99}, time.monotonic())
    assert contents(late.recv(65536))[1][0].params == [99]
    late.close()
    streams.close()


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("10.0.0.5:9000", ("10.0.0.5", 9000)),
        ("10.0.0.5", ("10.0.0.5", 9771)),
        (":9771", ("127.0.0.1", 9771)),
        ("visuals.local:9771", ("visuals.local", 9771)),
    ],
)
def test_targets(text, target):
    assert parse_target(text) == target


@pytest.mark.parametrize("text", ["host:", "host:0", "host:65535", "host:port", "::1:9", "host:-1", "host:²"])
def test_targets_that_are_none(text):
    with pytest.raises(UsageError, match="HOST:PORT is needed"):
        parse_target(text)


def test_a_host_that_is_not_known_is_an_error_in_one_line():
    with pytest.raises(NetworkError, match="cannot be sent to"):
        Streams([("no such host", 9771)], Telemetry())
    with pytest.raises(UsageError, match="targets"):
        Streams([("127.0.0.1", 2000 + k) for k in range(MAX_TARGETS + 1)], Telemetry())
