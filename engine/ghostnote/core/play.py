"""`/gn/play`: one note from names and values, which are its own and leave the part's knobs where they are.

The axes and the model are the part's, since a point of its own would have to be decoded first (of a note to
come they turn it that much earlier); so is `s`, where no part plays that sound alone: then the part is put on
it.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ghostnote.core.model_change import not_loaded
from ghostnote.state.table import AXES, NAMED_AXES, PARTS, ROOT, SLOTS, Value
from ghostnote.synth.envelope import CHOKE_S
from ghostnote.synth.pool import VoicePool
from ghostnote.synth.voice import Voice
from ghostnote.units import db_to_gain

if TYPE_CHECKING:
    from ghostnote.core.engine import Engine

MIDDLE_C = 60

LEAD_QUANTA = 8
"""So long, beside the decode delay, axes are turned before a note to come, so that it begins as it is."""

_AXES = frozenset((*AXES, *NAMED_AXES))
_TURN = _AXES | {"model"}
"""What turns the part, ahead of a note to come."""

_PART_NAMES = {f"part{number}": number for number in PARTS}


class Endings:
    """Notes that end at a time of their own. Thread: render. Realtime-safe: yes."""

    def __init__(self) -> None:
        self._times: list[int] = []

    def add(self, sample: int) -> None:
        """Some note ends at this sample (`Voice.ends_at`)."""
        heapq.heappush(self._times, sample)

    def step(self, pool: VoicePool, end: int) -> None:
        """Let the notes fade that end before sample `end`."""
        if not self._times or self._times[0] >= end:
            return
        while self._times and self._times[0] < end:
            heapq.heappop(self._times)
        for voice in pool.voices:
            if voice.ends_at is not None and voice.ends_at < end and not voice.ended:
                pool.end(voice, voice.ending_s)


def play(engine: Engine, given: Mapping[str, Value], at: int) -> None:
    """Begin a note as `given` says (names and checked values of the table's `play`)."""
    model = str(given["model"]) if "model" in given else None
    if model is not None and engine.models.get(model) is None:
        engine.telemetry.trouble("model_unknown", f"{ROOT}/play: {not_loaded(engine, model)}")
        return
    number = _part_for(engine, given, model)
    if number is None:
        return
    if model is not None and engine.values[_model_of(number)] != model:
        engine.set_value(_model_of(number), model)
    for axis in sorted(_AXES & given.keys()):
        addr = f"{ROOT}/part{number}/axis/{axis}"
        if engine.values[addr] != given[axis]:
            engine.set_value(addr, given[axis])
    velocity = _number(given, "velocity", 1.0)
    if velocity <= 0.0:
        return
    cut = int(_number(given, "cut", 0.0))
    for voice in engine.pool.voices if cut else ():
        if voice.cut == cut and not voice.ended:
            engine.pool.end(voice, CHOKE_S)
    pitch = _pitch(given)
    note = None if pitch is None else round(pitch)

    def own(voice: Voice) -> None:
        voice.semitones = 0.0 if pitch is None else pitch - MIDDLE_C
        voice.semitones += 12.0 * math.log2(_number(given, "speed", 1.0))
        voice.velocity *= db_to_gain(_number(given, "gain", 0.0))
        voice.cut = cut
        if "pan" in given:
            angle = (_number(given, "pan", 0.0) + 1.0) * math.pi / 4.0
            voice.balance = math.sqrt(2.0) * math.cos(angle), math.sqrt(2.0) * math.sin(angle)
        voice.rate = _number(given, "rate", 1.0)
        _place(engine, voice, given, at)

    voice = engine.hit(number, at, velocity, note, int(_number(given, "id", -1.0)), own)
    if voice.ends_at is not None:
        engine.endings.add(voice.ends_at)
    if "seed" in given:
        engine.stray(voice, int(_number(given, "seed", 0.0)))


def turning(args: tuple[Value, ...]) -> tuple[Value, ...]:
    """The part of a message that turns the part, without the note: for a note to come; empty if none does."""
    given = {str(name): value for name, value in zip(args[::2], args[1::2], strict=True)}
    if not _TURN & given.keys():
        return ()
    kept = {name: value for name, value in given.items() if name in _TURN or name in ("part", "s")}
    return tuple(item for pair in {**kept, "velocity": 0.0}.items() for item in pair)


def _number(given: Mapping[str, Value], name: str, default: float) -> float:
    return float(given.get(name, default))


def _pitch(given: Mapping[str, Value]) -> float | None:
    """MIDI pitch from `note`, or from `n` semitones above the middle; None for the part's own."""
    if "note" in given:
        return float(given["note"])
    return MIDDLE_C + float(given["n"]) if "n" in given else None


def _place(engine: Engine, voice: Voice, given: Mapping[str, Value], at: int) -> None:
    """Let a note begin and end where it says: after `sustain` with the part's release, or cut off where what
    it plays of the sound is over, whichever is first.

    From `begin` to `end`, or back; the time that takes is that of the part's rate as it is now.
    """
    part = engine.parts[voice.part]
    speed = voice.rate * (0.0 if part.value("freeze") else part.value("rate"))
    if part.value("reverse"):
        speed = -speed
    forwards = speed >= 0.0
    first, last = ("begin", "end") if forwards else ("end", "begin")
    sound = voice.sound
    audible = min(sound.audible_frames, sound.full_frames) / len(sound.magnitudes)
    default = {"begin": 0.0, "end": 1.0 if forwards else max(audible, _number(given, "begin", 0.0))}
    start, goal = (_number(given, name, default[name]) for name in (first, last))
    if first in given or (last in given and not forwards):
        voice.begin = start
    ends: list[tuple[float, float]] = []
    if "sustain" in given:
        ends.append((_number(given, "sustain", 0.0), part.value("release")))
    if last in given and speed and (goal - start) * speed >= 0.0:
        ends.append(((goal - start) * engine.spec.duration_s / speed, CHOKE_S))
    if ends:
        seconds, voice.ending_s = min(ends)
        voice.ends_at = at + round(seconds * engine.spec.sample_rate)


def _model_of(number: int) -> str:
    return f"{ROOT}/part{number}/model"


def _part_for(engine: Engine, given: Mapping[str, Value], model: str | None) -> int | None:
    """The part that is meant: by its name, or one that plays the sound; None for a sound that is nowhere."""
    asked = int(_number(given, "part", 1.0))
    name = str(given.get("s", ""))
    if not name:
        return asked
    if name in _PART_NAMES:
        return _PART_NAMES[name]
    loaded = engine.models.get(model or "") or engine.models.main
    held = {letter: loaded.slots.get(letter) for letter in SLOTS}
    origins = {letter: found.origin for letter, found in held.items() if found is not None}
    slots = [name] if name in SLOTS else [letter for letter in SLOTS if origins.get(letter) == name]
    if not slots:
        there = sorted({origin for origin in origins.values() if origin})
        known = ", ".join(["part1…part8", "a…h", *there])
        text = f"{ROOT}/play: no sound {name[:32]!r}; there are {known}"
        engine.refuse(f"{ROOT}/play", "not_found", text, "play_unknown_sound")
        return None
    alone = [number for number in PARTS if _alone(engine, number) in slots]
    if model is not None:
        alone = [number for number in alone if engine.values[_model_of(number)] == model] or alone
    if not alone:
        for slot in SLOTS:
            weight = 1.0 if slot == slots[0] else 0.0
            engine.set_value(f"{ROOT}/part{asked}/weight/{slot}", weight)
    return asked if not alone or asked in alone else alone[0]


def _alone(engine: Engine, number: int) -> str | None:
    """The only slot that a part weighs, if there is one."""
    weighed = [slot for slot in SLOTS if engine.parts[number].value(f"weight/{slot}") != 0.0]
    return weighed[0] if len(weighed) == 1 else None
