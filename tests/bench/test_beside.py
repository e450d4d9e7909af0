"""The section about work beside the instrument, for a moment: every kind is played, counted and set apart."""

from __future__ import annotations

import math
import threading

import pytest

from ghostnote.bench import beside, sections
from ghostnote.bench.jack_server import UnavailableError
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.player import free_port, message
from ghostnote.bench.stalls import Beside
from ghostnote.state.table import ROOT


@pytest.mark.jack
def test_every_kind_is_played_and_counted(tiny, needs_jack, monkeypatch):
    monkeypatch.setattr(beside, "SETTLE_S", 0.2)
    monkeypatch.setattr(beside, "TURNS", 1)
    monkeypatch.setattr(beside, "FILES", 3)
    section = sections.measure("beside", BenchOptions(str(tiny), seconds=2.0))
    assert section.skipped is None, section.skipped
    for kind, (indexing, _) in beside.KINDS.items():
        total, own = section.numbers[f"dropouts_{kind}"], section.numbers[f"dropouts_own_{kind}"]
        assert 0.0 <= own <= total
        assert (f"files_indexed_{kind}" in section.numbers) is indexing
    assert len(section.goals) == len(beside.KINDS) - 1
    for goal in section.goals:
        kind = goal.what.split()[1]
        assert math.isnan(goal.value) or goal.value == section.numbers[f"dropouts_own_{kind}"]
        assert goal.limit == 0.0


def test_turns_are_summed_and_only_what_has_no_stall_beside_it_is_its_own(tiny, monkeypatch):
    given = {"alone": (5, 5, 0.1), "indexing": (3, 2, 0.1), "listening": (0, 0, 0.0), "both": (1, 1, 0.9)}

    class Nothing:
        name = "none"

        def __init__(self, *args, **more):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *wrong):
            return None

    for name in ("JackServer", "Probe"):
        monkeypatch.setattr(beside, name, Nothing)
    monkeypatch.setattr(beside, "_turn", lambda kind, *rest: (Beside(*given[kind]), 7))
    section = sections.measure("beside", BenchOptions(str(tiny)))
    assert [section.numbers[f"dropouts_{kind}"] for kind in given] == [10.0, 6.0, 0.0, 2.0]
    assert [section.numbers[f"dropouts_own_{kind}"] for kind in given] == [0.0, 2.0, 0.0, 0.0]
    assert section.numbers["files_indexed_both"] == 14.0
    assert [goal.met for goal in section.goals] == [False, True, False]  # the last: chance leaves it open


def test_an_instrument_that_does_not_answer_is_no_figure(monkeypatch):
    monkeypatch.setattr(beside, "_ANSWER_S", 0.01)
    asking = beside.socket.socket(beside.socket.AF_INET, beside.socket.SOCK_DGRAM)
    with asking, pytest.raises(UnavailableError, match="does not answer"):
        beside.dropouts(asking, free_port())


def test_dropouts_are_placed_between_two_looks():
    """Against an instrument that counts one more with each third question."""
    asked, hits, over = [], [], threading.Event()
    with beside.socket.socket(beside.socket.AF_INET, beside.socket.SOCK_DGRAM) as played:
        played.bind(("127.0.0.1", 0))
        played.settimeout(0.1)

        def answer():
            while not over.is_set():
                try:
                    data, sender = played.recvfrom(4096)
                except TimeoutError:
                    continue
                if data.startswith(f"{ROOT}/status/xruns".encode()):
                    asked.append(sender)
                    played.sendto(message(f"{ROOT}/status/xruns", len(asked) // 3), sender)
                else:
                    hits.append(data)

        answering = threading.Thread(target=answer)
        answering.start()

        class Player:
            port = played.getsockname()[1]

            def send(self, datagram):
                played.sendto(datagram, ("127.0.0.1", self.port))

        looked = []
        try:
            spans = beside.play(Player(), 2.0, lambda: looked.append(1))
        finally:
            over.set()
            answering.join()
    assert len(spans) == len(asked) // 3 > 0
    assert all(before < after for before, after in spans)
    assert len(looked) == len(asked) - 1
    assert hits
