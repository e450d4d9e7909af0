"""MIDI ports that come and go: opened by name, watched, their held notes released when lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from collections.abc import Mapping as ValuesByAddress
from dataclasses import dataclass
from typing import Protocol

from ghostnote.control.events import Event, is_button_release, next_batch
from ghostnote.control.inbox import Inbox
from ghostnote.control.midi_decode import decode, decode_pulse, is_pulse
from ghostnote.control.midi_feedback import RATE_HZ
from ghostnote.control.midi_learn import Learner, Learnt, words
from ghostnote.control.midi_library import MapLibrary
from ghostnote.control.midi_map import MidiMap, with_echo
from ghostnote.control.midi_names import display_name, fits
from ghostnote.control.midi_outputs import MidiOutputs, Wanted
from ghostnote.control.midi_pairs import LSB_WAIT_S
from ghostnote.control.midi_player import Action, Player, Touch
from ghostnote.control.midi_system import (
    JACK_PREFIX,
    InputPort,
    MidiSystem,
    SystemMidi,
    asks_for_jack,
)
from ghostnote.control.midi_takeover import Takeover
from ghostnote.errors import DeviceError, MapError, MessageError
from ghostnote.state.registry import DEFAULTS, check, resolve
from ghostnote.state.table import ROOT, Value
from ghostnote.telemetry import Telemetry

POLL_S = 1.0
VIRTUAL = "virtual"
LATEST_S = 1.0
"""A message that claims to be older than this is taken for one of just then."""

_IDLE_S = 0.25
_RECALLED = f"{ROOT}/scene/current"
_CLOCK_SOURCE, _PULSE = f"{ROOT}/clock/source", f"{ROOT}/clock/pulse"
_CLOCK_LOST_S = 1.0


class ChangeReader(Protocol):
    """What changed since last asked, and who did it: `core.changes.ChangeReader`."""

    def take(self) -> list[tuple[str, str]]:
        """Addresses and authors; an empty address stands for all."""


@dataclass(slots=True)
class _Port:
    name: str
    player: Player
    midi_map: MidiMap
    input: InputPort | None = None


class MidiInputs:
    """Opens every input that fits a pattern, now or when it appears, and puts its messages into an inbox.

    `pattern` is what `--midi` was given: see `fits`; a leading `jack:` asks for JACK MIDI. `library` has the
    devices' maps, `values` the present values, `changes` who changed them. Clock messages are events
    too while `clock/source` is midi, stamped with the time of their arrival. `virtual` opens a pair of
    ports of our own. `start` looks for ports in a thread of its own; `poll` does so once. Never raises for
    what is plugged or sent.
    """

    def __init__(
        self,
        inbox: Inbox,
        telemetry: Telemetry,
        *,
        pattern: str | None = None,
        library: MapLibrary | None = None,
        values: ValuesByAddress[str, Value] = DEFAULTS,
        changes: ChangeReader | None = None,
        virtual: bool = False,
        system: MidiSystem | None = None,
        poll_s: float = POLL_S,
    ) -> None:
        jack = asks_for_jack(pattern)
        self._pattern = pattern[len(JACK_PREFIX) :] if jack and pattern is not None else pattern
        self._inbox = inbox
        self._telemetry = telemetry
        self.library = library or MapLibrary(telemetry=telemetry)
        self.learner = Learner()
        self.learnt: Callable[[Learnt, str], None] = lambda learnt, error: None
        """Called with a control that was learnt and what was wrong with it (empty: nothing)."""
        self._values = values
        self._changes = changes
        self._clock_port = ""
        self._clock_at = float("-inf")
        self._hears_clock = False
        self._virtual = virtual
        self._system = system or SystemMidi(jack)
        self._generation = self._system.generation
        self._poll_s = poll_s
        self._takeover = Takeover()
        self._outputs = MidiOutputs(self._system, telemetry)
        self._ports: dict[str, _Port] = {}
        self._opened = 0
        self._version = self.library.version
        self._touched: Touch | None = None
        self._told = ""
        # Held for microseconds: by each port's thread for a message, and by our own.
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._rescan = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ghostnote-midi", daemon=True)

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the inputs that are open now."""
        return tuple(port.name for port in list(self._ports.values()))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that are open for feedback now."""
        return self._outputs.names

    @property
    def last_touched(self) -> Touch | None:
        """The control that was moved last, on any port."""
        return self._touched

    def start(self) -> None:
        """Begin to look for ports, at once and then every `poll_s` seconds."""
        self._thread.start()

    def close(self) -> None:
        """Release what is held and close every port; may be called again."""
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)
        for name in list(self._ports):
            self._lose(name)
        self._outputs.close()
        self._system.close()

    def rescan(self) -> None:
        """Look for ports now."""
        self._rescan.set()
        self._wake.set()

    def rearm(self) -> None:
        """Let every control pick its parameter up anew, and tell devices everything: the scene changed."""
        self._takeover.rearm()
        self._outputs.refresh()
        self._wake.set()

    def poll(self) -> None:
        """Open ports that appeared and let go of those that went away. Thread: the poll thread only."""
        present = self._system.names()
        if self._system.generation != self._generation:
            self._generation = self._system.generation
            self._outputs.close()
            for name in list(self._ports):
                self._miss(name)
        for name in [name for name in self._ports if name not in present and name != VIRTUAL]:
            self._miss(name)
        if self._virtual and self._system.ready and VIRTUAL not in self._ports:
            self._open(VIRTUAL)
        for name in present:
            if name not in self._ports and fits(name, self._pattern):
                self._open(name)
        self._outputs.follow(self._wanted())
        self._explain(present)

    def turn(self, now: float) -> None:
        """Do what is due: low bits that did not come, what was learnt, other maps, feedback."""
        with self._lock:
            self._follow_changes()
            for port in self._ports.values():
                if port.player.waiting:
                    self._send(port, port.player.due(now), now)
        learnt = self.learner.settle(now)
        if learnt is not None:
            self._keep(learnt)
        if self.library.version != self._version:
            self._version = self.library.version
            for name, port in self._ports.items():
                port.midi_map = self._map_of(name)
                with self._lock:
                    port.player.use(port.midi_map)
            self._outputs.follow(self._wanted())
        hears = self._values.get(_CLOCK_SOURCE) == "midi"
        if hears != self._hears_clock:
            self._hears_clock = hears
            for port in self._ports.values():
                if port.input is not None:
                    port.input.hear_clock(hears)
        self._outputs.turn(self._values, now)

    def _run(self) -> None:
        next_poll = float("-inf")
        while not self._closing.is_set():
            now = time.monotonic()
            try:
                if now >= next_poll or self._rescan.is_set():
                    self._rescan.clear()
                    next_poll = now + self._poll_s
                    self.poll()
                self.turn(time.monotonic())
            except Exception as error:  # hot-plug must not end with one odd driver
                self._telemetry.trouble("midi_internal", f"MIDI ports could not be read: {error!r}")
            self._wake.wait(self._pause(next_poll))
            self._wake.clear()

    def _pause(self, next_poll: float) -> float:
        """Seconds until there may be something to do."""
        if any(port.player.waiting for port in list(self._ports.values())):
            return LSB_WAIT_S / 2
        busy = bool(self._outputs.names) or self.learner.armed
        pause = 1.0 / RATE_HZ if busy else _IDLE_S
        return max(0.0, min(pause, next_poll - time.monotonic()))

    def _open(self, name: str) -> None:
        midi_map = self._map_of(name)
        shown = display_name(name)
        port = _Port(shown, Player(shown, self._opened, midi_map, self._values, self._takeover), midi_map)
        wanted = None if name == VIRTUAL else name
        try:
            port.input = self._system.open(wanted, lambda data, at=None: self._receive(name, port, data, at))
        except DeviceError as error:
            self._telemetry.trouble("midi_open_failed", str(error))
            return
        port.input.hear_clock(self._hears_clock)
        self._ports[name] = port
        self._opened += 1
        self._told = ""
        self._telemetry.count("midi_ports_opened")

    def _map_of(self, name: str) -> MidiMap:
        if name == VIRTUAL and self.library.of_port(name) is None:
            return MidiMap(with_echo())
        return self.library.midi_map(name)

    def _wanted(self) -> dict[str, Wanted]:
        """The ports whose devices want to be told of changes."""
        wanted = {}
        for name, port in self._ports.items():
            found = self.library.of_port(name)
            if name == VIRTUAL:
                wanted[name] = Wanted(name, None, port.midi_map)
            elif found is not None and found.out:
                wanted[name] = Wanted(name, found.match, port.midi_map)
        return wanted

    def _miss(self, name: str) -> None:
        """A port went away, by itself or with its system."""
        if name != VIRTUAL:
            self._telemetry.trouble(
                "midi_port_lost",
                f"MIDI input {display_name(name)} went away: its notes are released; waiting for it",
            )
        self._lose(name)

    def _lose(self, name: str) -> None:
        port = self._ports.pop(name)
        if port.input is not None:
            port.input.close()
        with self._lock:
            self._send(port, port.player.release_all(), time.monotonic())
            self._takeover.forget(port.name)

    def _receive(self, name: str, port: _Port, data: Sequence[int], at: float | None) -> None:
        """One message, which came in `at` (None: now). Thread: the port's own (python-rtmidi's callback)."""
        now = time.monotonic()
        received = now if at is None else min(max(at, now - LATEST_S), now)
        try:
            if is_pulse(data):
                self._pulse(name, port, data, received)
                return
            with self._lock:
                self._put(name, port, data, received)
        except Exception as error:  # an exception here would be lost in the binding
            self._telemetry.trouble("midi_internal", f"MIDI message lost: {error!r}")

    def _pulse(self, name: str, port: _Port, data: Sequence[int], received: float) -> None:
        """A clock message: of several clocks the one that runs counts, until it falls silent."""
        pulse = decode_pulse(data)
        if pulse is None:
            self._telemetry.count("midi_ignored")
        elif self._hears_clock:
            if name != self._clock_port and received - self._clock_at < _CLOCK_LOST_S:
                self._telemetry.count("midi_other_clock")
                return
            self._clock_port, self._clock_at = name, received
            self._send(port, [(_PULSE, pulse)], received)

    def _put(self, name: str, port: _Port, data: Sequence[int], received: float) -> None:
        message = decode(data)
        if message is None:
            self._telemetry.count("midi_ignored")
            return
        if self.learner.armed and self.learner.hear(name, message, received):
            self._wake.set()
            return
        self._follow_changes()
        player = port.player
        actions = player.play(message, received)
        if actions is None:
            self._telemetry.count("midi_unmapped")
            return
        self._send(port, actions, received)
        self._touched = player.touched or self._touched
        while player.moved:
            self._outputs.moved(name, *player.moved.pop(), received)
        if player.waiting:
            self._wake.set()

    def _follow_changes(self) -> None:
        """Controls lose what something else has set."""
        for addr, source in self._changes.take() if self._changes is not None else ():
            if addr in ("", _RECALLED):
                self.rearm()
            elif addr in self._values:
                self._takeover.changed(addr, source, self._values[addr])

    def _send(self, port: _Port, actions: Sequence[Action], received: float) -> None:
        """Put what a message does into the inbox, as one batch."""
        events = []
        batch = next_batch()
        for addr, given in actions:
            target = resolve(addr)
            try:
                args = check(target, given)[0] if target is not None else None
            except MessageError:
                args = None
            if target is None or args is None:
                self._telemetry.count("midi_unmapped")
            elif not is_button_release(target, args):
                events.append(Event(addr, args, f"midi:{port.name}", received, None, batch))
        if events:
            self._inbox.put(events)

    def _keep(self, learnt: Learnt) -> None:
        """Put a learnt control into its device's map."""
        error = ""
        try:
            self.library.learn(learnt.port, learnt.control)
            self._touched = Touch(display_name(learnt.port), words(learnt.control), learnt.address, None)
        except MapError as wrong:
            error = str(wrong)
        self.learnt(learnt, error)

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
