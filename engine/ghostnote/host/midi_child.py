"""The MIDI process: the computer's MIDI ports, where a driver that crashes takes no sound along.

It does what its core asks for and hands on what comes in; it ends when its core does.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO, Any

from ghostnote.control.midi_system import InputPort, MidiSystem, OutputPort, SystemMidi
from ghostnote.errors import DeviceError
from ghostnote.host.pipe import Message, ignore_signals, messages
from ghostnote.host.priority import raise_priorities

JACK_FLAG = "--jack"


class MidiServer:
    """Carries out a core's requests on a `MidiSystem`. Messages go out with the time they came in at.

    A request is `{"do": name, "id": number, …}`, its answer `{"re": id, …}` with `error` where it failed;
    a MIDI message is `{"in": port, "t": seconds of the monotonic clock, "d": bytes}`.
    """

    def __init__(self, system: MidiSystem, out: IO[bytes]) -> None:
        self._system = system
        self._out = out
        self._lock = threading.Lock()
        self._inputs: dict[int, InputPort] = {}
        self._outputs: dict[int, OutputPort] = {}
        self._requests: dict[str, Callable[[Message], Message]] = {
            "names": self._names,
            "open": self._open,
            "clock": self._clock,
            "close": self._close,
            "output": self._output,
            "output_names": self._output_names,
            "output_open": self._output_open,
            "output_close": self._output_close,
        }

    def handle(self, request: Message) -> None:
        """Carry out one request."""
        if request.get("do") == "send":
            self._send(request)
            return
        try:
            answer = self._requests[request["do"]](request)
        except DeviceError as error:
            answer = {"error": str(error)}
        except Exception as error:  # a driver's own error classes: the process goes on
            answer = {"error": f"MIDI: {error!r}"}
        self._write({"re": request.get("id"), **answer})

    def close(self) -> None:
        """Close every port."""
        for port in self._inputs.values():
            port.close()
        for client in self._outputs.values():
            client.close()
        self._system.close()

    def _names(self, request: Message) -> Message:
        names = self._system.names()
        system = self._system
        return {
            "names": names,
            "generation": system.generation,
            "ready": system.ready,
            "missing": system.missing(),
        }

    def _open(self, request: Message) -> Message:
        key = int(request["port"])

        def receive(data: Sequence[int], at: float | None = None) -> None:
            self._write({"in": key, "t": time.monotonic() if at is None else at, "d": list(data)})

        self._inputs[key] = self._system.open(request["name"], receive)
        return {}

    def _clock(self, request: Message) -> Message:
        self._inputs[request["port"]].hear_clock(bool(request["on"]))
        return {}

    def _close(self, request: Message) -> Message:
        port = self._inputs.pop(request["port"], None)
        if port is not None:
            port.close()
        return {}

    def _output(self, request: Message) -> Message:
        self._outputs[int(request["port"])] = self._system.output()
        return {}

    def _output_names(self, request: Message) -> Message:
        return {"names": self._outputs[request["port"]].names()}

    def _output_open(self, request: Message) -> Message:
        self._outputs[request["port"]].open(request["name"])
        return {}

    def _output_close(self, request: Message) -> Message:
        port = self._outputs.pop(request["port"], None)
        if port is not None:
            port.close()
        return {}

    def _send(self, request: Message) -> None:
        """Send a message; only trouble is answered, since nobody waits."""
        port = self._outputs.get(request["port"])
        try:
            if port is not None:
                port.send(request["d"])
        except DeviceError as error:
            self._write({"failed": request["port"], "error": str(error)})

    def _write(self, message: dict[str, Any]) -> None:
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        try:
            with self._lock:
                self._out.write(line)
                self._out.flush()
        except (OSError, ValueError):
            os._exit(0)  # the core is gone


def main() -> int:
    """Serve the core at the other end of the standard pipes until it ends."""
    ignore_signals()
    server = MidiServer(SystemMidi(JACK_FLAG in sys.argv[1:]), sys.stdout.buffer)
    raise_priorities()
    for request in messages(sys.stdin.buffer):
        server.handle(request)
    server.close()
    return 0


if __name__ == "__main__":
    os._exit(main())
