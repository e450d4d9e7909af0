"""What `/gn/midi/…` does: learn, load and save maps, look for ports. Runs beside the sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ghostnote.control.midi_files import SCHEMA, VERSION, parse
from ghostnote.control.midi_learn import Learnt, words
from ghostnote.control.midi_names import display_name
from ghostnote.control.midi_ports import MidiInputs
from ghostnote.errors import MapError
from ghostnote.state.registry import Target, nearest, resolve
from ghostnote.state.table import ROOT, Value

LEARN = f"{ROOT}/midi/learn"

Notify = Callable[[str, str, str, str, int], None]


class Asked(Protocol):
    """A slow command: `core.tasks.Task`."""

    @property
    def args(self) -> tuple[Value, ...]:
        """Its checked arguments."""

    @property
    def source(self) -> str:
        """Its author."""

    @property
    def request(self) -> int:
        """The number by which the author wants to be told of its end."""


class MidiCommands:
    """The handlers, by `Target.name`. `notify` tells an author how something ended, like that of `Tasks`."""

    def __init__(self, midi: MidiInputs, notify: Notify) -> None:
        self._midi = midi
        self._notify = notify
        self._requests: dict[str, int] = {}
        midi.learnt = self._learnt
        self.handlers: dict[str, Callable[[Asked], str | None]] = {
            "midi/learn": self._learn,
            "midi/learn_cancel": self._cancel,
            "midi/map_load": self._load,
            "midi/map_save": self._save,
            "midi/rescan": self._rescan,
        }

    def _learn(self, asked: Asked) -> str:
        target = learnable(str(asked.args[0]))
        self._requests = {asked.source: asked.request}
        self._midi.learner.arm(target, asked.source)
        return f"armed for {target.addr}: move a control, an endless one slowly to the left"

    def _cancel(self, asked: Asked) -> str:
        addr = self._midi.learner.cancel()
        return f"no longer waiting for a control for {addr}" if addr else "nothing was being learnt"

    def _load(self, asked: Asked) -> str:
        found = self._midi.library.load(str(asked.args[0]))
        self._midi.rearm()
        return f"{found.path}: {len(found.rows)} controls for {found.match!r}"

    def _save(self, asked: Asked) -> str:
        touched = self._midi.last_touched
        port = touched.port if touched is not None else None
        library = self._midi.library
        if port is not None and library.of_port(port) is None:
            port = None
        return f"saved as {library.save(str(asked.args[0]), port)}"

    def _rescan(self, asked: Asked) -> str:
        self._midi.rescan()
        return ", ".join(self._midi.ports) or "no MIDI inputs now"

    def _learnt(self, learnt: Learnt, error: str) -> None:
        request = self._requests.pop(learnt.source, 0)
        if error:
            self._notify(learnt.source, LEARN, "range", error, request)
            return
        text = f"{learnt.address} learnt from {in_words(learnt)}"
        self._notify(learnt.source, LEARN, "", text, request)


def learnable(addr: str) -> Target:
    """The target of an address that one control can drive. Raises MapError."""
    target = resolve(addr)
    if target is None:
        raise MapError(f"{addr[:64]!r} is no address; the nearest is {nearest(addr)}")
    control = {"in": {"kind": "note", "channel": 1, "number": 0}, "to": addr}
    document = {"schema": SCHEMA, "version": VERSION, "device": {"match": "*"}, "controls": [control]}
    try:
        parse(document, addr)
    except MapError as error:
        raise MapError(f"{addr} cannot be learnt: {str(error).partition(': ')[2]}") from None
    return target


def in_words(learnt: Learnt) -> str:
    """A learnt control in words, such as `cc 20 channel 1 of nanoKONTROL2, relative-bin-offset`."""
    mode = learnt.control.get("mode")
    extra = (", 14 bits" if learnt.control["in"].get("bits") == 14 else "") + (f", {mode}" if mode else "")
    return f"{words(learnt.control)} of {display_name(learnt.port)}{extra}"
