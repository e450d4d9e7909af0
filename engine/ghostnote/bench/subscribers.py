"""OSC subscribers: how soon they hear what MIDI and OSC change, and what twenty of them cost."""

from __future__ import annotations

import contextlib
import math
import os
import random
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ghostnote.bench.attribution import own_goal, shortfalls_of
from ghostnote.bench.conversation import udp
from ghostnote.bench.core_process import BEAT_S, CoreProcess
from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.machine import cpu_s
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.player import child_env, message
from ghostnote.bench.probe import PADS, Probe
from ghostnote.bench.result import Section
from ghostnote.bench.rig import Bare, environment
from ghostnote.bench.stalls import inside, set_beside
from ghostnote.bench.stats import Goal, Summary
from ghostnote.control.midi_values import knob_position
from ghostnote.control.osc_guard import parse
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import PARTS, ROOT, Parameter

SUBSCRIBERS = 20
MOVES_HZ = 60.0
LOAD_S = 48.0
ROUNDS = 8
"""Of moving values without subscribers and with them, by turns: the machine's pace varies."""
SETTLE_S = 1.0
HEARD_GOAL_MS = 40.0
LOAD_GOAL = 0.03
PAUSE_S = (0.04, 0.12)
"""Between two changes, so that each comes at another moment of the feedback's look."""
NO_MIDI = "none"
LISTENER_S = 40.0
"""As long it may take until the engine is connected to the MIDI port, on a busy machine."""
WATCHED = "ghostnote.bench.watched_core"

_HEAR_S = 1.0
_PAN = 10
_MIDDLE, _REACH = 64, 40


def feedback(options: BenchOptions) -> Section:
    """Subscribers: how soon they hear of a change by MIDI and by OSC, and what twenty of them cost."""
    section = Section(
        "feedback", f"{SUBSCRIBERS} subscribers to everything at 30 Hz; a change by MIDI or OSC → datagram"
    )
    seconds = LOAD_S if options.seconds is None else options.seconds
    with contextlib.ExitStack() as stack:
        server = _server(stack, section, options)
        env: Mapping[str, str] = os.environ if server is None else server.env
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ghostnote-bench-"))
        stack.enter_context(environment({**child_env(env), "GHOSTNOTE_HOME": folder}))
        midi = NO_MIDI if server is None else f"jack:{PADS}"
        core = stack.enter_context(CoreProcess(options.model, None, midi, module=WATCHED, device="null"))
        mover = stack.enter_context(udp())
        listeners = [stack.enter_context(udp()) for _ in range(SUBSCRIBERS)]
        _cost(section, core, mover, listeners, seconds)
        _dropouts(section, core, mover, seconds)
        by_osc, echo_ms = _by_osc(mover, listeners[0], core.port, options.hits)
        section.figures["osc_to_subscriber_ms"] = Summary.of(by_osc)
        section.control["echo_ms"] = Summary.of(echo_ms)
        mover.sendto(message(f"{ROOT}/part1/pan", 0.0), ("127.0.0.1", core.port))
        p95 = math.nan if server is None else _measure_midi(section, server, listeners[0], options.hits)
    section.goals.insert(0, Goal("change by MIDI → subscriber, p95", p95, HEARD_GOAL_MS, "ms"))
    section.notes.append(
        "MIDI: from the call that gives a controller message to a JACK port (which takes it once a period of "
        "2.7 ms) to the datagram, all being subscribed; control: a datagram there and back between threads, "
        "and how late the probe's own cycles came"
    )
    return section


