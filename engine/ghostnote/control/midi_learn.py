"""Learning: which control was moved, and how it talks, guessed from what it sent."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ghostnote.control.midi_decode import MidiMessage
from ghostnote.control.midi_pairs import Pairs
from ghostnote.control.midi_values import RELATIVE
from ghostnote.state.registry import Target
from ghostnote.state.table import Parameter

LISTEN_S = 0.7
"""So long after its first message a control is listened to, to see how it talks."""

_TURN = 4
_LEFT: dict[str, range] = {
    "relative-twos-complement": range(128 - _TURN, 128),
    "relative-signed-bit": range(65, 65 + _TURN),
    "relative-bin-offset": range(64 - _TURN, 64),
    "relative-signed-bit-2": range(1, 1 + _TURN),
}
"""What a slow turn to the left sends, by encoding: no two have a value in common."""
_KINDS = ("control", "note_on", "pitch_bend", "channel_pressure", "program")
_MAX_HEARD = 512


@dataclass(frozen=True)
class Learnt:
    """A control as it goes into a map file, the port it is on, and what it leads to."""

    port: str
    address: str
    source: str
    control: dict[str, Any]


class Learner:
    """Armed with an address, takes the next control that is moved. Thread: any (a lock, held for moments)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._target: Target | None = None
        self._source = ""
        self._port = ""
        self._began = 0.0
        self._heard: list[MidiMessage] = []

    @property
    def armed(self) -> bool:
        """Whether a control is waited for."""
        return self._target is not None

    def arm(self, target: Target, source: str) -> None:
        """Wait for a control; one that was waited for before is forgotten."""
        with self._lock:
            self._target, self._source, self._heard = target, source, []

    def cancel(self) -> str:
        """Stop waiting; the address that was waited for, if any."""
        with self._lock:
            addr = self._target.addr if self._target is not None else ""
            self._target, self._heard = None, []
            return addr

    def hear(self, port: str, message: MidiMessage, now: float) -> bool:
        """Whether a message was taken for learning; then it does nothing else."""
        if message.kind not in _KINDS:
            return False
        with self._lock:
            target = self._target
            if target is None:
                return False
            # The keys stay playable while a knob is waited for.
            if message.kind in ("note_on", "program") and _is_smooth(target):
                return False
            if not self._heard:
                self._port, self._began = port, now
            elif port != self._port or message.channel != self._heard[0].channel:
                return False
            if len(self._heard) < _MAX_HEARD:
                self._heard.append(message)
            return True

    def settle(self, now: float) -> Learnt | None:
        """The control, once it was listened to long enough; then no longer armed."""
        with self._lock:
            target = self._target
            if target is None or not self._heard or now - self._began < LISTEN_S:
                return None
            heard, self._heard = self._heard, []
            control = recognise(heard, target)
            if control is None:
                return None
            self._target = None
            return Learnt(self._port, target.addr, self._source, control)


def recognise(heard: Sequence[MidiMessage], target: Target) -> dict[str, Any] | None:
    """The control that sent all this (from one channel), as a map file has it; None if it is not clear."""
    notes = [m for m in heard if m.kind == "note_on"]
    if notes:
        return _control("note", notes[0], target, mode=_button_mode(target))
    knobs = [m for m in heard if m.kind == "control"]
    if not knobs:
        other = heard[-1]
        return _control(other.kind, other, target, numbered=other.kind == "program")
    pairs = Pairs(lambda channel, number: False)
    parameters = [m for k in knobs for m in pairs.take(k, 0.0) if m.kind in ("nrpn", "rpn")]
    if parameters:
        last = parameters[-1]
        return _control(last.kind, last, target, bits=14 if last.bits == 14 else 7)
    if any(98 <= m.number <= 101 for m in knobs) and len({m.number for m in knobs}) <= 2:
        return None  # a parameter was chosen, and nothing sent to it yet
    counts = Counter(m.number for m in knobs)
    number = max(counts, key=lambda n: (counts[n], -n))
    if number >= 32 and number - 32 in counts and counts[number - 32] > 1:
        number -= 32
    if number < 32 and counts[number + 32] >= max(1, counts[number] // 2):
        return _control("cc", MidiMessage("control", knobs[0].channel, number, 0), target, bits=14)
    moved = [m for m in knobs if m.number == number]
    values = [m.value for m in moved]
    mode = guess(values)
    if mode is None and set(values) <= {0, 127}:
        mode = _button_mode(target) if 0 in values else "absolute"
    return _control("cc", moved[0], target, mode=mode or "absolute")


def words(control: dict[str, Any]) -> str:
    """A control of a map file in words, such as `cc 20 channel 1`."""
    source = control["in"]
    number = f" {source['number']}" if "number" in source else ""
    return f"{source['kind'].replace('_', ' ')}{number} channel {source['channel']}"


def guess(values: Sequence[int]) -> str | None:
    """The relative encoding of a control that was turned slowly to the left; None if it is absolute.

    Absolute controls do not send a value twice in a row, endless ones send few others.
    """
    if len(values) < 3 or len(set(values)) == len(values):
        return None
    for mode, left in _LEFT.items():
        assert mode in RELATIVE
        near = sum(value in left for value in values)
        if near == len(values) and any(a == b for a, b in pairwise(values)):
            return mode
    return None


def _is_smooth(target: Target) -> bool:
    return isinstance(target.row, Parameter) and target.row.kind == "f"


def _button_mode(target: Target) -> str:
    """A button steps through the values of a switch; for anything else it is down or up."""
    row = target.row
    return "toggle" if isinstance(row, Parameter) and row.kind != "f" else "absolute"


def _control(
    kind: str,
    message: MidiMessage,
    target: Target,
    *,
    bits: int = 7,
    mode: str = "absolute",
    numbered: bool = True,
) -> dict[str, Any]:
    source: dict[str, Any] = {"kind": kind, "channel": message.channel}
    if numbered and kind not in ("pitch_bend", "channel_pressure"):
        source["number"] = message.number
    if bits != 7:
        source["bits"] = bits
    control: dict[str, Any] = {"in": source, "to": target.addr}
    if mode != "absolute":
        control["mode"] = mode
    return control
