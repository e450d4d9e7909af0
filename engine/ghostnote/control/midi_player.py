"""One port's messages as addresses and arguments: maps, takeover, MPE, banks, and the notes that are held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as ValuesByAddress
from dataclasses import dataclass

from ghostnote.control.midi_decode import MidiMessage
from ghostnote.control.midi_map import RPN_BEND_RANGE, RPN_MPE, Bound, MidiMap
from ghostnote.control.midi_mpe import MASTERS, Zone, Zones
from ghostnote.control.midi_pairs import Pairs
from ghostnote.control.midi_takeover import Takeover
from ghostnote.control.midi_values import RELATIVE, position_of
from ghostnote.state.registry import DEFAULTS, Target
from ghostnote.state.table import PARTS, ROOT, Parameter, Value

Action = tuple[str, tuple[Value, ...]]

_IDS = 1 << 20
_PRESSED = 64
_RELATIVE: dict[str, Callable[[int], int]] = {str(mode): steps for mode, steps in RELATIVE.items()}
_BANK, _BANK_LSB, _RESET = 0, 32, 121
_SILENCE = (120, 123)
_SETS_NOTHING = {"hit", "note", "off", "hush", "panic", "clock/tap", "clock/nudge"}
"""Commands after which every control still has hold of what it had."""


@dataclass(frozen=True, slots=True)
class Touch:
    """The control that was moved last, for people to see."""

    port: str
    control: str
    addr: str
    value: Value | None


@dataclass(frozen=True, slots=True)
class _Held:
    """A note that is down: the part it sounds on, its pitch and its id."""

    part: int
    pitch: int
    note_id: int


class Player:
    """Turns messages into actions. `values`: present values by address. Thread: one at a time.

    Each note gets an id made of port, channel and pitch, so that its pressure, or its bend in MPE, reaches it
    alone.
    """

    def __init__(
        self,
        name: str,
        index: int,
        midi_map: MidiMap,
        values: ValuesByAddress[str, Value],
        takeover: Takeover,
    ) -> None:
        self.name = name
        self.touched: Touch | None = None
        self.moved: list[tuple[Bound, MidiMessage]] = []
        """Controls that moved and their messages, for the feedback to take out."""
        self._index = index
        self._map = midi_map
        self._values = values
        self._takeover = takeover
        self._pairs = Pairs(self._is_fine, self._is_plain)
        self._zones = Zones()
        self._held: dict[tuple[int, int], _Held] = {}
        self._pedals: set[str] = set()
        self._banks: dict[int, int] = {}
        self._last = PARTS[0]

    def use(self, midi_map: MidiMap) -> None:
        """Go on with another map; what is held stays held."""
        self._map = midi_map

    def play(self, message: MidiMessage, now: float) -> list[Action] | None:
        """What a message does: actions that take effect together; None if nothing is mapped to it."""
        whole = self._pairs.take(message, now)
        if not whole:
            return []
        found = [self._act(m) for m in whole]
        if all(actions is None for actions in found):
            return None
        return [action for actions in found if actions is not None for action in actions]

    def due(self, now: float) -> list[Action]:
        """What controllers do whose low bits did not come in time."""
        return [action for m in self._pairs.due(now) for action in self._act(m) or ()]

    @property
    def waiting(self) -> bool:
        """Whether `due` will have something to do."""
        return self._pairs.waiting

    def release_all(self) -> list[Action]:
        """Let go of everything that the port holds: notes, pedals, zones."""
        actions = [_off(held) for held in self._held.values()]
        actions += [(addr, (0,)) for addr in sorted(self._pedals)]
        self._held.clear()
        self._pedals.clear()
        self._zones = Zones()
        return actions

    def _is_fine(self, channel: int, controller: int) -> bool:
        return self._map.is_fine(self._zone_channel(channel), controller)

    def _is_plain(self, channel: int, controller: int) -> bool:
        return self._map.is_plain(self._zone_channel(channel), controller)

    def _zone_channel(self, channel: int) -> int:
        """The channel whose rows a message is looked up in: a zone's master stands for its part."""
        zone = self._zones.of_master(channel) if self._zones.active else None
        return zone.part if zone is not None else channel

    def _act(self, message: MidiMessage) -> list[Action] | None:
        channel = message.channel
        if message.kind == "rpn" and message.number == RPN_MPE and channel in MASTERS:
            return self._announce(message)
        banks = message.kind == "control" and message.number in (_BANK, _BANK_LSB)
        if banks and not self._map.is_plain(channel, message.number):
            return self._bank(message)
        if message.kind == "note_off" and (channel, message.number) in self._held:
            return self._release(channel, message.number)
        zone = self._zones.of_member(channel) if self._zones.active else None
        if zone is not None:
            return self._member(zone, message)
        if message.kind == "note_off":
            pad = self._map.exact("note_on", channel, message.number)
            if pad is not None:
                return [] if pad.scale is None else self._carry_out(pad, message)
        bound = self._map.find(message.kind, self._zone_channel(channel), message.number)
        return None if bound is None else self._carry_out(bound, message)

    def _carry_out(self, bound: Bound, message: MidiMessage) -> list[Action]:
        target = bound.targets.get(self._last, bound.target)
        if bound.scale is not None:
            return self._turn(bound, target, message)
        row, form = bound.row, bound.row.form
        pressed = message.kind in ("note_on", "program") or message.value >= _PRESSED
        args: tuple[Value, ...] = row.args
        match form:
            case "note":
                return self._begin(target, message, row.args)
            case "release":
                args = (message.number, -1)
            case "velocity":
                if message.kind != "note_on" and not pressed:
                    return []
                args = (message.value / 127,)
                self._last = target.part or self._last
            case "number":
                args = (message.number,)
            case "index":
                args = (self._banks.get(message.channel, 0) * 128 + message.number + 1,)
            case "pressure":
                return self._press(target, message)
            case "fixed":
                if not pressed:
                    return []
            case _:
                args = ()
                if target.name in ("panic", "hush") and target.part is None:
                    self._held.clear()
                if message.kind == "control" and message.number == _RESET:
                    self._takeover.rearm()
                    return [(target.addr, ()), *self._pedal_up(message.channel)]
        if target.name not in _SETS_NOTHING:
            self._takeover.rearm()
        self._told(message, target.addr, args[0] if args else None)
        return [(target.addr, args)]

    def _turn(self, bound: Bound, target: Target, message: MidiMessage) -> list[Action]:
        """A parameter's control: where it goes, if it has hold of it."""
        row, scale = bound.row, bound.scale
        assert scale is not None
        self.moved.append((bound, message))
        control = (self.name, row.kind, message.channel, row.number)
        present = self._values.get(target.addr, DEFAULTS[target.addr])
        position: float | None
        if row.form == "semitones":
            return [(target.addr, (_semitones(message, present),))]
        if row.form == "bend":
            bend = message.value / (8191 if message.value > 0 else 8192)
            self._told(message, target.addr, bend)
            return [(target.addr, (bend,))]
        decode = _RELATIVE.get(row.mode)
        if row.mode == "toggle":
            if message.kind == "note_off" or (message.kind != "note_on" and message.value < _PRESSED):
                return []
            position = _next(target, self._takeover.present(target.addr, present, scale))
            position = self._takeover.absolute(control, target.addr, position, present, scale, "jump")
        elif message.bits == 0 or decode is not None:
            steps = message.value if message.bits == 0 or decode is None else decode(message.value)
            change = steps * (row.step or _step(target))
            margin = _step(target) / 2 if isinstance(present, str) else 0.0
            position = self._takeover.relative(control, target.addr, change, present, scale, margin)
        else:
            at = _position(message, target)
            position = self._takeover.absolute(control, target.addr, at, present, scale, row.takeover)
        if position is None:
            self._told(message, target.addr, None)
            return []
        value = scale.value(position)
        if target.name == "pedal":
            (self._pedals.add if value else self._pedals.discard)(target.addr)
        self._told(message, target.addr, value)
        return [(target.addr, (value,))]

    def _begin(self, target: Target, message: MidiMessage, args: tuple[Value, ...]) -> list[Action]:
        assert target.part is not None
        pitch = int(args[0]) if args else message.number
        return self._hold(target.part, pitch, message)

    def _hold(self, part: int, pitch: int, message: MidiMessage) -> list[Action]:
        note_id = _IDS | self._index % 256 << 11 | (message.channel - 1) << 7 | message.number
        self._held[message.channel, message.number] = _Held(part, pitch, note_id)
        self._last = part
        velocity = message.value / 127
        self._told(message, f"{ROOT}/part{part}/note", velocity)
        return [(f"{ROOT}/part{part}/note", (pitch, velocity, note_id))]

    def _release(self, channel: int, number: int) -> list[Action]:
        held = self._held.pop((channel, number))
        zone = self._zones.of_member(channel)
        if zone is not None:
            zone.members[channel].let_go(held.note_id)
        return [_off(held)]

    def _press(self, target: Target, message: MidiMessage) -> list[Action]:
        """Pressure of one note, or of a channel's (a zone's, if it is its master) notes."""
        pressure = message.value / 127
        zone = self._zones.of_master(message.channel) if self._zones.active else None
        channels = {message.channel, *(zone.members if zone is not None else ())}
        poly = message.kind == "poly_pressure"
        notes = [
            held
            for (channel, number), held in self._held.items()
            if channel in channels and (not poly or number == message.number)
        ]
        return [(f"{ROOT}/part{held.part}/expr/press", (held.note_id, pressure)) for held in notes]

    def _member(self, zone: Zone, message: MidiMessage) -> list[Action] | None:
        """A message on a member channel of a zone: about its one note."""
        member = zone.members[message.channel]
        kind = message.kind
        if kind == "note_on":
            actions = self._hold(zone.part, message.number, message)
            note_id = self._held[message.channel, message.number].note_id
            member.press_down(note_id)
            return [*actions, *_expressions(zone.part, [note_id], zone.opening(member))]
        if kind == "control" and message.number in _SILENCE:
            bound = self._map.find(kind, message.channel, message.number)
            return None if bound is None else self._carry_out(bound, message)
        if kind == "rpn" and message.number == RPN_BEND_RANGE:
            zone.bend_range = _semitones(message, zone.bend_range, high=96.0)
            return []
        told = zone.follow(member, message)
        if told is None:
            return None
        return _expressions(zone.part, member.ids, [told])

    def _announce(self, message: MidiMessage) -> list[Action]:
        if message.bits == 0:
            return []
        count = message.value >> 7 if message.bits == 14 else message.value
        ended = self._zones.announce(message.channel, count)
        return [
            action
            for channel, number in [key for key in self._held if key[0] in ended]
            for action in self._release(channel, number)
        ]

    def _bank(self, message: MidiMessage) -> list[Action]:
        bank = self._banks.get(message.channel, 0)
        if message.number == _BANK:
            bank = message.value << 7 | bank & 0x7F
        else:
            bank = bank & ~0x7F | message.value
        self._banks[message.channel] = bank
        self._takeover.rearm()
        return []

    def _pedal_up(self, channel: int) -> list[Action]:
        addr = f"{ROOT}/part{channel}/pedal"
        if addr not in self._pedals:
            return []
        self._pedals.discard(addr)
        return [(addr, (0,))]

    def _told(self, message: MidiMessage, addr: str, value: Value | None) -> None:
        self.touched = Touch(self.name, describe(message), addr, value)


