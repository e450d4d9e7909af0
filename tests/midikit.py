"""What the MIDI port tests play on: a MIDI system made of lists, and a rig with a map that wants feedback."""

from __future__ import annotations

import json
import time

from ghostnote.control.midi_library import MapLibrary
from ghostnote.control.midi_ports import MidiInputs
from ghostnote.core.changes import Changes
from ghostnote.errors import DeviceError
from ghostnote.state.registry import DEFAULTS


class FakeIn:
    """An open input of the fake system."""

    def __init__(self, midi: FakeMidi, name: str) -> None:
        self.midi, self.name, self.clock = midi, name, False

    def hear_clock(self, on):
        self.clock = on

    def close(self):
        self.midi.receivers.pop(self.name)
        self.midi.inputs.pop(self.name)


class FakeOut:
    """A client for an output of the fake system, that remembers what it sent."""

    def __init__(self, midi: FakeMidi) -> None:
        self.midi, self.name, self.sent, self.closed = midi, "", [], False

    def names(self):
        return list(self.midi.outs)

    def open(self, name):
        self.name = name

    def send(self, data):
        if self.name is not None and self.name not in self.midi.outs:
            raise DeviceError("MIDI output: gone")
        self.sent.append(tuple(data))

    def close(self):
        self.closed = True


class FakeMidi:
    """A MIDI system whose ports the test plugs and unplugs."""

    def __init__(self, *names: str) -> None:
        self.generation = 0
        self.ready = True
        self.outs: list[str] = []
        self.clients: list[FakeOut] = []
        self.inputs: dict[str, FakeIn] = {}
        self.present = list(names)
        self.taken: set[str] = set()
        self.receivers: dict[str, object] = {}
        self.opened = 0
        self.closed = False
        self.reason = ""

    def names(self):
        return list(self.present)

    def open(self, name, receive):
        if name in self.taken:
            raise DeviceError(f"MIDI input {name} cannot be opened: taken")
        self.opened += 1
        self.receivers[name] = receive
        self.inputs[name] = FakeIn(self, name)
        return self.inputs[name]

    def output(self):
        self.clients.append(FakeOut(self))
        return self.clients[-1]

    def missing(self):
        return self.reason

    def close(self):
        self.closed = True


FADER = {
    "in": {"kind": "cc", "channel": 1, "number": 20},
    "to": "/gn/part1/pan",
    "takeover": "jump",
    "feedback": True,
}


def map_file(tmp_path, *controls, match="Faders", **more):
    path = tmp_path / "faders.json"
    device = {"match": match, "direction": "in+out"}
    document = {"schema": "ghostnote-midi-map", "version": 1, "device": device, "controls": list(controls)}
    path.write_text(json.dumps({**document, **more}))
    return path


class Rig:
    """Inputs with a map that wants feedback, the values that it tells, and a clock of its own."""

    def __init__(self, inbox, telemetry, tmp_path, *controls, **more) -> None:
        self.midi = FakeMidi("Faders 20:0", "Keys 24:0")
        self.midi.outs = ["Faders 20:0", "Keys 24:0"]
        self.values = dict(DEFAULTS)
        self.changes = Changes()
        library = MapLibrary([map_file(tmp_path, *(controls or (FADER,)))], telemetry)
        self.inputs = MidiInputs(
            inbox,
            telemetry,
            system=self.midi,
            library=library,
            values=self.values,
            changes=self.changes.reader(),
            **more,
        )
        self.inputs.poll()
        self.now = time.monotonic()

    def set(self, addr, value, source="osc:127.0.0.1:9"):
        self.values[addr] = value
        self.changes.note(addr, source)

    def turn(self, after=1 / 30):
        self.now += after
        self.inputs.turn(self.now)

    def sent(self):
        return [data for client in self.midi.clients for data in client.sent]
