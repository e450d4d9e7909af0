"""MPE zones: channels that each carry one note with a bend, a pressure and a timbre of its own.

After the MIDI Polyphonic Expression specification 1.0 (MIDI Association, 2018): a zone is announced by RPN 6
on its master channel, the number of its member channels in the data.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ghostnote.control.midi_decode import MidiMessage
from ghostnote.control.midi_values import knob_position
from ghostnote.state.table import PARTS

MASTERS = (1, 16)
MEMBER_BEND = 48.0
_TIMBRE = 74


@dataclass(slots=True)
class Member:
    """What one member channel was told last; `ids`: the notes it is about, with the one released last."""

    bend: float = 0.0
    press: float = 0.0
    timbre: float = 0.5
    ids: list[int] = field(default_factory=list)
    held: set[int] = field(default_factory=set)

    def press_down(self, note_id: int) -> None:
        """A note begins: from now on the channel is about it, and no longer about those released."""
        self.ids = [i for i in self.ids if i in self.held and i != note_id] + [note_id]
        self.held.add(note_id)

    def let_go(self, note_id: int) -> None:
        """A note ends; its tail still follows the channel until the next one."""
        self.held.discard(note_id)


@dataclass(slots=True)
class Zone:
    """One zone: its part and its member channels."""

    part: int
    members: dict[int, Member]
    bend_range: float = MEMBER_BEND

    def opening(self, member: Member) -> list[tuple[str, float]]:
        """What a new note of a member channel is told: all that is not neutral."""
        told = [("bend", member.bend * self.bend_range, 0.0), ("press", member.press, 0.0)]
        told.append(("timbre", member.timbre, 0.5))
        return [(name, value) for name, value, neutral in told if value != neutral]

    def follow(self, member: Member, message: MidiMessage) -> tuple[str, float] | None:
        """What a message of a member channel tells its notes, or None. Bend in semitones, the others 0…1."""
        if message.kind == "pitch_bend":
            member.bend = message.value / (8191 if message.value > 0 else 8192)
            return "bend", member.bend * self.bend_range
        if message.kind in ("channel_pressure", "poly_pressure"):
            member.press = message.value / 127
            return "press", member.press
        if message.kind == "control" and message.number == _TIMBRE:
            member.timbre = knob_position(message.value, message.bits)
            return "timbre", member.timbre
        return None


class Zones:
    """The zones of one port: the lower one (master 1) plays the first part, the upper one (16) the last."""

    def __init__(self) -> None:
        self._zones: dict[int, Zone] = {}

    @property
    def active(self) -> bool:
        """Whether a zone was announced."""
        return bool(self._zones)

    def announce(self, master: int, count: int) -> set[int]:
        """Set a zone's number of members, 0…15 (0: no zone); the channels whose notes end by that.

        A zone that takes channels of the other one makes that one smaller, as the specification says.
        """
        before = {channel for zone in self._zones.values() for channel in zone.members}
        count = min(max(count, 0), 15)
        lower = master == MASTERS[0]
        wanted = set(range(2, 2 + count)) if lower else set(range(16 - count, 16))
        ended = before & (wanted | set(self._members(master)))
        self._zones.pop(master, None)
        other = MASTERS[1] if lower else MASTERS[0]
        if other in self._zones:
            left = self._zones[other]
            left.members = {c: m for c, m in left.members.items() if c not in wanted and c != master}
            if not left.members or other in wanted:
                del self._zones[other]
        if count:
            part = PARTS[0] if lower else PARTS[-1]
            self._zones[master] = Zone(part, {channel: Member() for channel in sorted(wanted)})
        return ended | (before - {c for zone in self._zones.values() for c in zone.members})

    def of_member(self, channel: int) -> Zone | None:
        """The zone of which a channel is a member."""
        return next((zone for zone in self._zones.values() if channel in zone.members), None)

    def of_master(self, channel: int) -> Zone | None:
        """The zone of which a channel is the master."""
        return self._zones.get(channel)

    def _members(self, master: int) -> tuple[int, ...]:
        zone = self._zones.get(master)
        return tuple(zone.members) if zone is not None else ()
