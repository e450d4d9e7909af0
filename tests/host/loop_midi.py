"""A MIDI process over a make-believe system: what is sent to its output comes back at its input."""

from __future__ import annotations

import os
import signal
import sys

from ghostnote.errors import DeviceError
from ghostnote.host.midi_child import MidiServer
from ghostnote.host.pipe import messages

CRASH, REFUSE = [0xF5], [0xF6]


class LoopSystem:
    """One input and one output, `Loop`, joined; sending `CRASH` is the end of the process."""

    generation = 0
    ready = True

    def __init__(self):
        self.receive = None

    def names(self):
        return ["Loop"]

    def open(self, name, receive):
        if name not in (None, "Loop"):
            raise DeviceError(f"MIDI input {name} is gone")
        self.receive = receive
        return self

    def output(self):
        return LoopOutput(self)

    def missing(self):
        return "nothing is missing"

    def hear_clock(self, on):
        self.receive([0xF8 if on else 0xFE])

    def close(self):
        self.receive = None


class LoopOutput:
    def __init__(self, system):
        self.system = system

    def names(self):
        return ["Loop"]

    def open(self, name):
        if name != "Loop":
            raise DeviceError(f"MIDI output {name} is gone")

    def send(self, data):
        if data == CRASH:
            os.kill(os.getpid(), signal.SIGSEGV)
        if data == REFUSE:
            raise DeviceError("MIDI output: full")
        if self.system.receive is not None:
            self.system.receive(data)

    def close(self):
        pass


if __name__ == "__main__":
    server = MidiServer(LoopSystem(), sys.stdout.buffer)
    for request in messages(sys.stdin.buffer):
        server.handle(request)
    os._exit(0)
