"""The computer's MIDI inputs through python-rtmidi: which system to use, what is there, and opening it."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from ghostnote.errors import DeviceError

Receive = Callable[[Sequence[int]], None]

CLIENT = "ghostnote"
JACK_PREFIX = "jack:"

_ALSA_SEQUENCER = "/dev/snd/seq"
_RETRY_S = 10.0
_SETTLE_S = 0.02


class MidiSystem(Protocol):
    """Where MIDI inputs come from; `SystemMidi` is the real one. Called from one thread."""

    def names(self) -> list[str]:
        """Names of the inputs that are there now, as the system gives them."""

    def open(self, name: str, receive: Receive) -> Callable[[], None]:
        """Open an input; `receive` gets each message's bytes. Returns what closes it.

        Raises DeviceError if the input is gone or taken.
        """

    def missing(self) -> str:
        """Why there is no MIDI system at all, or an empty text."""

    def close(self) -> None:
        """Let go of everything that `names` needs."""


class SystemMidi:
    """ALSA, CoreMIDI or Windows MIDI; JACK MIDI when asked for, or when it is the only one that works.

    One long-lived client is asked for the names, since some systems never free a client. A system that is not
    there, or was lost, is tried again every 10 s.
    """

    def __init__(self, jack: bool = False) -> None:
        self._jack = jack
        self._api: int | None = None
        self._probe: Any = None
        self._retry_at = float("-inf")
        self._had_ports = False
        self._missing = ""
        self._mark: tuple[int, int] | None = None

    def names(self) -> list[str]:
        """See `MidiSystem`."""
        now = time.monotonic()
        if self._probe is None and now >= self._retry_at:
            self._retry_at = now + _RETRY_S
            self._connect()
        if self._probe is None:
            return []
        try:
            found = _numbered(self._probe.get_ports())
        except Exception:  # the binding's own error classes, or a name that cannot be decoded
            found = []
        if self._is_jack() and self._is_jack_lost(found, now):
            # Said to be empty, so that every client is deleted before a new one is opened: deleting the
            # clients of a server that ended after that crashes inside libjack.
            self.close()
            self._retry_at = now
            found = []
        self._had_ports = bool(found)
        return found

    def open(self, name: str, receive: Receive) -> Callable[[], None]:
        """See `MidiSystem`."""
        import rtmidi

        def received(event: tuple[list[int], float], data: object = None) -> None:
            receive(event[0])

        try:
            midi = rtmidi.MidiIn(self._api, name=CLIENT)
            ports = _numbered(midi.get_ports())
            if name not in ports:
                midi.delete()
                raise DeviceError(f"MIDI input {name} is gone")
            midi.ignore_types(sysex=True, timing=True, active_sense=True)
            midi.set_callback(received)
            midi.open_port(ports.index(name), name="in")
        except (rtmidi.RtMidiError, OSError, RuntimeError, ValueError) as error:
            raise DeviceError(f"MIDI input {name} cannot be opened: {error}") from None

        def close() -> None:
            midi.cancel_callback()
            # Closing waits for the input thread and keeps the interpreter meanwhile: a callback that is on
            # its way needs the time to finish, or the two wait for each other.
            time.sleep(_SETTLE_S)
            with suppress(Exception):
                midi.close_port()
            with suppress(Exception):
                midi.delete()

        return close

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
            self._mark = _jack_mark()
        except Exception:  # no class of its own is documented for a system that refuses
            system = rtmidi.get_api_display_name(self._api)
            self._missing = self._missing or f"{system} does not answer" + (
                " (is the server running?)" if self._is_jack() else ""
            )

    def _is_jack_lost(self, found: list[str], now: float) -> bool:
        """Whether the server may have ended: it names no ports then, or (if killed) the old ones for ever.

        A server that never named a port is asked anew only now and then, since each new client disturbs it.
        """
        if _jack_mark() != self._mark:
            return True
        return not found and (self._had_ports or now >= self._retry_at)

    def _is_jack(self) -> bool:
        import rtmidi

        return bool(self._api == rtmidi.API_UNIX_JACK)


def _numbered(names: Sequence[str | None]) -> list[str]:
    """Port names made unique: the second `Pads` is `Pads #2`."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        shown = name or "unnamed"
        seen[shown] += 1
        unique.append(shown if seen[shown] == 1 else f"{shown} #{seen[shown]}")
    return unique


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


_silent: list[Any] = []


def silence_jack() -> None:
    """Keep the JACK library that python-rtmidi loaded from writing to the error output (Linux only)."""
    if _silent or not sys.platform.startswith("linux"):
        return
    quiet = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(lambda text: None)
    _silent.append(quiet)
    with suppress(OSError, AttributeError):
        loaded = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
        for path in sorted({line.split(maxsplit=5)[5].strip() for line in loaded if "libjack" in line}):
            library = ctypes.CDLL(path)
            library.jack_set_error_function(quiet)
            library.jack_set_info_function(quiet)


def _jack_mark() -> tuple[int, int] | None:
    """What tells one run of a JACK 2 server from the next: its socket; None if it has none (PipeWire)."""
    name = os.environ.get("JACK_DEFAULT_SERVER", "default")
    user = os.getuid() if hasattr(os, "getuid") else 0
    for folder in ("/dev/shm", "/tmp"):
        with suppress(OSError):
            socket = os.stat(f"{folder}/jack_{name}_{user}_0")
            return socket.st_ino, socket.st_ctime_ns
    return None
