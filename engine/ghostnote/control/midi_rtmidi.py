"""One opened MIDI port through python-rtmidi, and how to close it without a deadlock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from ghostnote.errors import DeviceError


class Receive(Protocol):
    """What a message is handed to: its bytes, and when it came in by the monotonic clock (None: just now)."""

    def __call__(self, data: Sequence[int], at: float | None = None) -> None:
        """Take a message. Thread: the port's own."""


Send = Callable[[Sequence[int]], None]

_SETTLE_S = 0.02


def numbered(names: Sequence[str | None]) -> list[str]:
    """Port names made unique: the second `Pads` is `Pads #2`."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        shown = name or "unnamed"
        seen[shown] = seen.get(shown, 0) + 1
        unique.append(shown if seen[shown] == 1 else f"{shown} #{seen[shown]}")
    return unique


class Input:
    """An open input; `name` None: a virtual one, that other programs connect to. Raises DeviceError."""

    def __init__(self, api: int | None, client: str, name: str | None, receive: Receive) -> None:
        import rtmidi

        def received(event: tuple[list[int], float], data: object = None) -> None:
            self.heard = True
            receive(event[0])

        self.heard = False
        """Whether a message came in."""
        self.is_open = True
        self._name, self._received = name, received
        self._midi: Any = None
        try:
            self._midi = rtmidi.MidiIn(api, name=client)
            self.hear_clock(False)
            if name is None:
                self._midi.set_callback(received)
                self._midi.open_virtual_port(name="in")
                return
            ports = numbered(self._midi.get_ports())
            if name not in ports:
                self._midi.delete()
                raise DeviceError(f"MIDI input {name} is gone")
            self._midi.set_callback(received)
            self._midi.open_port(ports.index(name), name="in")
        except (rtmidi.RtMidiError, OSError, RuntimeError, ValueError) as error:
            raise DeviceError(f"MIDI input {name or 'virtual'} cannot be opened: {error}") from None

    def hear_clock(self, on: bool) -> None:
        """Whether clock messages come through; they take the interpreter 48 times a second and more."""
        self._midi.ignore_types(sysex=True, timing=not on, active_sense=True)

    def reopen(self) -> None:
        """Close the port and open it again; one that is gone by then stays as it is."""
        with suppress(Exception):
            ports = numbered(self._midi.get_ports())
            if self._name in ports:
                self._close_port()
                self._midi.set_callback(self._received)
                self._midi.open_port(ports.index(self._name), name="in")

    def close(self) -> None:
        """Close the port and its client."""
        self.is_open = False
        self._close_port()
        with suppress(Exception):
            self._midi.delete()

    def _close_port(self) -> None:
        self._midi.cancel_callback()
        # Closing waits for the input thread and keeps the interpreter meanwhile: a callback that is on
        # its way needs the time to finish, or the two wait for each other.
        time.sleep(_SETTLE_S)
        with suppress(Exception):
            self._midi.close_port()


class Output:
    """An output's client: it lists what there is, then opens one of them, or a virtual one.

    `usable`: which of the names are listed; all of them without it.
    """

    def __init__(
        self, api: int | None, client: str, usable: Callable[[Sequence[str]], list[str]] | None = None
    ) -> None:
        import rtmidi

        self._usable = usable
        try:
            self._midi: Any = rtmidi.MidiOut(api, name=client)
        except Exception as error:  # the binding's own classes, not all of which it documents
            raise DeviceError(f"no MIDI output: {error}") from None

    def names(self) -> list[str]:
        """Names of the outputs that are there now."""
        try:
            names = numbered(self._midi.get_ports())
        except Exception:  # a server that is going, or a name that cannot be decoded
            return []
        return names if self._usable is None else self._usable(names)

    def open(self, name: str | None) -> None:
        """Open an output by name, or (None) a virtual one. Raises DeviceError."""
        try:
            if name is None:
                self._midi.open_virtual_port(name="out")
                return
            names = self.names()
            if name not in names:
                raise DeviceError(f"MIDI output {name} is gone")
            self._midi.open_port(names.index(name), name="out")
        except DeviceError:
            raise
        except Exception as error:
            raise DeviceError(f"MIDI output {name or 'virtual'} cannot be opened: {error}") from None

    def send(self, data: Sequence[int]) -> None:
        """Send one message. Raises DeviceError when the port does not take it."""
        try:
            self._midi.send_message(list(data))
        except Exception as error:
            raise DeviceError(f"MIDI output: {error}") from None

    def close(self) -> None:
        """Close the port and its client."""
        with suppress(Exception):
            self._midi.close_port()
        with suppress(Exception):
            self._midi.delete()
