"""Messages that belong together: 14-bit controllers, registered and other parameters (RPN, NRPN).

After the MIDI 1.0 Detailed Specification: controllers 0…31 have their low bits in 32…63; controllers 98…101
choose a parameter, 6 and 38 set it, 96 and 97 step it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ghostnote.control.midi_decode import Kind, MidiMessage

LSB_WAIT_S = 0.008
"""So long high bits wait for their low bits, on a controller that has sent low bits before."""

_LSB = 32
_DATA, _DATA_LSB, _STEP_UP, _STEP_DOWN = 6, 38, 96, 97
_CHOOSE: dict[int, tuple[Kind, bool]] = {
    98: ("nrpn", False),
    99: ("nrpn", True),
    100: ("rpn", False),
    101: ("rpn", True),
}
_NULL = 0x7F
_MAX_PAIRS = 512

Key = tuple[Kind, int, int]


@dataclass(slots=True)
class _Pair:
    """High and low bits of one controller; `fine` once low bits were seen, `since` while high bits wait."""

    high: int = 0
    fine: bool = False
    since: float | None = None


@dataclass(slots=True)
class _Chosen:
    """The parameter that data entry on a channel goes to; −1 stands for a byte not yet sent."""

    kind: Kind
    high: int = -1
    low: int = -1

    @property
    def number(self) -> int | None:
        """The parameter's number, or None while none is chosen."""
        chosen = min(self.high, self.low) >= 0 and (self.high, self.low) != (_NULL, _NULL)
        return self.high << 7 | self.low if chosen else None


class Pairs:
    """One port's controllers, put together. `is_fine(channel, controller)`: whether it may have low bits;
    `is_plain(channel, controller)`: whether a map wants that very controller, so that it is nothing else.

    High bits are told at once, as 7 bits, until low bits have come once; from then on they wait for
    them up to `LSB_WAIT_S`, so that a fader does not stutter. Thread: one at a time.
    """

    def __init__(
        self, is_fine: Callable[[int, int], bool], is_plain: Callable[[int, int], bool] = lambda c, n: False
    ) -> None:
        self._is_fine = is_fine
        self._is_plain = is_plain
        self._pairs: dict[Key, _Pair] = {}
        self._chosen: dict[int, _Chosen] = {}

    def take(self, message: MidiMessage, now: float) -> list[MidiMessage]:
        """What a message completes, in order; most messages are what they are."""
        if message.kind != "control":
            return [message]
        channel, number, value = message.channel, message.number, message.value
        if self._is_plain(channel, number):
            return [message]
        if number in _CHOOSE:
            self._choose(channel, number, value)
            return []
        chosen = self._chosen.get(channel)
        parameter = chosen.number if chosen is not None else None
        if chosen is not None and parameter is not None:
            if number in (_STEP_UP, _STEP_DOWN):
                return [MidiMessage(chosen.kind, channel, parameter, 1 if number == _STEP_UP else -1, 0)]
            if number == _DATA:
                return self._high((chosen.kind, channel, parameter), value, now)
            if number == _DATA_LSB:
                return self._low((chosen.kind, channel, parameter), value)
        elif number in (_STEP_UP, _STEP_DOWN, _DATA_LSB) and chosen is not None:
            return []  # data for the null parameter
        if number < _LSB and self._is_fine(channel, number):
            return self._high(("control", channel, number), value, now)
        if _LSB <= number < 2 * _LSB and self._is_fine(channel, number - _LSB):
            return self._low(("control", channel, number - _LSB), value)
        return [message]

    def due(self, now: float) -> list[MidiMessage]:
        """High bits that have waited long enough; their low bits are 0, as the specification says."""
        late = []
        for key, pair in self._pairs.items():
            if pair.since is not None and now >= pair.since + LSB_WAIT_S:
                pair.since = None
                late.append(_whole(key, pair.high << 7))
        return late

    @property
    def waiting(self) -> bool:
        """Whether high bits wait for their low bits."""
        return any(pair.since is not None for pair in self._pairs.values())

    def _choose(self, channel: int, number: int, value: int) -> None:
        kind, is_high = _CHOOSE[number]
        chosen = self._chosen.setdefault(channel, _Chosen(kind))
        if chosen.kind != kind:
            chosen.kind, chosen.high, chosen.low = kind, -1, -1
        if is_high:
            chosen.high = value
        else:
            chosen.low = value

    def _high(self, key: Key, value: int, now: float) -> list[MidiMessage]:
        pair = self._pairs.get(key)
        if pair is None:
            if len(self._pairs) >= _MAX_PAIRS:
                self._pairs.pop(next(iter(self._pairs)))
            pair = self._pairs[key] = _Pair()
        if not pair.fine:
            pair.high = value
            return [MidiMessage(*key, value)]
        passed = [] if pair.since is None else [_whole(key, pair.high << 7)]
        pair.high, pair.since = value, now
        return passed

    def _low(self, key: Key, value: int) -> list[MidiMessage]:
        pair = self._pairs.get(key)
        if pair is None:
            return []  # low bits of nothing
        pair.fine, pair.since = True, None
        return [_whole(key, pair.high << 7 | value)]


def _whole(key: Key, value: int) -> MidiMessage:
    return MidiMessage(*key, value, 14)