def _measure_midi(section: Section, server: JackServer, listener: socket.socket, hits: int) -> float:
    """p95 of how long it takes from MIDI to a subscriber, in ms; NaN where that cannot be measured."""
    try:
        with Probe(server.name, 0, _seconds(hits)) as probe:
            probe.wait_for_listener(LISTENER_S)
            by_midi = _by_midi(probe, listener, hits)
            section.control["probe_wake_late_ms"] = Summary.of(probe.wake_jitter_ms())
        server.check()
        section.numbers["midi_not_heard"] = float(hits - len(by_midi))
        heard = section.figures["midi_to_subscriber_ms"] = Summary.of(by_midi)
    except (RuntimeError, ValueError, UnavailableError) as error:
        section.notes.append(f"no change by MIDI was measured: {error}")
        return math.nan
    return heard.p95


def _server(stack: contextlib.ExitStack, section: Section, options: BenchOptions) -> JackServer | None:
    """A JACK server for its MIDI ports; the sound goes to the null device."""
    try:
        return stack.enter_context(JackServer(realtime=options.realtime))
    except UnavailableError as error:
        section.notes.append(f"no change by MIDI was measured: {error}")
        return None


def _cost(
    section: Section, core: CoreProcess, mover: socket.socket, listeners: list[socket.socket], seconds: float
) -> None:
    """Load while values move, without anybody who listens and with all of them, in turns, the last with."""
    loads: tuple[list[float], list[float]] = ([], [])
    for turn in range(2 * ROUNDS):
        listening = turn % 2
        _all_say(listeners, core.port, listening=bool(listening))
        loads[listening].append(_load_while_moving(core, mover, seconds / (2 * ROUNDS)))
    free, told = (np.array(load) for load in loads)
    added = float(np.median(told - free))
    chance = np.abs(np.diff(free))
    section.numbers.update(load_without=float(np.median(free)), load_with=float(np.median(told)))
    section.numbers.update(added_load=added, load_differs_by_chance=float(np.median(chance)))
    section.goals.append(Goal(f"{SUBSCRIBERS} subscribers, added load", added, LOAD_GOAL, "of a core"))
    section.notes.append(
        f"{len(PARTS)} values move {MOVES_HZ:.0f} times a second, {ROUNDS} turns without subscribers and as "
        "many with them; added_load is the median difference of neighbouring turns"
    )


def _dropouts(section: Section, core: CoreProcess, mover: socket.socket, seconds: float) -> None:
    """Dropouts while values move and all listen, and which of them an engine-less path has beside it."""
    click = Bare(os.environ, "null")
    try:
        click.wait()
        click.mark()
        began = time.monotonic()
        _load_while_moving(core, mover, seconds)
        time.sleep(2 * BEAT_S)
        run = (began, time.monotonic())
    finally:
        click.close()
    shortfalls = [short.span for short in shortfalls_of(core.beats, run)]
    found = set_beside(shortfalls, inside(click.late, run), run)
    section.numbers.update(dropouts=float(found.total), dropouts_own=float(found.own))
    section.numbers["dropouts_beside_by_chance"] = found.by_chance
    section.numbers["control_dropouts"] = click.counted.get("shortfalls", math.nan)
    section.goals.append(own_goal(found, f"{SUBSCRIBERS} subscribers, dropouts", run))
    section.notes.append(
        "dropouts: of the null device's ring, block by block; control: the same ring and clock in another "
        "process without an engine, whose late steps are the stalls of the machine"
    )


def _all_say(listeners: list[socket.socket], port: int, listening: bool) -> None:
    """Let everyone subscribe or unsubscribe, and the core find its rest again."""
    for listener in listeners:
        own = listener.getsockname()[1]
        said = message(f"{ROOT}/subscribe", own, ROOT, 30.0, 0.0)
        listener.sendto(said if listening else message(f"{ROOT}/unsubscribe", own), ("127.0.0.1", port))
    time.sleep(SETTLE_S)


