"""The computer's MIDI ports through python-rtmidi: which system to use, what is there, and opening it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from ghostnote.control.midi_jack import SETTLE_S, Reopening, Settled, server_mark, silence_jack
from ghostnote.control.midi_names import CLIENT, display_name
from ghostnote.control.midi_rtmidi import Input, Output, Receive, numbered
from ghostnote.errors import DeviceError

JACK_PREFIX = "jack:"

_ALSA_SEQUENCER = "/dev/snd/seq"
_RETRY_S = 10.0


def asks_for_jack(pattern: str | None) -> bool:
    """Whether what `--midi` was given asks for JACK MIDI."""
    return pattern is not None and pattern.lower().startswith(JACK_PREFIX)


class InputPort(Protocol):
    """An open input."""

    def hear_clock(self, on: bool) -> None:
        """Whether clock messages come through."""

    def close(self) -> None:
        """Close it; nothing is received afterwards."""


class OutputPort(Protocol):
    """A client for one output: it lists what there is until it has opened one, and afterwards."""

    def names(self) -> list[str]:
        """Names of the outputs that are there now."""

    def open(self, name: str | None) -> None:
        """Open an output by name, or (None) a virtual one. Raises DeviceError."""

    def send(self, data: Sequence[int]) -> None:
        """Send one message. Raises DeviceError."""

    def close(self) -> None:
        """Close the port and its client."""


class MidiSystem(Protocol):
    """Where MIDI ports come from; `SystemMidi` is the real one. Called from one thread.

    `generation` rises when the system was lost: then all of its ports must be closed before anything else is
    done.
    """

    @property
    def generation(self) -> int:
        """How often the system was lost."""

    @property
    def ready(self) -> bool:
        """Whether ports can be opened."""

    def names(self) -> list[str]:
        """Names of the inputs that are there now, as the system gives them."""

    def open(self, name: str | None, receive: Receive) -> InputPort:
        """Open an input (None: a virtual one); `receive` gets each message's bytes.

        Raises DeviceError if the input is gone or taken, or if there are no virtual ones.
        """

    def output(self) -> OutputPort:
        """A client for an output, that lists the outputs and opens one. Raises DeviceError."""

    def missing(self) -> str:
        """Why there is no MIDI system at all, or an empty text."""

    def close(self) -> None:
        """Let go of everything that `names` needs."""


class SystemMidi:
    """ALSA, CoreMIDI or Windows MIDI; JACK MIDI when asked for, or when it is the only one that works.

    One long-lived client is asked for the names, since some systems never free a client. A system that is not
    there, or was lost, is tried again every 10 s. Outputs of JACK are named once they have been there for
    `settle_s`.
    """

    def __init__(self, jack: bool = False, settle_s: float = SETTLE_S) -> None:
        self.generation = 0
        self._jack = jack
        self._api: int | None = None
        self._probe: Any = None
        self._retry_at = float("-inf")
        self._had_ports = False
        self._missing = ""
        self._mark: tuple[int, int] | None = None
        self._reopening = Reopening()
        self._settled = Settled(settle_s)

    @property
    def ready(self) -> bool:
        """See `MidiSystem`."""
        return self._probe is not None

    def names(self) -> list[str]:
        """See `MidiSystem`."""
        now = time.monotonic()
        if self._probe is None and now >= self._retry_at:
            self._retry_at = now + _RETRY_S
            self._connect()
        if self._probe is None:
            return []
        try:
            found = numbered(self._probe.get_ports())
        except Exception:  # the binding's own error classes, or a name that cannot be decoded
            found = []
        if self._is_jack() and self._is_jack_lost(found, now):
            # Said to be empty, so that every client is deleted before a new one is opened: deleting the
            # clients of a server that ended after that crashes inside libjack.
            self.generation += self._had_ports or server_mark() != self._mark
            self.close()
            self._retry_at = now
            found = []
        elif self._is_jack():
            self._reopening.turn(now)
        self._had_ports = bool(found)
        return found

    def open(self, name: str | None, receive: Receive) -> InputPort:
        """See `MidiSystem`."""
        if name is None:
            self._check_virtual()
        opened = Input(self._api, CLIENT, name, receive)
        if self._is_jack() and name is not None:
            self._reopening.watch(opened, time.monotonic())
        return opened

    def output(self) -> OutputPort:
        """See `MidiSystem`."""
        return Output(self._api, f"{CLIENT}-out", self._settled.of if self._is_jack() else None)

    def missing(self) -> str:
        """See `MidiSystem`."""
        return self._missing

    def close(self) -> None:
        """See `MidiSystem`."""
        probe, self._probe = self._probe, None
        if probe is not None:
            with suppress(Exception):
                probe.delete()

    def _connect(self) -> None:
        try:
            import rtmidi
        except ImportError as error:
            self._missing = f"python-rtmidi cannot be loaded ({error})"
            return
        self._api, self._missing = choose_api(rtmidi, self._jack)
        if self._api is None:
            return
        if self._is_jack():
            silence_jack()
        try:
            self._probe = rtmidi.MidiIn(self._api, name=f"{CLIENT}-names")
            self._missing = ""
            self._mark = server_mark()
        except Exception:  # no class of its own is documented for a system that refuses
            system = rtmidi.get_api_display_name(self._api)
            self._missing = self._missing or f"{system} does not answer" + (
                " (is the server running?)" if self._is_jack() else ""
            )

    def _check_virtual(self) -> None:
        import rtmidi

        if self._api is None:
            raise DeviceError(f"no virtual MIDI port: {self._missing or 'no MIDI system'}")
        if self._api == rtmidi.API_WINDOWS_MM:
            raise DeviceError("Windows has no virtual MIDI ports; install loopMIDI and add one there")

    def _is_jack_lost(self, found: list[str], now: float) -> bool:
        """Whether the server may have ended: it names no ports then, or (if killed) the old ones for ever.

        A server that never named a port is asked anew only now and then, since each new client disturbs it.
        """
        if server_mark() != self._mark:
            return True
        return not found and (self._had_ports or now >= self._retry_at)

    def _is_jack(self) -> bool:
        import rtmidi

        return bool(self._api == rtmidi.API_UNIX_JACK)


def choose_api(rtmidi: Any, jack: bool) -> tuple[int | None, str]:
    """The system to use, or None, and what to say if that one does not answer either."""
    compiled = list(rtmidi.get_compiled_api())
    if jack:
        if rtmidi.API_UNIX_JACK in compiled:
            return rtmidi.API_UNIX_JACK, ""
        return None, "this python-rtmidi is built without JACK"
    others = [api for api in compiled if api not in (rtmidi.API_UNIX_JACK, rtmidi.API_RTMIDI_DUMMY)]
    if rtmidi.API_LINUX_ALSA in others and not os.access(_ALSA_SEQUENCER, os.R_OK | os.W_OK):
        # Not even tried, since ALSA tells of its absence on the error output.
        others.remove(rtmidi.API_LINUX_ALSA)
    if others:
        return others[0], ""
    reason = f"no ALSA sequencer ({_ALSA_SEQUENCER}) and no JACK server"
    return (rtmidi.API_UNIX_JACK if rtmidi.API_UNIX_JACK in compiled else None), reason


def list_ports(system: MidiSystem | None = None) -> list[str]:
    """Names of the MIDI inputs that are there now, as `--midi` sees them; empty without a MIDI system."""
    used = system or SystemMidi()
    try:
        return [display_name(name) for name in used.names()]
    finally:
        used.close()


def list_outputs(system: MidiSystem | None = None) -> list[str]:
    """Names of the MIDI outputs that are there now; empty without a MIDI system."""
    used = system or SystemMidi(settle_s=0.0)
    try:
        used.names()
        if not used.ready:
            return []
        client = used.output()
        names = [display_name(name) for name in client.names()]
        client.close()
        return names
    except DeviceError:
        return []
    finally:
        used.close()
