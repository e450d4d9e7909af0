"""The instrument as a function of time: events in, quanta of stereo sound out, at the model's rate.

Nothing here knows about devices, threads, clocks or files, so that playing and rendering are the same code.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ghostnote.core.actions import ACTIONS, starts_note
from ghostnote.core.decode_plan import DecodePlan, Request
from ghostnote.core.part import LATENT_NAMES, LEVEL_NAMES, Armed, Part, Take
from ghostnote.core.space import axes_of
from ghostnote.decode.model import Model
from ghostnote.decode.worker import Decoder
from ghostnote.errors import GhostnoteError, MessageError
from ghostnote.latent.slots import SlotBank
from ghostnote.state.registry import DEFAULTS, TARGETS, Target
from ghostnote.state.table import AXES, PARTS, ROOT, SLOTS, Parameter, Value
from ghostnote.synth.envelope import CHOKE_S
from ghostnote.synth.phase import Mode
from ghostnote.synth.pool import VoicePool
from ghostnote.synth.texture import TextureBank
from ghostnote.synth.voice import Sound, Voice
from ghostnote.telemetry import Telemetry
from ghostnote.units import db_to_gain

Float32 = NDArray[np.float32]

QUANTUM = 64
"""Samples between two moments at which parameters may change (1.45 ms at 44.1 kHz)."""

DECODE_SPACING = 2
"""Least quanta from one decode to the next; more where a decode takes longer, so that the worker keeps up."""

START_SLOTS = ("kick", "snare", "hihat_closed", "hihat_open", "tom_low", "tom_high", "clap", "rim")
"""Classes whose prototypes fill the slots a…h at the start, where a model has them."""

MIDDLE_C = 60

OTHER_GEOMETRY = "its sample rate or frames are not those that play now; start the instrument with --model"

_TEXTURE_SEED = 20
_MAX_PENDING = 16384


@dataclass(frozen=True)
class Applied:
    """What took effect, and when: a line of the control log."""

    at: int
    addr: str
    args: tuple[Value, ...]


class Engine:
    """State, latent points, voices and their mix. Thread: render; `values` may be read by others."""

    def __init__(
        self,
        model: Model,
        decoder: Decoder,
        *,
        decode_delay: int,
        decode_spacing: int = DECODE_SPACING,
        polyphony: int = 16,
        telemetry: Telemetry | None = None,
        applied: Callable[[Applied], None] | None = None,
        load_model: Callable[[str], tuple[Model, Decoder]] | None = None,
    ) -> None:
        self.telemetry = telemetry or Telemetry()
        self.spec = model.spec
        self.now = 0
        self.values: dict[str, Value] = dict(DEFAULTS)
        self.draws = 0
        self.pool = VoicePool(self.spec, polyphony, QUANTUM, self.telemetry)
        self._decode_delay = decode_delay
        self._decode_spacing = decode_spacing
        self._applied = applied
        self._load_model = load_model
        self._events: list[tuple[int, int, Target, tuple[Value, ...]]] = []
        self._script: Iterator[tuple[int, Target, tuple[Value, ...]]] = iter(())
        self._next: tuple[int, Target, tuple[Value, ...]] | None = None
        self.retired: deque[Decoder] = deque()
        self._order = itertools.count()
        self._textures = TextureBank(self.spec, seed=_TEXTURE_SEED)
        self._out = np.zeros((QUANTUM, 2), dtype=np.float32)
        self.parts = {n: Part(n, Sound.silent(self.spec)) for n in PARTS}
        self._moved: set[int] = set()
        self._levels = np.zeros((2, len(PARTS) + 1), dtype=np.float32)
        self._level_goals = np.zeros_like(self._levels)
        self._semitones = np.zeros(len(PARTS) + 1, dtype=np.float32)
        self._level_pace = np.float32(
            1.0 - math.exp(-QUANTUM / (self.spec.sample_rate * _smoothing_s("gain")))
        )
        self.master_gain = 1.0
        self.panics = 0
        self.use_model(model, decoder)
        self._follow_levels(PARTS)
        self._levels[:] = self._level_goals

    def use_model(self, model: Model, decoder: Decoder) -> None:
        """Play new notes from `model`; sounding notes end as they are. Slots go to the model's prototypes."""
        manifest = model.manifest
        self.model = model
        self.axes = axes_of(manifest, len(AXES))
        self.rest = np.asarray(manifest.latent_mean, dtype=np.float32)
        self.plan = DecodePlan(decoder, self._decode_delay, self._decode_spacing, self.telemetry)
        self.slots = SlotBank(SLOTS, manifest.latent_size)
        for slot, name in zip(SLOTS, START_SLOTS, strict=True):
            if name in manifest.prototypes:
                self.slots.put(slot, np.asarray(manifest.prototypes[name], dtype=np.float32), name)
        for voice in self.pool.voices:
            voice.fixed = True
        for part in self.parts.values():
            # Noise of the old model's size does not fit points of the new one.
            part.armed = Armed(part.armed.sound, Take(None, part.armed.take.texture), -1)
        self._moved.update(PARTS)

    def prime(self, decode: Callable[[Float32, Float32], Float32]) -> None:
        """Decode every part's next hit now, so that the first one is not late. Not realtime-safe."""
        self._moved.clear()
        self._levels[:] = self._level_goals
        for part in self.parts.values():
            part.set_point(self.values, self.slots, self.axes, self.rest)
            take = self._take(part)
            z = part.strayed(take.epsilon, self._variance(part))
            try:
                sound = Sound.of(decode(z, self._textures.take(take.texture)))
            except GhostnoteError as error:
                self.telemetry.trouble("prime_failed", f"part {part.number} has no sound yet: {error}")
                self._moved.add(part.number)
                continue
            part.armed = Armed(sound, take, part.version)

    def schedule(self, at: int, target: Target, args: tuple[Value, ...]) -> bool:
        """Let a checked message take effect at sample `at`, or as soon as it can; False if too many wait."""
        if len(self._events) >= _MAX_PENDING:
            self.telemetry.count("events_dropped")
            return False
        heapq.heappush(self._events, (max(at, self.now), next(self._order), target, args))
        return True

    def follow(self, script: Iterable[tuple[int, Target, tuple[Value, ...]]]) -> None:
        """Let a log's events (sample, target, checked arguments; in order of time) take effect.

        They took effect once, so that none of them is too many and no panic forgets those after it.
        """
        self._script = iter(script)
        self._next = next(self._script, None)

    def apply(self, target: Target, args: tuple[Value, ...]) -> None:
        """Let a checked message take effect at once, before `prime`."""
        self._apply(self.now, target, args)

    def cancel_notes(self) -> None:
        """Forget the hits and notes that have been scheduled and have not begun."""
        self._events[:] = [e for e in self._events if not starts_note(e[2], e[3])]
        heapq.heapify(self._events)

    def render_quantum(self) -> Float32:
        """The next `QUANTUM` samples, shape (QUANTUM, 2); the array is used again by the next call."""
        end = self.now + QUANTUM
        while self._next is not None and self._next[0] < end:
            at, target, args = self._next
            self._next = next(self._script, None)
            self._apply(max(at, self.now), target, args)
        while self._events and self._events[0][0] < end:
            at, _, target, args = heapq.heappop(self._events)
            self._apply(max(at, self.now), target, args)
        self._follow_points()
        for request, magnitudes in self.plan.step(self.now // QUANTUM):
            self._deliver(request, Sound.of(magnitudes))
        if self.plan.stalled:
            self._hold_waiting()
        self._levels += (self._level_goals - self._levels) * self._level_pace
        self.pool.render(self._levels, self._semitones, self._out)
        self.now = end
        return self._out

    @property
    def idle(self) -> bool:
        """Whether nothing sounds, waits or is being decoded."""
        waiting = bool(self._events) or self._next is not None
        return not self.pool.voices and not waiting and self.plan.idle

    def hit(self, number: int, at: int, velocity: float, note: int | None = None, note_id: int = -1) -> None:
        """Begin a note of a part with the sound that was decoded ahead, and ask for the next one."""
        part, values = self.parts[number], self.values
        armed = part.armed
        self._choke(part)

        def make(row: int) -> Voice:
            return Voice(
                row=row,
                part=number,
                sound=armed.sound,
                mode=cast(Mode, values[f"{ROOT}/synth/mode"]),
                velocity=velocity * velocity,
                born=at,
                note=note,
                note_id=note_id,
                semitones=0.0 if note is None else float(note - MIDDLE_C),
                epsilon=armed.take.epsilon,
                texture=armed.take.texture,
                delay=max(0, at - self.now),
            )

        voice = self.pool.start(make, part.value(values, "attack"), int(values[f"{ROOT}/synth/voices"]))
        part.hits += 1
        if self._variance(part) > 0.0:
            if armed.version != part.version:
                self._ask_voice(part, voice)
            self._ask_part(part)

    def set_value(self, addr: str, value: Value) -> None:
        """Set a parameter now, as a message would; the value must be fit (`registry.check`)."""
        self.values[addr] = value
        self._parameter_changed(TARGETS[addr])

    def fill_slot(self, name: str, z: Float32, origin: str) -> None:
        """Remember a point; a point that does not fit the model is reported and changes nothing."""
        try:
            self.slots.put(name, z, origin)
        except MessageError as error:
            self.telemetry.trouble("slot_refused", str(error))
            return
        self.move_all()

    def swap_model(self, name: str) -> None:
        """Change to a model loaded aside; a bad one is reported and the present one plays on."""
        if self._load_model is None:
            return
        try:
            model, decoder = self._load_model(name)
        except GhostnoteError as error:
            self.telemetry.trouble("model_refused", str(error))
            return
        if model.spec != self.spec:
            self.telemetry.trouble("model_refused", f"model {name}: {OTHER_GEOMETRY}")
            self.retired.append(decoder)
            return
        self.retired.append(self.plan.decoder)
        self.use_model(model, decoder)

    def move_all(self) -> None:
        """Compute all parts' latent points anew before the next sound."""
        self._moved.update(PARTS)

    def _apply(self, at: int, target: Target, args: tuple[Value, ...]) -> None:
        if isinstance(target.row, Parameter):
            self.set_value(target.addr, args[0])
        else:
            args = ACTIONS[target.name](self, target, args, at) or args
        if self._applied is not None:
            self._applied(Applied(at, target.addr, args))

    def _parameter_changed(self, target: Target) -> None:
        if target.part is not None:
            if target.name in LATENT_NAMES:
                self._moved.add(target.part)
            elif target.name in LEVEL_NAMES:
                self._follow_levels((target.part,))
        elif target.name.startswith("master/"):
            muted = bool(self.values[f"{ROOT}/master/mute"])
            self.master_gain = 0.0 if muted else db_to_gain(float(self.values[f"{ROOT}/master/gain"]))
        elif target.name == "seed":
            self.draws = 0
            for part in self.parts.values():
                part.hits = 0
            self._moved.update(PARTS)

    def _follow_levels(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            part = self.parts[number]
            self._level_goals[:, number] = part.level(self.values)
            self._semitones[number] = part.semitones(self.values)

    def _follow_points(self) -> None:
        moved, self._moved = self._moved, set()
        for number in sorted(moved):
            part = self.parts[number]
            part.set_point(self.values, self.slots, self.axes, self.rest)
            if self._variance(part) > 0.0:
                for voice in self.pool.voices:
                    if voice.part == number and not voice.ended and not voice.fixed:
                        self._ask_voice(part, voice)
            self._ask_part(part)

    def _ask_voice(self, part: Part, voice: Voice) -> None:
        z = part.strayed(voice.epsilon, self._variance(part))
        self.plan.ask(Request(("voice", voice.row), z, self._textures.take(voice.texture), voice))

    def _ask_part(self, part: Part) -> None:
        take = self._take(part)
        z = part.strayed(take.epsilon, self._variance(part))
        ticket = Armed(part.armed.sound, take, part.version)
        self.plan.ask(Request(("part", part.number), z, self._textures.take(take.texture), ticket))

    def _deliver(self, request: Request, sound: Sound) -> None:
        ticket = request.ticket
        if isinstance(ticket, Voice):
            if not ticket.ended and not ticket.fixed:
                self.pool.replace(ticket, sound)
        elif isinstance(ticket, Armed):
            part = self.parts[request.key[1]]
            part.armed = Armed(sound, ticket.take, ticket.version)
            if ticket.take.epsilon is None:
                for voice in self.pool.voices:
                    if voice.part == part.number and not voice.ended and not voice.fixed:
                        self.pool.replace(voice, sound)

    def _hold_waiting(self) -> None:
        waiting = {n for n, part in self.parts.items() if part.armed.version != part.version}
        for voice in self.pool.voices:
            if voice.part in waiting and not voice.fixed:
                self.pool.hold(voice)

    def _choke(self, part: Part) -> None:
        group = part.value(self.values, "choke")
        for voice in self.pool.voices if group else ():
            other = self.parts[voice.part]
            if other is not part and other.value(self.values, "choke") == group and not voice.ended:
                self.pool.end(voice, CHOKE_S)

    def _take(self, part: Part) -> Take:
        return part.take(int(self.values[f"{ROOT}/seed"]), self._variance(part), self._textures.offsets)

    def _variance(self, part: Part) -> float:
        return part.value(self.values, "variance")


def _smoothing_s(name: str) -> float:
    row = TARGETS[f"{ROOT}/part{PARTS[0]}/{name}"].row
    assert isinstance(row, Parameter)
    return row.smoothing_s