def _load_while_moving(core: CoreProcess, sock: socket.socket, seconds: float) -> float:
    """Share of a processor that the core takes while another client moves a value of every part."""
    port = core.port
    began, used = time.monotonic(), cpu_s(core.pid)
    for turn in range(round(seconds * MOVES_HZ)):
        for part in PARTS:
            sock.sendto(message(f"{ROOT}/part{part}/pan", (turn % 100) / 100.0), ("127.0.0.1", port))
        if turn % 15 == 0:
            sock.sendto(message(f"{ROOT}/part{1 + turn // 15 % len(PARTS)}/hit", 0.3), ("127.0.0.1", port))
        time.sleep(max(0.0, began + (turn + 1) / MOVES_HZ - time.monotonic()))
    return (cpu_s(core.pid) - used) / (time.monotonic() - began)


def _by_osc(
    mover: socket.socket, listener: socket.socket, port: int, count: int
) -> tuple[list[float], list[float]]:
    """Milliseconds from a value sent to the subscriber's datagram, and of an echo beside it."""
    addr = f"{ROOT}/part1/gain"
    echo_ms: list[float] = []
    with udp() as echo, udp() as caller:
        over = threading.Event()
        answering = threading.Thread(target=_answer, args=(echo, over), name="bench-echo", daemon=True)
        answering.start()

        def move(n: int) -> float:
            value = -1.0 - 0.01 * n % 50.0
            mover.sendto(message(addr, value), ("127.0.0.1", port))
            return value

        def compare() -> None:
            began = time.monotonic()
            caller.sendto(b"echo", echo.getsockname())
            caller.recv(64)
            echo_ms.append(1000.0 * (time.monotonic() - began))

        heard_ms = _heard_ms(listener, addr, count, move, compare)
        over.set()
        answering.join()
    return heard_ms, echo_ms


def _by_midi(probe: Probe, listener: socket.socket, count: int) -> list[float]:
    """Milliseconds from a controller message handed to a JACK port to the subscriber's datagram."""
    addr = f"{ROOT}/part1/pan"
    row = TARGETS[addr].row
    assert isinstance(row, Parameter)
    for _ in range(5):  # a busy JACK server loses messages
        probe.send((0xB0, _PAN, _MIDDLE))  # a knob gets hold of its value where that is
        time.sleep(SETTLE_S / 5)

    def turn(n: int) -> float:
        value = _MIDDLE + 1 + abs((n + _REACH) % (2 * _REACH) - _REACH)
        probe.send((0xB0, _PAN, value))
        return float(row.from_unit(knob_position(value)))

    return _heard_ms(listener, addr, count, turn, lambda: None)


def _heard_ms(
    listener: socket.socket, addr: str, count: int, change: Callable[[int], float], beside: Callable[[], None]
) -> list[float]:
    """How long it took until each of `count` changes was heard (less if some were not), one at a time."""
    chance = random.Random(2)
    heard_ms = []
    for n in range(count):
        for _ in _waiting(listener):
            pass
        began = time.monotonic()
        value = change(n)
        if _hears(listener, addr, value):
            heard_ms.append(1000.0 * (time.monotonic() - began))
        beside()
        time.sleep(chance.uniform(*PAUSE_S))
    return heard_ms


def _seconds(hits: int) -> float:
    """As long it may take to measure so many changes."""
    return hits * (max(PAUSE_S) + HEARD_GOAL_MS / 1000.0) + LISTENER_S + 30.0


def _waiting(listener: socket.socket) -> Iterator[bytes]:
    """What has come in already."""
    listener.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            yield listener.recv(4096)
    listener.settimeout(_HEAR_S)


def _hears(listener: socket.socket, addr: str, value: float) -> bool:
    until = time.monotonic() + _HEAR_S
    while time.monotonic() < until:
        with contextlib.suppress(TimeoutError):
            for group in parse(listener.recv(4096)).groups:
                for told in group.messages:
                    if told.addr == addr and abs(float(told.args[0]) - value) < 1e-3:
                        return True
    return False


def _answer(echo: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        with contextlib.suppress(TimeoutError):
            datagram, sender = echo.recvfrom(64)
            echo.sendto(datagram, sender)
