"""Keys: what each does, and a terminal that is as it was afterwards."""

from __future__ import annotations

import os
import sys

import pytest

from ghostnote.host.keys import HELP, VELOCITY, Action, Keyboard, Typist
from ghostnote.state.registry import check, resolve
from playing import wait_for

VIEW = {
    "parts": [{"mute": int(part == 2), "solo": int(part == 3)} for part in range(1, 9)],
    "values": {"master/dim": 1},
}


def typed(keys: str, view=VIEW, recording: bool = False) -> list[Action]:
    typist = Typist()
    return [action for key in keys if (action := typist.press(key, view, recording)) is not None]


@pytest.mark.parametrize(
    ("keys", "addr", "args"),
    [
        ("1", "part1/hit", (VELOCITY,)),
        ("8", "part8/hit", (VELOCITY,)),
        (" ", "hush", (1.0,)),
        ("p", "panic", (1.0,)),
        ("\x1b", "panic", (1.0,)),
        ("m1", "part1/mute", (1,)),
        ("m2", "part2/mute", (0,)),
        ("o3", "part3/solo", (0,)),
        ("o8", "part8/solo", (1,)),
        ("d", "master/dim", (0,)),
        ("r", "rec/start", ("",)),
        ("s9", "scene/index", (9, -1.0)),
        ("u", "undo", (1.0,)),
        ("t", "clock/tap", (1.0,)),
    ],
)
def test_what_a_key_does(keys, addr, args):
    (action,) = typed(keys)
    assert action == Action("event", f"/gn/{addr}", args)
    target = resolve(action.addr)
    assert check(target, action.args)[0] == args, "the core takes it as it is"


def test_what_goes_on_is_ended():
    assert typed("r", recording=True) == [Action("event", "/gn/rec/stop")]
    assert typed("d", view={}) == [Action("event", "/gn/master/dim", (1,))]


def test_only_two_qs_end_it():
    assert typed("qq") == [Action("end")]
    assert [action.kind for action in typed("q1q")] == ["event"]
    assert typed("q") == []


def test_escape_takes_a_half_typed_key_back():
    assert typed("m\x1b") == []
    assert [action.addr for action in typed("m\x1b1")] == ["/gn/part1/hit"]


@pytest.mark.parametrize("keys", ["0", "9", "m9", "x", "M", "\x00", "ü", "²", "m²", "mm"])
def test_other_keys_do_nothing(keys):
    assert typed(keys) == []


def test_help_tells_every_key():
    assert typed("?") == [Action("help")]
    told = " ".join(keys for keys, _ in HELP)
    assert all(key in told for key in (*"18pmosutdr?", "space", "Esc", "q q"))


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal")
def test_a_terminal_is_taken_and_given_back(monkeypatch):
    import pty
    import termios

    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(os, "tcgetpgrp", lambda fd: os.getpgrp())
        before = termios.tcgetattr(theirs)
        pressed: list[str] = []
        keyboard = Keyboard(pressed.append)
        assert keyboard.start()
        during = termios.tcgetattr(theirs)
        assert not during[3] & (termios.ECHO | termios.ICANON)
        assert during[3] & termios.ISIG, "Ctrl-C is still Ctrl-C"
        taken, read = [], os.read
        monkeypatch.setattr(os, "read", lambda fd, n: (taken.append(read(fd, n)), taken[-1])[1])
        keys = ((b"1", 1), (b"\x1a", 2), (b"\x1b[A", 2), (b"\x1bOP", 2), (b"\x1b", 3), (b"2", 4))
        for sent, told in keys:
            taken.clear()
            os.write(ours, sent)
            wait_for(
                lambda sent=sent, told=told: b"".join(taken) == sent and len(pressed) == told,
                f"{sent} to be read",
            )
        keyboard.close()
        keyboard.close()
        assert pressed == ["1", "\x1a", "\x1b", "2"]
        assert termios.tcgetattr(theirs) == before
    os.close(ours)


def test_without_a_terminal_there_are_no_keys(monkeypatch, tmp_path):
    with (tmp_path / "in").open("w+") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        keyboard = Keyboard(lambda key: None)
        assert not keyboard.start()
        keyboard.close()
    monkeypatch.setattr(sys, "stdin", None)
    assert not Keyboard(lambda key: None).start()
