"""Inputs that say nothing are opened anew a few times, and outputs are used once they have been there."""

from __future__ import annotations

from ghostnote.control.midi_jack import REOPEN_S, SETTLE_S, Reopening, Settled


class Port:
    """An input that counts how often it was opened again."""

    def __init__(self) -> None:
        self.heard, self.is_open, self.reopened = False, True, 0

    def reopen(self) -> None:
        self.reopened += 1


def turns(reopening, until, every=0.25):
    for n in range(round(until / every) + 1):
        reopening.turn(100.0 + n * every)


def test_a_silent_input_is_opened_again_at_each_age_and_then_left_alone():
    port, reopening = Port(), Reopening()
    reopening.watch(port, 100.0)
    for count, age in enumerate(REOPEN_S):
        reopening.turn(100.0 + age - 0.01)
        assert port.reopened == count
        reopening.turn(100.0 + age)
        assert port.reopened == count + 1
    turns(reopening, 10 * REOPEN_S[-1], every=5.0)
    assert port.reopened == len(REOPEN_S)


def test_an_input_that_said_something_or_was_closed_is_not():
    heard, closed, silent = Port(), Port(), Port()
    reopening = Reopening()
    for port in (heard, closed, silent):
        reopening.watch(port, 100.0)
    heard.heard, closed.is_open = True, False
    turns(reopening, REOPEN_S[0])
    assert (heard.reopened, closed.reopened, silent.reopened) == (0, 0, 1)
    silent.heard = True
    turns(reopening, 2 * REOPEN_S[-1])
    assert silent.reopened == 1


def test_ports_count_once_they_have_been_there_and_begin_anew_when_they_return():
    settled = Settled()
    assert settled.of(["a"], 10.0) == []
    assert settled.of(["b", "a"], 10.0 + SETTLE_S) == ["a"]
    assert settled.of(["b"], 10.1 + SETTLE_S) == []
    assert settled.of(["b", "a"], 10.0 + 2 * SETTLE_S) == ["b"]
    assert Settled(0.0).of(["a"], 1.0) == ["a"]
