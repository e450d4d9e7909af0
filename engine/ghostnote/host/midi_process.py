"""MIDI ports in a process of their own, as the core sees them."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from ghostnote.control.midi_rtmidi import Receive
from ghostnote.errors import DeviceError
from ghostnote.host.midi_child import JACK_FLAG
from ghostnote.host.pipe import Message, PipeWriter, messages
from ghostnote.telemetry import Telemetry

ANSWER_LIMIT_S = 10.0
"""So long a driver may take to answer; a MIDI process that takes longer is replaced."""
RESTART_S = 1.0


class RemoteMidi:
    """A `MidiSystem` whose ports are open in a child process.

    A MIDI driver may crash (python-rtmidi reads a JACK port's buffer without asking whether that went well)
    or hang: then the process is replaced, the ports are opened again, held notes are released, and the sound
    goes on. Thread: as `MidiSystem`; messages come from a thread of its own.
    """

    def __init__(self, jack: bool, telemetry: Telemetry, command: Sequence[str] | None = None) -> None:
        flags = [JACK_FLAG] if jack else []
        self._command = list(command or [sys.executable, "-m", "ghostnote.host.midi_child", *flags])
        self._telemetry = telemetry
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: PipeWriter | None = None
        self._listener: threading.Thread | None = None
        self._started = float("-inf")
        self._numbers = itertools.count(1)
        self._receivers: dict[int, Receive] = {}
        self._failed: dict[int, str] = {}
        self._answers: dict[int, Message] = {}
        self._answered = threading.Condition()
        self._losses = 0
        self._theirs = 0
        self.generation = 0
        """See `MidiSystem`: rises with every process that ended too."""
        self._ready = False
        self._missing = ""

    @property
    def ready(self) -> bool:
        """See `MidiSystem`."""
        return self._ready and self._is_alive()

    def names(self) -> list[str]:
        """See `MidiSystem`. Starts the process where there is none, at most once a second."""
        if not self._is_alive():
            self._bury()
            if time.monotonic() - self._started < RESTART_S:
                return []
            self._start()
        try:
            answer = self._ask("names")
        except DeviceError:
            return []
        if answer["generation"] != self._theirs:
            self._theirs = answer["generation"]
            self.generation += 1
        self._ready, self._missing = answer["ready"], answer["missing"]
        return list(answer["names"])

    def open(self, name: str | None, receive: Receive) -> RemoteInput:
        """See `MidiSystem`."""
        key = next(self._numbers)
        self._receivers[key] = receive
        try:
            self._ask("open", port=key, name=name)
        except DeviceError:
            self._receivers.pop(key, None)
            raise
        return RemoteInput(self, key, self._losses)

    def output(self) -> RemoteOutput:
        """See `MidiSystem`."""
        key = next(self._numbers)
        self._ask("output", port=key)
        return RemoteOutput(self, key, self._losses)

    def missing(self) -> str:
        """See `MidiSystem`."""
        return self._missing

    def close(self) -> None:
        """End the process, which closes every port."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        if self._writer is not None:
            self._writer.close()
        with contextlib.suppress(OSError, ValueError):
            process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1.0)
        self._end(process)

    def ask(self, since: int, do: str, **arguments: Any) -> Message:
        """Have something done by the process, if it still is the one of `since`. Raises DeviceError."""
        if since != self._losses:
            raise DeviceError("the MIDI process has ended; the port is opened again")
        return self._ask(do, **arguments)

    def tell(self, since: int, message: Message) -> None:
        """Send something that has no answer. Raises DeviceError for trouble before."""
        failure = self._failed.pop(message["port"], None)
        if failure is not None:
            raise DeviceError(failure)
        if since != self._losses or self._writer is None or not self._is_alive():
            raise DeviceError("the MIDI process has ended; the port is opened again")
        self._writer.send(message)

    def forget(self, since: int, key: int, do: str) -> None:
        """Close a port."""
        self._receivers.pop(key, None)
        with contextlib.suppress(DeviceError):
            self.ask(since, do, port=key)

    def _is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> None:
        self._started = time.monotonic()
        process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        self._process = process
        self._writer = PipeWriter(process.stdin)
        self._listener = threading.Thread(
            target=self._listen, args=(process,), name="ghostnote-midi-in", daemon=True
        )
        self._listener.start()

    def _bury(self) -> None:
        """Note that the process ended by itself."""
        process, self._process = self._process, None
        if process is None:
            return
        if self._writer is not None:
            self._writer.close(0.0)
        self._end(process)
        self._losses += 1
        self.generation += 1
        self._theirs = 0
        self._ready = False
        self._receivers.clear()
        self._failed.clear()
        self._telemetry.trouble(
            "midi_process",
            f"the MIDI process ended (status {process.returncode}): starting it again; the sound goes on",
        )

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until nothing of a process is left."""
        process.kill()
        process.wait()
        if self._listener is not None:
            self._listener.join(1.0)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError, ValueError):
                    pipe.close()

    def _ask(self, do: str, **arguments: Any) -> Message:
        writer = self._writer
        if writer is None or not self._is_alive():
            raise DeviceError("the MIDI process is not running")
        number = next(self._numbers)
        writer.send({"do": do, "id": number, **arguments})
        limit = time.monotonic() + ANSWER_LIMIT_S
        with self._answered:
            while number not in self._answers:
                if not self._is_alive():
                    raise DeviceError("the MIDI process has ended")
                if time.monotonic() > limit:
                    assert self._process is not None
                    self._process.kill()
                    raise DeviceError(f"the MIDI system does not answer within {ANSWER_LIMIT_S:.0f} s")
                self._answered.wait(0.2)
            answer = self._answers.pop(number)
        if "error" in answer:
            raise DeviceError(answer["error"])
        return answer

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            for message in messages(process.stdout):
                receive = self._receivers.get(message.get("in", 0))
                if receive is not None:
                    receive(message["d"], message["t"])
                elif "re" in message:
                    with self._answered:
                        self._answers[message["re"]] = message
                        self._answered.notify_all()
                elif "failed" in message:
                    self._failed[message["failed"]] = message["error"]
        with self._answered:
            self._answered.notify_all()


class RemoteInput:
    """An open input of a `RemoteMidi`."""

    def __init__(self, midi: RemoteMidi, key: int, since: int) -> None:
        self._midi = midi
        self._key = key
        self._since = since

    def hear_clock(self, on: bool) -> None:
        """Whether clock messages come through."""
        with contextlib.suppress(DeviceError):
            self._midi.ask(self._since, "clock", port=self._key, on=on)

    def close(self) -> None:
        """Close it; nothing is received afterwards."""
        self._midi.forget(self._since, self._key, "close")


class RemoteOutput:
    """A client for one output of a `RemoteMidi`."""

    def __init__(self, midi: RemoteMidi, key: int, since: int) -> None:
        self._midi = midi
        self._key = key
        self._since = since

    def names(self) -> list[str]:
        """Names of the outputs that are there now."""
        try:
            return list(self._midi.ask(self._since, "output_names", port=self._key)["names"])
        except DeviceError:
            return []

    def open(self, name: str | None) -> None:
        """Open an output by name, or (None) a virtual one. Raises DeviceError."""
        self._midi.ask(self._since, "output_open", port=self._key, name=name)

    def send(self, data: Sequence[int]) -> None:
        """Send one message. Raises DeviceError, if only for the one before."""
        self._midi.tell(self._since, {"do": "send", "port": self._key, "d": list(data)})

    def close(self) -> None:
        """Close the port and its client."""
        self._midi.forget(self._since, self._key, "output_close")
