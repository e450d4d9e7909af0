"""The conversation as data: it is what the server answers, no more and no less."""

from __future__ import annotations

import pytest

from control.oscdesk import Desk
from ghostnote.control.osc_conversation import ANSWERS, SAYINGS
from ghostnote.control.osc_nodes import NODES

ARGUMENTS = {"s": "x", "i": 1, "f": 1.0}


@pytest.mark.parametrize("addr", SAYINGS)
def test_every_saying_is_understood(addr):
    """With too many words each says what it takes, as the table has it."""
    (answer,) = Desk().say(addr, *["x"] * 9)
    assert answer[:3] == ("/gn/error", addr, "args")
    assert answer[3] == f"{addr} takes {SAYINGS[addr].usage}"


@pytest.mark.parametrize("addr", ANSWERS)
def test_answers_from_a_peer_are_ignored(addr):
    desk = Desk()
    assert desk.say(addr, *(ARGUMENTS[a.kind] for a in ANSWERS[addr].arguments)) == []
    assert desk.events() == []


@pytest.mark.parametrize("addr", [a for a, s in SAYINGS.items() if f"/gn/{s.answers}" in ANSWERS])
def test_what_is_answered_at_once_has_the_arguments_of_the_table(addr):
    desk = Desk()
    got = desk.say(addr, *(ARGUMENTS[a.kind] for a in SAYINGS[addr].arguments if a.name != "reply_port"))
    desk.inbox.drain()
    desk.router.tick()
    (answer,) = got or desk.out.take()
    wanted = ANSWERS[f"/gn/{SAYINGS[addr].answers}"]
    assert answer[0] == wanted.addr
    kinds = {"s": str, "i": int, "f": float}
    assert [type(a) for a in answer[1:]] == [kinds[a.kind] for a in wanted.arguments]


def test_nothing_of_it_is_an_address_of_the_engine():
    assert not (SAYINGS.keys() | ANSWERS.keys()) & NODES.keys()
    assert not SAYINGS.keys() & ANSWERS.keys()
