"""`ghostnote midi`: which ports there are, what comes in and what it does, and learning controls."""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ghostnote.control.inbox import Inbox
from ghostnote.control.midi_commands import in_words, learnable
from ghostnote.control.midi_decode import MidiMessage, decode, decode_pulse
from ghostnote.control.midi_learn import Learnt
from ghostnote.control.midi_library import MapLibrary, folder, slug
from ghostnote.control.midi_names import display_name, fits
from ghostnote.control.midi_player import describe
from ghostnote.control.midi_ports import MidiInputs
from ghostnote.control.midi_rtmidi import Receive
from ghostnote.control.midi_schema import schema
from ghostnote.control.midi_system import (
    InputPort,
    MidiSystem,
    OutputPort,
    SystemMidi,
    list_outputs,
    list_ports,
)
from ghostnote.errors import DeviceError, MapError
from ghostnote.telemetry import Telemetry

_TICK_S = 0.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote midi`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("ports", help="list MIDI inputs and outputs, and the maps that go with them")
    monitor = actions.add_parser("monitor", help="show what comes in, and what it would do")
    _add_common(monitor, "end after so many seconds (default: Ctrl-C)", None)
    learn = actions.add_parser("learn", help="move a control, and it drives an address from then on")
    learn.add_argument("address", metavar="ADDRESS", help="such as /gn/part1/gain")
    _add_common(learn, "wait so long for a control", 60.0)
    actions.add_parser("schema", help="print the JSON Schema of map files")


def _add_common(parser: argparse.ArgumentParser, text: str, seconds: float | None) -> None:
    parser.add_argument("--midi", metavar="PATTERN", help="inputs to listen to, as in 'nano*' (default: all)")
    parser.add_argument("--map", metavar="FILE", help="map file (default: those of the user's folder)")
    parser.add_argument("--seconds", type=float, metavar="S", default=seconds, help=text)


def run(args: argparse.Namespace) -> int:
    """Carry out one action."""
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "ports": _ports,
        "monitor": _monitor,
        "learn": _learn,
        "schema": _schema,
    }
    return actions[args.action](args)


def _schema(args: argparse.Namespace) -> int:
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0


def _ports(args: argparse.Namespace) -> int:
    telemetry = Telemetry()
    library = MapLibrary(telemetry=telemetry)
    inputs, outputs = list_ports(), list_outputs()
    print("inputs:")
    for name in inputs:
        found = library.of_port(name)
        print(f"  {name}" + (f"  (map {found.path})" if found is not None else ""))
    print("outputs:")
    for name in outputs:
        print(f"  {name}")
    if not inputs and not outputs:
        print("  none now; ports are picked up as they appear")
    _tell(telemetry)
    return 0


def _monitor(args: argparse.Namespace) -> int:
    telemetry, began = Telemetry(), time.monotonic()
    inbox = Inbox(telemetry)

    def heard(name: str, data: Sequence[int]) -> None:
        message = decode(data)
        shown = _in_words(message) if message is not None else _pulse_in_words(data)
        done = [f"{e.addr} {' '.join(_number(a) for a in e.args)}".rstrip() for e in inbox.drain()]
        effect = f" → {', '.join(done)}" if done else ""
        print(f"{time.monotonic() - began:8.3f}  {display_name(name)}  {shown}{effect}", flush=True)

    system = _Tapped(SystemMidi(_is_jack(args.midi)), heard)
    maps = [args.map] if args.map else []
    inputs = MidiInputs(
        inbox, telemetry, pattern=args.midi, library=MapLibrary(maps, telemetry), system=system
    )
    _follow(inputs, telemetry, args.seconds, lambda: False)
    return 0


def _learn(args: argparse.Namespace) -> int:
    target = learnable(args.address)
    telemetry, done = Telemetry(), threading.Event()
    path = Path(args.map) if args.map else None
    known = [path] if path is not None and path.exists() else []
    library = MapLibrary(known, telemetry)
    inputs = MidiInputs(
        Inbox(telemetry),
        telemetry,
        pattern=args.midi,
        library=library,
        system=SystemMidi(_is_jack(args.midi)),
    )
    learnt: list[tuple[Learnt, str]] = []

    def keep(found: Learnt, error: str) -> None:
        learnt.append((found, error))
        done.set()

    inputs.learnt = keep
    inputs.learner.arm(target, "")
    print(f"Move the control for {target.addr}; an endless one slowly to the left.", flush=True)
    _follow(inputs, telemetry, args.seconds, done.is_set)
    if not learnt:
        raise DeviceError(f"no control was moved in {args.seconds:g} s; see `ghostnote midi ports`")
    found, error = learnt[0]
    if error:
        raise MapError(error)
    wanted = {m.path: m.match for m in library.maps}.get(path) if path is not None else None
    if wanted is not None and not fits(found.port, wanted):
        raise MapError(f"{path} is for {wanted!r}, and the control is on {display_name(found.port)}")
    own = library.of_port(found.port)
    chosen = path or (own.path if own is not None else None)
    where = library.save(str(chosen or folder() / f"{slug(display_name(found.port))}.json"), found.port)
    print(f"{target.addr} learnt from {in_words(found)}; saved as {where}")
    return 0


def _follow(
    inputs: MidiInputs, telemetry: Telemetry, seconds: float | None, done: Callable[[], bool]
) -> None:
    """Let ports come and go until it is over, telling what happens."""
    inputs.start()
    end = None if seconds is None else time.monotonic() + seconds
    try:
        while not done() and (end is None or time.monotonic() < end):
            time.sleep(_TICK_S)
            _tell(telemetry)
    except KeyboardInterrupt:
        return
    finally:
        inputs.close()


def _tell(telemetry: Telemetry) -> None:
    for report in telemetry.take_reports():
        print(f"  ({report.text})", flush=True)


def _is_jack(pattern: str | None) -> bool:
    return pattern is not None and pattern.lower().startswith("jack:")


def _in_words(message: MidiMessage) -> str:
    value = f" value {message.value}" if message.kind != "program" else ""
    name = "release" if message.kind == "note_off" else ""
    return f"{describe(message)} {name}{value}".replace("  ", " ")


def _pulse_in_words(data: Sequence[int]) -> str:
    kind, sixteenths = decode_pulse(data) or ("not understood", 0)
    return f"position {sixteenths}" if kind == "position" else kind


def _number(value: float | int | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class _Tapped(MidiSystem):
    """A MIDI system that tells of each message after it had its effect."""

    def __init__(self, system: MidiSystem, heard: Callable[[str, Sequence[int]], None]) -> None:
        self._system = system
        self._heard = heard

    @property
    def generation(self) -> int:
        """See `MidiSystem`."""
        return self._system.generation

    @property
    def ready(self) -> bool:
        """See `MidiSystem`."""
        return self._system.ready

    def names(self) -> list[str]:
        """See `MidiSystem`."""
        return self._system.names()

    def open(self, name: str | None, receive: Receive) -> InputPort:
        """See `MidiSystem`."""

        def received(data: Sequence[int], at: float | None = None) -> None:
            receive(data, at)
            self._heard(name or "virtual", data)

        return self._system.open(name, received)

    def output(self) -> OutputPort:
        """See `MidiSystem`."""
        return self._system.output()

    def missing(self) -> str:
        """See `MidiSystem`."""
        return self._system.missing()

    def close(self) -> None:
        """See `MidiSystem`."""
        self._system.close()