def describe(message: MidiMessage) -> str:
    """A message's control in words, such as `cc 20 channel 1`."""
    words = {"control": "cc", "note_on": "note", "note_off": "note"}
    number = "" if message.kind in ("pitch_bend", "channel_pressure") else f" {message.number}"
    return f"{words.get(message.kind, message.kind.replace('_', ' '))}{number} channel {message.channel}"


def _position(message: MidiMessage, target: Target) -> float:
    """Where a control stands; half-way and above, a switch is on."""
    at = position_of(message)
    row = target.row
    if isinstance(row, Parameter) and row.kind == "i" and row.high - row.low == 1.0:
        return 1.0 if at >= 0.5 else 0.0
    return at


def _step(target: Target) -> float:
    """Share of the travel of one step of an endless control: one choice or whole number, else 1/127."""
    row = target.row
    assert isinstance(row, Parameter)
    if row.choices:
        return 1.0 / len(row.choices)
    if row.kind == "i" and row.high - row.low < 127:
        return 1.0 / (row.high - row.low)
    return 1.0 / 127


def _next(target: Target, position: float) -> float:
    """Where a button that steps through goes next: the next choice or whole number, or the other end."""
    row, step = target.row, _step(target)
    if isinstance(row, Parameter) and row.kind == "f":
        return 0.0 if position >= 0.5 else 1.0
    if position + step <= 1.0 + 1e-9:
        return position + step
    return step / 2 if isinstance(row, Parameter) and row.choices else 0.0


def _semitones(message: MidiMessage, present: Value, high: float = 24.0) -> float:
    """Data entry of RPN 0: semitones in the high bits, cents in the low ones; steps of one semitone."""
    if message.bits == 0:
        found = float(present) + message.value
    elif message.bits == 14:
        found = (message.value >> 7) + (message.value & 0x7F) / 100
    else:
        found = float(message.value)
    return min(max(found, 0.0), high)


def _off(held: _Held) -> Action:
    return f"{ROOT}/part{held.part}/off", (held.pitch, held.note_id)


def _expressions(part: int, ids: Sequence[int], told: Sequence[tuple[str, float]]) -> list[Action]:
    return [(f"{ROOT}/part{part}/expr/{name}", (note_id, value)) for note_id in ids for name, value in told]
