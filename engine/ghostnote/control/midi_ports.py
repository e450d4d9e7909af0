"""MIDI inputs that come and go: opened by name, watched, their held notes released when lost."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ghostnote.control.events import Event, is_button_release, next_batch
from ghostnote.control.inbox import Inbox
from ghostnote.control.midi_decode import decode
from ghostnote.control.midi_map import MidiMap
from ghostnote.control.midi_system import CLIENT, JACK_PREFIX, MidiSystem, SystemMidi
from ghostnote.errors import DeviceError, MessageError
from ghostnote.state.registry import check, resolve
from ghostnote.state.table import ROOT
from ghostnote.telemetry import Telemetry

POLL_S = 1.0

_CLIENT_NUMBERS = re.compile(r" \d+:\d+$")
_OWN_OR_LOOPS = (CLIENT, "midi through")


def display_name(name: str) -> str:
    """A port's name without ALSA's client and port numbers, which change from day to day."""
    return _CLIENT_NUMBERS.sub("", name)


def fits(name: str, pattern: str | None) -> bool:
    """Whether a port is wanted: its name contains the pattern, or fits it as a whole if it has wildcards.

    Case does not matter. Without a pattern every input is wanted but ghostnote's own and loop-backs.
    """
    shown = display_name(name).lower()
    if not pattern:
        return not shown.startswith(_OWN_OR_LOOPS)
    wanted = pattern.lower()
    return fnmatchcase(shown, wanted if any(c in wanted for c in "*?[") else f"*{wanted}*")


def list_ports(system: MidiSystem | None = None) -> list[str]:
    """Names of the MIDI inputs that are there now, as `--midi` sees them; empty without a MIDI system."""
    used = system or SystemMidi()
    try:
        return [display_name(name) for name in used.names()]
    finally:
        used.close()


@dataclass(slots=True)
class _Port:
    name: str
    held: dict[tuple[str, int], None] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None


class MidiInputs:
    """Opens every input that fits a pattern, now or when it appears, and puts its messages into an inbox.

    `pattern` is what `--midi` was given: see `fits`; a leading `jack:` asks for JACK MIDI. `start` looks for
    ports in a thread of its own; `poll` does so once. Never raises for what is plugged or sent.
    """

    def __init__(
        self,
        inbox: Inbox,
        telemetry: Telemetry,
        *,
        pattern: str | None = None,
        midi_map: MidiMap | None = None,
        system: MidiSystem | None = None,
        poll_s: float = POLL_S,
    ) -> None:
        jack = pattern is not None and pattern.lower().startswith(JACK_PREFIX)
        self._pattern = pattern[len(JACK_PREFIX) :] if jack and pattern is not None else pattern
        self._inbox = inbox
        self._telemetry = telemetry
        self._map = midi_map or MidiMap()
        self._system = system or SystemMidi(jack)
        self._poll_s = poll_s
        self._ports: dict[str, _Port] = {}
        self._told = ""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ghostnote-midi", daemon=True)

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the inputs that are open now."""
        return tuple(port.name for port in list(self._ports.values()))

    def start(self) -> None:
        """Begin to look for ports, at once and then every `poll_s` seconds."""
        self._thread.start()

    def close(self) -> None:
        """Release what is held and close every port; may be called again."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)
        for name in list(self._ports):
            self._lose(name)
        self._system.close()

    def poll(self) -> None:
        """Open ports that appeared and let go of those that went away. Thread: the poll thread only."""
        present = self._system.names()
        for name in [name for name in self._ports if name not in present]:
            self._telemetry.trouble(
                "midi_port_lost",
                f"MIDI input {display_name(name)} went away: its notes are released; waiting for it",
            )
            self._lose(name)
        for name in present:
            if name not in self._ports and fits(name, self._pattern):
                self._open(name)
        self._explain(present)

    def _run(self) -> None:
        while True:
            try:
                self.poll()
            except Exception as error:  # hot-plug must not end with one odd driver
                self._telemetry.trouble("midi_internal", f"MIDI ports could not be read: {error!r}")
            if self._closing.wait(self._poll_s):
                return

    def _open(self, name: str) -> None:
        port = _Port(display_name(name))
        try:
            port.close = self._system.open(name, lambda data: self._receive(port, data))
        except DeviceError as error:
            self._telemetry.trouble("midi_open_failed", str(error))
            return
        self._ports[name] = port
        self._told = ""
        self._telemetry.count("midi_ports_opened")

    def _lose(self, name: str) -> None:
        port = self._ports.pop(name)
        port.close()
        now = time.monotonic()
        batch = next_batch()
        held, port.held = list(port.held), {}
        if held:
            self._inbox.put(
                [Event(addr, (pitch, -1), f"midi:{port.name}", now, None, batch) for addr, pitch in held]
            )

    def _receive(self, port: _Port, data: Sequence[int]) -> None:
        """One message. Thread: the port's own (python-rtmidi's callback)."""
        received = time.monotonic()
        try:
            self._put(port, data, received)
        except Exception as error:  # an exception here would be lost in the binding
            self._telemetry.trouble("midi_internal", f"MIDI message lost: {error!r}")

    def _put(self, port: _Port, data: Sequence[int], received: float) -> None:
        message = decode(data)
        if message is None:
            self._telemetry.count("midi_ignored")
            return
        mapped = self._map.translate(message)
        target = resolve(mapped[0]) if mapped is not None else None
        if mapped is None or target is None:
            self._telemetry.count("midi_unmapped")
            return
        try:
            args, _ = check(target, mapped[1])
        except MessageError:
            self._telemetry.count("midi_unmapped")
            return
        if is_button_release(target, args):
            return
        if target.name in ("note", "off"):
            key = (f"{ROOT}/part{target.part}/off", int(args[0]))
            if target.name == "note":
                port.held[key] = None
            else:
                port.held.pop(key, None)
        self._inbox.put([Event(target.addr, args, f"midi:{port.name}", received, None, next_batch())])

    def _explain(self, present: list[str]) -> None:
        """Say once why nothing is open: no MIDI system, or nothing that fits."""
        if self._ports:
            return
        text = self._system.missing()
        if text:
            text = f"no MIDI: {text}; OSC works, and MIDI is tried again from time to time"
        elif self._pattern:
            there = ", ".join(display_name(name) for name in present) or "none"
            text = f"no MIDI input fits {self._pattern!r}; waiting for it (inputs now: {there})"
        if text and text != self._told:
            self._told = text
            self._telemetry.trouble("midi_waiting", text)
