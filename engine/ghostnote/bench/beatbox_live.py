"""An instrument that beatboxes at a JACK server, with all ends of it in view."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench.detect import onset
from ghostnote.bench.ears_accuracy import Known
from ghostnote.bench.ears_live import Wire
from ghostnote.bench.hits_client import HitsClient
from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.player import Player, message
from ghostnote.bench.probe import Probe
from ghostnote.state.table import PARTS, ROOT, SLOTS

Float32 = NDArray[np.float32]

GAP_S = (0.75, 1.0)
START_LIMIT_S = 60.0
CONFIDENCE: float | None = None
"""How sure parts must be, None: as usual."""
FIRST_S = 0.05
"""A hit that is told so soon after the onset came of 30 ms of the sound."""
_SOUND_S = 0.1
_LENGTH_S = 0.4
_LEVEL = 0.5
_NEAR_S = 0.1
_LATEST_S = 0.3
_AFTER_S = 0.03
_SETTLE_S = 2.0
_LOUDEST = 0.9


@dataclass
class Played:
    """A sound of class `index` that was played into the input at monotonic time `at`, and what came of it.

    `part`: that it played, `learnt`: that learnt it, 0 = none; `told_s`, `at_port_s`: from its beginning to
    the message of the hit, and to the first loud sample at the output (NaN: not found).
    """

    index: int
    at: float
    part: int = 0
    learnt: int = 0
    told_s: float = float("nan")
    at_port_s: float = float("nan")

    @property
    def first(self) -> bool:
        """Whether it played after 30 ms of it were heard."""
        return self.told_s < FIRST_S


@dataclass(frozen=True)
class Box:
    """Server, instrument, a client at its input, one at its output, and what it tells."""

    server: JackServer
    player: Player
    mouth: HitsClient
    probe: Probe
    wire: Wire
    log: Path
    source: str = field(default="")

    def set(self, addr: str, *args: float | int | str) -> None:
        """Send the instrument a message; `addr` without its root."""
        self.player.send(message(f"{ROOT}/{addr}", *args))


@contextlib.contextmanager
def box(model: str, seconds: float, realtime: bool) -> Iterator[Box]:
    """Everything started, connected, and beatbox on. Raises UnavailableError."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(JackServer(realtime=realtime))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ghostnote-beatbox-")))
        wire = Wire(("/gn/out/hit", "/gn/in/onset"))
        stack.callback(wire.close)
        probe = stack.enter_context(Probe(server.name, 1, seconds))
        known, log = probe.sources(), folder / "log.jsonl"
        options = ("--listen", "system", "--targets", f"127.0.0.1:{wire.port}", "--log", str(log))
        player = stack.enter_context(Player(model, server.env, options))
        source = probe.wait_for_source(known)
        probe.connect(source, 0)
        _wait_for_ears(player)
        mouth = stack.enter_context(HitsClient(server.name, seconds))
        mouth.connect(but=probe.name)
        running = Box(server, player, mouth, probe, wire, log, source)
        for part in PARTS:
            running.set(f"part{part}/length", _SOUND_S)
        if CONFIDENCE is not None:
            running.set("beatbox/confidence", CONFIDENCE)
        running.set("beatbox/mode", "both")
        time.sleep(_SETTLE_S)
        yield running


def play(running: Box, stock: Sequence[Known], rate: int, rng: np.random.Generator) -> list[Played]:
    """Play sounds (at `rate`) into the input, one after the other; what came of each."""
    import soxr

    mouth, first = running.mouth, len(running.mouth.begun)
    for known in stock:
        sound = soxr.resample(known.samples, rate, mouth.rate)[: round(_LENGTH_S * mouth.rate)]
        sound = sound * np.float32(_LEVEL / max(1e-6, float(np.abs(sound).max())))
        sound[-480:] *= np.linspace(1.0, 0.0, len(sound[-480:]), dtype=np.float32)
        mouth.play(sound.astype(np.float32), int(rng.integers(mouth.block)))
        time.sleep(float(rng.uniform(*GAP_S)))
        running.server.check()
    time.sleep(_SETTLE_S)
    began = mouth.time_of(np.array(mouth.begun[first:], dtype=np.int64))
    played = [Played(known.index, float(at)) for known, at in zip(stock, began, strict=True)]
    told = running.wire.words()
    captures = learnt(running.log)
    for one in played:
        fill(one, told, captures)
        if one.part:
            one.at_port_s = _at_port(running.probe, one.at + _AFTER_S) - one.at
    return played


