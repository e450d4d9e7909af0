"""What SuperCollider and TidalCycles sent once, heard again; `record.py` says how it was recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from control.oscdesk import PEER, Desk, Recorder
from ghostnote.control.inbox import Inbox
from ghostnote.control.osc_dirt import DirtRouter
from ghostnote.control.osc_guard import parse
from ghostnote.control.osc_time import IMMEDIATELY, Received
from ghostnote.state.registry import DEFAULTS
from ghostnote.telemetry import Telemetry

RECORDED = Path(__file__).resolve().parent / "recorded"
UNIX = 2_208_988_800
AHEAD_S = 0.2


def recorded(name: str) -> list[bytes]:
    return [bytes.fromhex(line) for line in (RECORDED / f"{name}.hex").read_text(encoding="ascii").split()]


def tags(datagrams: list[bytes]) -> list[int]:
    """Time tags of all notes, in order."""
    groups = [group for datagram in datagrams for group in parse(datagram).groups]
    return [g.timetag for g in groups for m in g.messages if m.addr.endswith("/play")]


def receipt(datagrams: list[bytes]) -> Received:
    """A moment shortly before the first note."""
    first = min(tag for tag in tags(datagrams) if tag > IMMEDIATELY)
    return Received(100.0, round((first / 2**32 - UNIX - AHEAD_S) * 1e9))


@pytest.mark.parametrize(
    ("name", "notes", "others"),
    [
        ("supercollider", 5, [("/gn/part1/weight/b", (0.5,))]),
        ("tidal", 15, [("/gn/scene/recall", ("verse", -1.0))]),
    ],
)
def test_every_message_is_taken_and_sounds_at_its_time(name, notes, others):
    datagrams = recorded(name)
    desk = Desk()
    for datagram in datagrams:
        desk.router.handle(datagram, PEER, receipt(datagrams))
    events = list(desk.inbox.drain())
    assert desk.out.take() == [], "no errors"
    assert [(e.addr, e.args) for e in events if e.addr != "/gn/play"] == others
    times = [e.due for e in events if e.addr == "/gn/play"]
    assert len(times) == notes
    wanted = [100.0 + AHEAD_S + (tag - min(tags(datagrams))) / 2**32 for tag in tags(datagrams)]
    assert sorted(times) == pytest.approx(sorted(wanted), abs=1e-6)


def test_superdirts_messages_are_notes_of_the_parts():
    telemetry = Telemetry(hold_s=0.0)
    inbox, out = Inbox(telemetry), Recorder()
    router = DirtRouter(inbox, telemetry, out, dict(DEFAULTS), 57120)
    datagrams = recorded("tidal-dirt")
    for datagram in datagrams:
        router.handle(datagram, PEER, receipt(datagrams))
    notes = [dict(zip(e.args[::2], e.args[1::2], strict=True)) for e in inbox.drain()]
    assert len(notes) == len(tags(datagrams))
    assert {note["part"] for note in notes} == {1, 2}
    assert {note["s"] for note in notes} == {"kick", "snare", "clap", "hihat_closed"}
    assert {address for address, *_ in out.take()} == {"/dirt/handshake/reply"}
