"""What indexing and listening beside it cost the instrument: dropouts, set beside stalls of the machine."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ghostnote.bench.attribution import own_goal
from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.library_cost import write_hits
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.player import Player, child_env, message
from ghostnote.bench.probe import Probe
from ghostnote.bench.result import Section
from ghostnote.bench.rig import Bare
from ghostnote.bench.stalls import Beside, Span, inside, set_beside
from ghostnote.state.table import PARTS, ROOT

KINDS = {"alone": (False, False), "indexing": (True, False), "listening": (False, True), "both": (True, True)}
"""What goes on beside the instrument: an index, ears."""
TURN_S, TURNS = 30.0, 2
FILES = 1500
SETTLE_S = 3.0
HITS_HZ, LOOKS_HZ = 8.0, 20.0
EARS_LIMIT_S = 60.0
_ANSWER_S = 0.5
_TRIES = 20
_NUMBERS = itertools.count()


def beside(options: BenchOptions) -> Section:
    """Dropouts while a library is indexed, while ears listen, and while both go on."""
    section = Section("beside", "hits on all parts on a JACK server, with other work beside, in turns")
    seconds = TURN_S * TURNS if options.seconds is None else options.seconds
    found: dict[str, list[Beside]] = {kind: [] for kind in KINDS}
    indexed = dict.fromkeys(KINDS, 0)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ghostnote-bench-")))
        (folder / "sounds").mkdir()
        write_hits(folder / "sounds", FILES)
        server = stack.enter_context(JackServer(realtime=options.realtime))
        probe = stack.enter_context(Probe(server.name, 0, 60.0))
        for _ in range(TURNS):
            for kind in KINDS:
                seen, files = _turn(kind, options.model, server, probe, folder, seconds / TURNS)
                found[kind].append(seen)
                indexed[kind] += files
    for kind, each in found.items():
        whole = Beside(
            sum(seen.total for seen in each),
            sum(seen.beside for seen in each),
            sum(seen.by_chance for seen in each),
        )
        if KINDS[kind][0]:
            section.numbers[f"files_indexed_{kind}"] = float(indexed[kind])
        section.numbers[f"dropouts_{kind}"] = float(whole.total)
        section.numbers[f"dropouts_own_{kind}"] = float(whole.own)
        section.numbers[f"dropouts_beside_by_chance_{kind}"] = whole.by_chance
        if kind != "alone":
            section.goals.append(own_goal(whole, f"dropouts, {kind}", (0.0, seconds)))
    section.notes.append(
        f"{seconds:.0f} s of each. Dropouts: the instrument's own count, looked at {LOOKS_HZ:.0f} times a "
        "second; own: with no stall of the machine beside, which are late steps of the same ring without an "
        "engine in another process, and the server's xruns. alone is the control"
    )
    return section


def _turn(
    kind: str, model: str, server: JackServer, probe: Probe, folder: Path, seconds: float
) -> tuple[Beside, int]:
    """Dropouts of one turn, and how many files were indexed in it."""
    indexing, listening = KINDS[kind]
    more = ("--listen", "system", "--targets", "127.0.0.1:9") if listening else ()
    with contextlib.ExitStack() as stack:
        player = stack.enter_context(Player(model, server.env, more))
        if listening:
            _wait_for_ears(player)
        click = Bare(server.env)
        stack.callback(click.close)
        click.wait()
        work = stack.enter_context(_Index(model, folder)) if indexing else None
        time.sleep(SETTLE_S)
        click.mark()
        began = time.monotonic()
        spans = play(player, seconds, _nothing if work is None else work.look)
        run = (began, time.monotonic())
        click.close()
        server.check()
        stalls = [*click.late, *((at, at) for at in probe.xruns_at)]
        return set_beside(spans, inside(stalls, run), run), 0 if work is None else FILES * work.done


def play(player: Player, seconds: float, look: Callable[[], None]) -> list[Span]:
    """Hit all parts in turn; when (between two looks, monotonic s) the instrument's dropouts became more."""
    spans: list[Span] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        began, hits, looks = time.monotonic(), 0, 0
        before, count = began, dropouts(asking, player.port)
        while (now := time.monotonic() - began) < seconds:
            while hits < now * HITS_HZ:
                player.send(message(f"{ROOT}/part{PARTS[hits % len(PARTS)]}/hit", 0.7))
                hits += 1
            if looks < now * LOOKS_HZ:
                looks = int(now * LOOKS_HZ) + 1
                look()
                counted = dropouts(asking, player.port)
                after = time.monotonic()
                spans += [(before, after)] * (counted - count)
                before, count = after, counted
            time.sleep(0.005)
    return spans


def dropouts(asking: socket.socket, port: int) -> int:
    """What the instrument at `port` counted so far. Raises UnavailableError when it does not answer."""
    from pythonosc.osc_message import OscMessage

    addr = f"{ROOT}/status/xruns"
    asking.settimeout(_ANSWER_S)
    for _ in range(_TRIES):
        asking.sendto(message(addr), ("127.0.0.1", port))
        with contextlib.suppress(TimeoutError, ConnectionRefusedError):
            found = OscMessage(asking.recv(4096))
            if found.address == addr:
                return int(found.params[0])
    raise UnavailableError("the instrument does not answer")


class _Index:
    """`ghostnote index` over and over, each time into a new library."""

    def __init__(self, model: str, folder: Path) -> None:
        self.done = 0
        self._libraries = (folder / f"library{next(_NUMBERS)}" for _ in itertools.count())
        self._command = [sys.executable, "-m", "ghostnote", "index", str(folder / "sounds"), "--model", model]
        self._process = self._start()

    def look(self) -> None:
        """Begin again where one is done. Raises UnavailableError when it failed."""
        status = self._process.poll()
        if status is None:
            return
        if status:
            raise UnavailableError(f"ghostnote index ended with status {status}")
        self.done += 1
        self._process = self._start()

    def __enter__(self) -> _Index:
        return self

    def __exit__(self, *wrong: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._command, "--library", str(next(self._libraries))],
            env=child_env(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def _nothing() -> None:
    return


def _wait_for_ears(player: Player) -> None:
    deadline = time.monotonic() + EARS_LIMIT_S
    while not any("listening to" in line for line in player.said):
        if time.monotonic() > deadline:
            raise UnavailableError("the ears did not start beside the instrument")
        time.sleep(0.1)
