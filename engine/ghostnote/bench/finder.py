"""The library while playing: how long neighbours take over OSC, and whether loading a library is heard."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench.attribution import own_goal
from ghostnote.bench.beside import play
from ghostnote.bench.conversation import udp
from ghostnote.bench.jack_server import UnavailableError
from ghostnote.bench.library_cost import fill
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.player import Player, message
from ghostnote.bench.result import Section
from ghostnote.bench.rig import Bare
from ghostnote.bench.stalls import Beside, inside, set_beside
from ghostnote.bench.stats import Summary
from ghostnote.decode import bundle
from ghostnote.decode.manifest import Manifest
from ghostnote.state.table import ROOT

Float64 = NDArray[np.float64]

SOUNDS = 100_000
QUESTIONS = 300
NEIGHBOURS = 10
TURN_S, TURNS = 10.0, 4
"""Of playing at rest and while the library is loaded over and over, by turns."""
READY_S = 60.0
PAUSE_S = 0.02
AGAIN_S = 0.5
_FINDER = "ghostnote.host.finder"
_FOUND, _PONG = f"{ROOT}/library/found", f"{ROOT}/pong"


def finder(options: BenchOptions) -> Section:
    """Neighbours over OSC among 100,000 sounds, and dropouts while that library is loaded."""
    section = Section(
        "finder",
        f"{NEIGHBOURS} neighbours of a slot among {SOUNDS} synthetic sounds, asked over OSC; null device",
    )
    seconds = TURN_S * TURNS if options.seconds is None else options.seconds
    model = bundle.find(options.model)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ghostnote-bench-")))
        fill(folder, model, Manifest.from_file(model / bundle.MANIFEST_NAME), SOUNDS)
        more = ("--device", "null", "--library", str(folder))
        player = stack.enter_context(Player(str(model), os.environ, more))
        sock = stack.enter_context(udp())
        section.numbers["start_to_first_answer_s"] = _first_answer_s(sock, player)
        asked, echoed = _round_trips_ms(sock, player.port)
        section.figures["neighbours_ms"] = Summary.of(asked)
        section.control["ping_ms"] = Summary.of(echoed)
        loads = _Loads(sock, player)
        looks: dict[str, Callable[[], None]] = {"at_rest": lambda: None, "loading": loads.look}
        found: dict[str, list[Beside]] = {kind: [] for kind in looks}
        for _ in range(TURNS):
            for kind, look in looks.items():
                found[kind].append(_turn(player, seconds / TURNS, look))
                loads.wait()
    section.numbers["loads"] = float(loads.done)
    for kind, each in found.items():
        whole = Beside(
            *(sum(getattr(one, name) for one in each) for name in ("total", "beside", "by_chance"))
        )
        section.numbers[f"dropouts_{kind}"] = float(whole.total)
        section.numbers[f"dropouts_own_{kind}"] = float(whole.own)
        section.numbers[f"dropouts_beside_by_chance_{kind}"] = whole.by_chance
        if kind == "loading":
            section.goals.append(own_goal(whole, "dropouts, loading", (0.0, seconds)))
    section.notes.append(
        f"{seconds:.0f} s of hits at rest (the control), and as much while the process that has the library "
        "is killed again and again, and reads it anew. own: with no late step beside them, of the same ring "
        "without an engine in another process"
    )
    return section


def _turn(player: Player, seconds: float, look: Callable[[], None]) -> Beside:
    """Dropouts of one turn, beside stalls of the machine."""
    click = Bare(os.environ, "null")
    try:
        click.wait()
        click.mark()
        began = time.monotonic()
        spans = play(player, seconds, look)
        run = (began, time.monotonic())
    finally:
        click.close()
    return set_beside(spans, inside(click.late, run), run)


def _ask(sock: socket.socket, port: int, number: int) -> None:
    question = message(f"{ROOT}/library/similar", "a", NEIGHBOURS, "", "", number)
    sock.sendto(question, ("127.0.0.1", port))


def _heard(sock: socket.socket, addr: str, number: int, limit_s: float) -> float | None:
    """When (monotonic s) the message of an address came whose last argument is a number; None: in vain."""
    from pythonosc.osc_message import OscMessage

    deadline = time.monotonic() + limit_s
    while (left := deadline - time.monotonic()) > 0.0:
        sock.settimeout(left)
        with contextlib.suppress(TimeoutError, ConnectionRefusedError):
            datagram, at = sock.recv(4096), time.monotonic()
            found = OscMessage(datagram)
            if found.address == addr and found.params[-1] == number:
                return at
    return None


def _first_answer_s(sock: socket.socket, player: Player) -> float:
    """Seconds from the process of the instrument to its first neighbours. Raises UnavailableError."""
    for number in range(1, round(READY_S)):
        _ask(sock, player.port, number)
        at = _heard(sock, _FOUND, number, 1.0)
        if at is not None:
            return at - player.started
    raise UnavailableError("the finder does not answer")


def _round_trips_ms(sock: socket.socket, port: int) -> tuple[Float64, Float64]:
    """Question to last answer, and ping to pong, in turns, (QUESTIONS,) each."""
    asked, echoed = [], []
    for number in range(1000, 1000 + QUESTIONS):
        began = time.monotonic()
        _ask(sock, port, number)
        asked.append((_heard(sock, _FOUND, number, 5.0) or np.nan) - began)
        time.sleep(PAUSE_S)
        began = time.monotonic()
        sock.sendto(message(f"{ROOT}/ping", number), ("127.0.0.1", port))
        echoed.append((_heard(sock, _PONG, number, 5.0) or np.nan) - began)
        time.sleep(PAUSE_S)
    return 1e3 * np.array(asked), 1e3 * np.array(echoed)


class _Loads:
    """Kills the finder as soon as it answers, so that another one has to load the library."""

    def __init__(self, sock: socket.socket, player: Player) -> None:
        self.done = 0
        self._sock, self._player = sock, player
        self._number, self._asked = 10_000, 0.0

    def look(self) -> None:
        """Ask; an answer means that the library is loaded, and its process is killed."""
        now = time.monotonic()
        if now - self._asked > AGAIN_S:
            self._asked = now
            self._number += 1
            _ask(self._sock, self._player.port, self._number)
        if _heard(self._sock, _FOUND, self._number, 0.001) is not None:
            self.done += 1
            self._asked = now
            self._kill()

    def wait(self) -> None:
        """Until it answers again."""
        _first_answer_s(self._sock, self._player)

    def _kill(self) -> None:
        import psutil

        for child in psutil.Process(self._player.pid).children():
            with contextlib.suppress(psutil.Error):
                if _FINDER in child.cmdline():
                    child.kill()