def fill(
    one: Played, told: Sequence[tuple[float, float, str, tuple[object, ...]]], captures: dict[int, int]
) -> None:
    """Find what came of a sound among messages (when they came, their time, address, arguments)."""
    for came, heard, addr, args in told:
        if addr.endswith("/hit") and not one.part and one.at < came < one.at + _LATEST_S:
            one.part, one.told_s = int(str(args[0])), came - one.at
        elif addr.endswith("/onset") and abs(heard - one.at) < _NEAR_S:
            one.learnt = captures.get(int(str(args[0])), 0)


def learnt(log: Path) -> dict[int, int]:
    """The part that learnt a sound, by the sound's number, from the log."""
    found = {}
    for line in log.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n") and "/point" in line:
            entry = json.loads(line)
            _, _, number = str(entry["args"][1]).rpartition(" ")
            if number.isdigit():
                found[int(number)] = PARTS[SLOTS.index(entry["addr"].split("/")[3])]
    return found


def struck(running: Box, count: int, rng: np.random.Generator) -> list[float]:
    """The parts hit by OSC in turn: ms from each message to the first loud sample; NaN for none."""
    running.set("beatbox/mode", "off")
    moments = []
    for k in range(count):
        time.sleep(float(rng.uniform(0.3, 0.4)))
        moments.append(time.monotonic())
        running.set(f"part{PARTS[k % len(PARTS)]}/hit", _LOUDEST)
    time.sleep(_SETTLE_S)
    running.set("beatbox/mode", "both")
    return [1e3 * (_at_port(running.probe, at) - at) for at in moments]


def listen(running: Box, samples: Float32, rate: int) -> tuple[int, int]:
    """Hits and onsets while `samples` (n,) are played in."""
    import soxr

    sound = soxr.resample(samples, rate, running.mouth.rate).astype(np.float32)
    before = _counts(running)
    running.mouth.play(sound)
    time.sleep(len(sound) / running.mouth.rate + _SETTLE_S)
    running.server.check()
    after = _counts(running)
    return after[0] - before[0], after[1] - before[1]


def plugged(running: Box, hits: int, guard_s: float) -> int:
    """Hits more than were asked for, while the instrument hears nothing but itself through a cable."""
    running.set("beatbox/mode", "play")
    running.set("beatbox/guard", guard_s)
    time.sleep(_SETTLE_S)
    before = _counts(running)[0]
    running.mouth.plug(running.source, but=running.probe.name)
    try:
        for k in range(hits):
            time.sleep(GAP_S[0])
            running.set(f"part{PARTS[k % len(PARTS)]}/hit", _LOUDEST)
        time.sleep(GAP_S[0])
    finally:
        running.mouth.unplug(running.source, but=running.probe.name)
    time.sleep(_SETTLE_S)
    return _counts(running)[0] - before - hits


def _counts(running: Box) -> tuple[int, int]:
    """Hits and onsets told so far."""
    told = [addr for _, _, addr, _ in running.wire.words()]
    return sum(addr.endswith("/hit") for addr in told), sum(addr.endswith("/onset") for addr in told)


def _at_port(probe: Probe, at_s: float) -> float:
    """Monotonic time of the first loud sample after `at_s`; NaN for none, or where cycles are missing."""
    start = probe.frame_at(at_s)
    found = onset(probe.recorded(0), start, probe.rate, within_s=_LATEST_S)
    if found is None or not probe.is_whole(start - 2 * probe.block, found):
        return float("nan")
    return float(probe.time_of(np.array([found]))[0])


def _wait_for_ears(player: Player) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while not any("listening to" in line for line in player.said):
        if time.monotonic() > deadline:
            raise UnavailableError("the ears did not start beside the instrument")
        time.sleep(0.1)
