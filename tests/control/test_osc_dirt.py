"""SuperDirt's messages as TidalCycles and SuperCollider send them."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.oscdesk import PEER, WALL_S, Recorder
from controlkit import bundle, wait_for
from ghostnote.control.inbox import Inbox
from ghostnote.control.osc_dirt import DirtRouter, DirtServer
from ghostnote.control.osc_guard import parse
from ghostnote.control.osc_send import build
from ghostnote.control.osc_time import Received, timetag_at
from ghostnote.errors import NetworkError
from ghostnote.state.registry import DEFAULTS, check, resolve
from ghostnote.telemetry import Telemetry


class Dirt:
    """The adapter, driven by hand."""

    def __init__(self) -> None:
        self.telemetry = Telemetry(hold_s=0.0)
        self.inbox = Inbox(self.telemetry)
        self.out = Recorder()
        self.values = dict(DEFAULTS)
        self.router = DirtRouter(self.inbox, self.telemetry, self.out, self.values, 57120)
        self.now = 100.0

    def send(self, datagram: bytes) -> list[tuple]:
        self.router.handle(datagram, PEER, Received(self.now, int((WALL_S + self.now) * 1e9)))
        return self.out.take()

    def play(self, *pairs) -> dict:
        """What a note becomes: names and values, empty for none."""
        assert self.send(build("/dirt/play", *pairs)) == []
        events = self.inbox.drain()
        return dict(zip(events[0].args[::2], events[0].args[1::2], strict=True)) if events else {}


@pytest.fixture
def dirt() -> Dirt:
    return Dirt()


def test_an_event_of_tidal_is_a_note_at_its_time(dirt):
    """The names that Tidal sends with `d2 $ sound "bd" # gain 1`."""
    message = build(
        "/dirt/play",
        "_id_",
        "2",
        "cps",
        0.5625,
        "cycle",
        10.0,
        "delta",
        1.75,
        "orbit",
        1,
        "s",
        "bd",
        "gain",
        1.0,
    )
    assert dirt.send(bundle(message, timetag=timetag_at(WALL_S + dirt.now + 0.25))) == []
    (event,) = dirt.inbox.drain()
    assert event.addr == "/gn/play"
    assert dict(zip(event.args[::2], event.args[1::2], strict=True)) == {"part": 2, "s": "kick", "gain": 0.0}
    assert event.due == pytest.approx(100.25, abs=1e-6)
    assert event.source == "osc:127.0.0.1:5000"
    assert dirt.telemetry.take_reports() == []


@pytest.mark.parametrize(
    ("pairs", "becomes"),
    [
        ((), {"part": 1}),
        (("orbit", 7), {"part": 8}),
        (("orbit", 8), {"part": 1}),
        (("n", 3.0), {"n": 3.0}),
        (("n", 3.0, "note", -5.0), {"n": -5.0}),
        (("midinote", 72), {"n": 12.0}),
        (("gain", 0.5), {"gain": pytest.approx(-24.08, abs=0.01)}),
        (("gain", 99.0), {"gain": 6.0}),
        (("pan", 0.5), {"pan": 0.0}),
        (("pan", 1), {"pan": 1.0}),
        (("speed", -2.0), {"speed": 2.0, "rate": -1.0}),
        (("speed", -1.0, "rate", 0.5), {"speed": 1.0, "rate": -0.5}),
        (("rate", 2.0), {"rate": 2.0}),
        (("octave", 4), {"n": -12.0}),
        (("note", 2.0, "octave", 6), {"n": 14.0}),
        (("nudge", 0.1, "model", "drums"), {"model": "drums"}),
        (("begin", 0.25, "end", 0.5), {"begin": 0.25, "end": 0.5}),
        (("legato", 0.5, "delta", 0.5), {"sustain": 0.25}),
        (("sustain", 0.1, "legato", 0.5, "delta", 0.5), {"sustain": pytest.approx(0.1)}),
        (("cut", -1, "orbit", 2), {"cut": 3001, "part": 3}),
        (("s", "tom_low"), {"s": "tom_low"}),
        (("d1", 1.5, "velocity", 0.5), {"d1": 1.5, "velocity": 0.5}),
    ],
)
def test_what_each_name_becomes(dirt, pairs, becomes):
    assert dirt.play(*pairs) == {"part": 1} | becomes


@pytest.mark.parametrize("pairs", [("gain", 0.0), ("gain", -1.0), ("speed", 0.0)])
def test_what_would_be_silent_is_not_played(dirt, pairs):
    assert dirt.play(*pairs) == {}


def test_what_there_is_nothing_for_is_left_out_and_told_once(dirt):
    for _ in range(3):
        assert dirt.play("room", 0.5, "crush", 4.0, "accelerate", 1.0) == {"part": 1}
    (report,) = dirt.telemetry.take_reports()
    assert "accelerate, crush, room" in report.text
    assert dirt.telemetry.snapshot()["dirt_left_out"] == 9


def test_hello_and_handshake_are_answered_as_tidal_waits_for_it(dirt):
    assert dirt.send(build("/dirt/hello")) == [("/dirt/hello/reply",)]
    ((addr, *args),) = dirt.send(build("/dirt/handshake"))
    assert addr == "/dirt/handshake/reply"
    assert args[:5] == ["&serverHostname", "127.0.0.1", "&serverPort", 57120, "&controlBusIndices"]
    assert len(args) > 5
    assert all(isinstance(index, int) for index in args[5:])
    assert dirt.send(build("/c_set", 3, 0.5)) == []
    assert dirt.inbox.drain() == []


def test_late_notes_follow_the_policy(dirt):
    late = bundle(build("/dirt/play", "s", "bd"), timetag=timetag_at(WALL_S + dirt.now - 0.5))
    ((_, _, _, text, _),) = dirt.send(late)
    assert "500 ms late" in text
    assert [e.due for e in dirt.inbox.drain()] == [None]
    dirt.values["/gn/osc/late"] = "drop"
    assert dirt.send(late) == []
    assert dirt.inbox.drain() == []
    assert dirt.telemetry.snapshot()["osc_late_dropped"] == 1


@pytest.mark.parametrize(
    ("datagram", "code", "says"),
    [
        (build("/dirt/play", "s"), "args", "got 1 arguments"),
        (build("/dirt/play", 1, 2), "type", "is no name"),
        (build("/dirt/play", "gain", "loud"), "type", "gain takes a number"),
        (build("/dirt/play", "velocity", "loud"), "type", "takes a number"),
        (build("/dirt/play", "gain", float("nan")), "range", "not a finite"),
        (build("/dirt/stop"), "unknown_address", "there is /dirt/play"),
        (b"#bundle\0", "malformed", "time tag"),
    ],
)
def test_wrong_messages_are_told(dirt, datagram, code, says):
    ((addr, _, found, text, _),) = dirt.send(datagram)
    assert (addr, found) == ("/gn/error", code)
    assert says in text
    assert dirt.inbox.drain() == []


_NAMES = st.sampled_from(
    ["s", "n", "note", "octave", "gain", "pan", "speed", "rate", "orbit", "cut", "sustain", "end", "x", ""]
)
_PAIRS = st.lists(
    st.tuples(_NAMES, st.one_of(st.floats(width=32), st.integers(-(2**31), 2**31 - 1), st.text("ab")))
)


@given(_PAIRS)
def test_whatever_comes_becomes_a_checked_note_or_an_error(pairs):
    dirt = Dirt()
    told = dirt.send(build("/dirt/play", *(x for pair in pairs for x in pair)))
    events = dirt.inbox.drain()
    assert len(events) + len(told) <= 1
    for event in events:
        assert check(resolve("/gn/play"), event.args) == (event.args, False)


def test_it_listens_at_its_own_port_and_says_when_that_is_taken(inbox, telemetry):
    with (
        DirtServer(inbox, telemetry, values=DEFAULTS, port=0) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tidal,
    ):
        tidal.settimeout(60.0)
        tidal.sendto(build("/dirt/handshake"), ("127.0.0.1", server.port))
        (message,) = parse(tidal.recv(2000)).groups[0].messages
        assert message.addr == "/dirt/handshake/reply"
        assert message.args[3] == server.port
        tidal.sendto(build("/dirt/play", "s", "sn"), ("127.0.0.1", server.port))
        (event,) = wait_for(inbox.drain)
        assert event.args == ("part", 1, "s", "snare")
        with pytest.raises(NetworkError, match="--dirt"):
            DirtServer(inbox, telemetry, values=DEFAULTS, port=server.port)
