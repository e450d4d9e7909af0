"""What a device is told of the values behind its controls: for LEDs, rings and motor faders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as ValuesByAddress

from ghostnote.control.midi_decode import MidiMessage
from ghostnote.control.midi_map import Bound, Feedback, MidiMap
from ghostnote.control.midi_values import Scale, knob_value, position_of
from ghostnote.state.registry import DEFAULTS, TARGETS
from ghostnote.state.table import Parameter, Value

RATE_HZ = 30.0
TOUCH_GUARD_S = 0.3
"""So long after a control was moved its device is not told where it should be."""
PER_TURN = 64
"""Messages in one turn at most; with more to tell, the others come in the next ones."""

Send = Callable[[Sequence[int]], None]


class _Light:
    """One thing that a device shows, and what it shows now (None: unknown)."""

    __slots__ = ("bound", "feedback", "free_at", "scale", "seen", "shown")

    def __init__(self, bound: Bound, feedback: Feedback) -> None:
        self.bound = bound
        self.feedback = feedback
        self.shown: int | None = None
        self.seen: Value | None = None
        self.free_at = float("-inf")
        row = TARGETS[feedback.source].row
        assert isinstance(row, Parameter)
        own = bound.scale is not None and feedback.source == bound.target.addr
        self.scale = bound.scale if own and bound.scale is not None else Scale(row)

    def wanted(self, value: Value) -> int:
        """What it should show for a value."""
        told = self.feedback
        position = self.scale.position(value)
        if told.on is not None:
            return told.on if position >= told.threshold and position > 0.0 else told.off
        return knob_value(position, told.bits)


class FeedbackSide:
    """One device's lights and motors.

    Values are compared, so that whatever changed them is told, and the last value always. Thread: `turn` and
    `refresh` from one thread, `moved` from the port's.
    """

    def __init__(self, midi_map: MidiMap, send: Send) -> None:
        self._send = send
        self._lights = [
            _Light(b, b.row.feedback) for b in midi_map.with_feedback if b.row.feedback is not None
        ]
        self._first = 0

    def refresh(self) -> None:
        """Tell the device everything again: it was connected, or a scene was recalled."""
        for light in self._lights:
            light.shown = None

    def moved(self, bound: Bound, message: MidiMessage, now: float) -> None:
        """A control was moved by hand: it shows that itself, and is left alone for a while."""
        for light in self._lights:
            if light.bound is bound:
                told = light.feedback
                if told.on is None:
                    light.free_at = now + TOUCH_GUARD_S
                light.seen = None
                same = (told.kind, told.channel, told.number) == (
                    message.kind,
                    message.channel,
                    message.number,
                )
                stands = same and told.on is None and bound.row.mode == "absolute" and message.bits > 0
                light.shown = knob_value(position_of(message), told.bits) if stands else None

    def turn(self, values: ValuesByAddress[str, Value], now: float) -> int:
        """Tell the device what differs from what it shows; how many messages."""
        lights, sent = self._lights, 0
        for k in range(len(lights)):
            light = lights[(self._first + k) % len(lights)]
            if now < light.free_at:
                continue
            source = light.feedback.source
            value = values.get(source, DEFAULTS[source])
            if light.shown is not None and value == light.seen:
                continue
            wanted = light.wanted(value)
            if wanted == light.shown:
                light.seen = value
                continue
            if sent >= PER_TURN:
                self._first = (self._first + k) % len(lights)
                break
            for data in encode(light.feedback, wanted):
                self._send(data)
            light.shown, light.seen = wanted, value
            sent += 1
        return sent


def encode(feedback: Feedback, value: int) -> list[tuple[int, ...]]:
    """Messages that tell a device a value, of as many bits as the feedback has."""
    choose: list[tuple[int, ...]]
    channel, number = feedback.channel - 1, feedback.number
    fine = feedback.bits == 14 and feedback.on is None
    high, low = (value >> 7, value & 0x7F) if fine else (value, 0)
    match feedback.kind:
        case "note_on":
            return [(0x90 | channel, number, value)]
        case "pitch_bend":
            return [(0xE0 | channel, low, high)]
        case "nrpn" | "rpn":
            first, second = (99, 98) if feedback.kind == "nrpn" else (101, 100)
            status = 0xB0 | channel
            choose = [(status, first, number >> 7), (status, second, number & 0x7F), (status, 6, high)]
            return [*choose, (status, 38, low)] if fine else choose
        case _:
            status = 0xB0 | channel
            return [(status, number, high), (status, number + 32, low)] if fine else [(status, number, value)]
