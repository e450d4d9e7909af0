"""The instrument as a function of time: events in, quanta of stereo sound out, at the model's rate.

Nothing here knows about devices, threads, clocks or files, so that playing and rendering are the same code.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ghostnote.core import model_change, movement, notes
from ghostnote.core.actions import ACTIONS, UNLOGGED
from ghostnote.core.beat import Beat
from ghostnote.core.changes import Changes
from ghostnote.core.clock_actions import CLOCK_ACTIONS
from ghostnote.core.control_log import DECODE
from ghostnote.core.decode_plan import DecodePlan, DecodeTiming
from ghostnote.core.history import History
from ghostnote.core.levels import Levels, master_gain
from ghostnote.core.models import Loaded, Models
from ghostnote.core.morph import Morph
from ghostnote.core.part import LATENT_NAMES, LEVEL_NAMES, PITCH_NAMES, Part
from ghostnote.core.play import MIDDLE_C, Endings
from ghostnote.core.pulses import Pulses
from ghostnote.core.ramps import Ramps
from ghostnote.core.scene_actions import SCENE_ACTIONS, SOURCE
from ghostnote.core.sounds import Sounds
from ghostnote.core.timeline import Script, Timeline
from ghostnote.decode.model import Model
from ghostnote.decode.worker import Decoder
from ghostnote.features.detail import Blend
from ghostnote.latent.noise import hit_noise
from ghostnote.latent.slots import SlotBank
from ghostnote.state.registry import DEFAULTS, TARGETS, Target
from ghostnote.state.table import PARTS, ROOT, Parameter, Value
from ghostnote.synth.phase import Mode
from ghostnote.synth.texture import TextureBank
from ghostnote.synth.voice import Sound, Voice
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]

QUANTUM = 64
"""Samples between two moments at which parameters may change (1.45 ms at 44.1 kHz)."""

DECODE_SPACING = 2
"""Least quanta from one decode to the next; more where a decode takes longer, so that the worker keeps up."""


VIA = "via "
"""Stands before the author of a command in what the command changes."""

_ACTIONS = {**ACTIONS, **CLOCK_ACTIONS, **SCENE_ACTIONS}
_PARAMETERS = {addr: (t.part, t.name) for addr, t in TARGETS.items() if isinstance(t.row, Parameter)}
_TEXTURE_SEED = 20
_MODE, _VOICES = f"{ROOT}/synth/mode", f"{ROOT}/synth/voices"


def author_of(target: Target, source: str) -> str:
    """Who changes what a message of `source` changes: it knows what it set itself, and what a command of its
    makes of other values it must be told as everyone.
    """
    if not source or isinstance(target.row, Parameter) or target.name == "slot/z":
        return source
    return f"{VIA}{source}"


def can_apply(target: Target) -> bool:
    """Whether an engine alone can do it; what concerns disks, devices and libraries is done around it."""
    return isinstance(target.row, Parameter) or target.name in _ACTIONS


@dataclass(frozen=True)
class Applied:
    """What took effect, when, and who made it: a line of the control log."""

    at: int
    addr: str
    args: tuple[Value, ...]
    source: str = ""


class Engine:
    """State, latent points, voices and their mix. Thread: render; `values` may be read by others.

    `changes` tells its readers which values changed, and by whom.
    """

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
        load_model: Callable[[str], Model] | None = None,
        embed: Callable[[str, Model], tuple[str, Float32, Blend]] | None = None,
    ) -> None:
        """Play `model`. `load_model`: hands out a model that was loaded aside, or raises BundleError.

        `embed`: offline only, the origin, the latent point and the detail of a sound file.
        """
        self.telemetry = telemetry or Telemetry()
        self.spec = model.spec
        self.quantum = QUANTUM
        self.now = 0
        self.values: dict[str, Value] = dict(DEFAULTS)
        self.changes = Changes()
        self.author = ""
        self.ramps, self.morph, self.history = Ramps(), Morph(), History(self.spec.sample_rate)
        self.beat, self.pulses = Beat(self.spec.sample_rate), Pulses(self.spec.sample_rate)
        self.errand: Callable[[Target, tuple[Value, ...]], None] = lambda target, args: None
        """Called with a slow command that undo or redo need done. Thread: render; must not wait."""
        self.refused: Callable[[str, str, str, str], None] = lambda *refusal: None
        """Called with the author of what cannot be done, its address, a code and a text. Thread: as above."""
        self.endings = Endings()
        self.draws = 0
        self.textures = TextureBank(self.spec, seed=_TEXTURE_SEED)
        self.pool = notes.new_pool(self.spec, polyphony, QUANTUM, self.telemetry, self.textures)
        self.first_timing = DecodeTiming(decode_delay, decode_spacing)
        self.models = Models(Loaded(model, self.first_timing))
        self.plan = DecodePlan(decoder, decode_delay, decode_spacing, self.telemetry, self._tell_decode)
        self._applied = applied
        self.load_model = load_model
        self.embed = embed
        self._timeline = Timeline(self.beat)
        self._at: int | None = None
        self.retired: deque[tuple[int, Model]] = deque()
        """Models that were let go of, and when; to be forgotten on another thread, since that takes long."""
        self._out = np.zeros((QUANTUM, 2), dtype=np.float32)
        self.parts = {n: Part(n, Sound.silent(self.spec)) for n in PARTS}
        self.sounds = Sounds(self)
        self._levels = Levels(QUANTUM, self.spec.sample_rate)
        self.master_gain = 1.0
        self.panics = 0
        for part in self.parts.values():
            part.plays = self.models.main.number
            self._levels.follow(part)
            self._levels.tune(part)
            notes.follow_all(self, part)
        self._levels.jump()

    @property
    def model(self) -> Model:
        """The main model."""
        return self.models.main.model

    @property
    def slots(self) -> SlotBank:
        """The main model's slots."""
        return self.models.main.slots

    def model_of(self, part: Part) -> Loaded:
        """The model that a part plays."""
        return self.models.get(part.word("model")) or self.models.main

    def prime(self, decode: Callable[[Float32, Float32], Float32]) -> None:
        """Decode every part's next hit now, so that the first one is not late. Not realtime-safe.

        `decode` is that of the main model.
        """
        self._levels.jump()
        self.sounds.prime(decode)

    def schedule(self, at: int, target: Target, args: tuple[Value, ...], source: str = "") -> bool:
        """Let a checked message take effect at sample `at`, or as soon as it can; False if too many wait.

        `source` is its author, such as `osc:127.0.0.1:5000`.
        """
        if not self._timeline.schedule(max(at, self.now), target, args, source):
            self.telemetry.trouble("events_dropped", "too many messages for later times: new ones are lost")
            return False
        return True

    def follow(self, script: Script, played: bool = False) -> None:
        """Let a log's events (sample, target, checked arguments; in order of time) take effect.

        They took effect once, so that none of them is too many and no panic forgets those after it. `played`:
        by an instrument and not by hand, so that none waits for the beat's grid.
        """
        self._timeline.follow(script, played)

    def apply(self, target: Target, args: tuple[Value, ...]) -> None:
        """Let a checked message take effect at once and without a glide, before `prime`."""
        self._apply(self.now, target, args)
        for addr, goal in self.ramps.goals().items():
            self.set_value(addr, goal)

    def cancel_notes(self) -> None:
        """Forget the hits and notes that have been scheduled and have not begun."""
        self._timeline.cancel_notes()

    def cancel_waiting(self, part: int | None) -> None:
        """Forget the notes (of a part, if one is given) that wait for the beat's grid."""
        self._timeline.cancel_waiting(part)

    def render_quantum(self) -> Float32:
        """The next `QUANTUM` samples, shape (QUANTUM, 2); the array is used again by the next call."""
        end = self.now + QUANTUM
        movement.advance(self)
        for at, target, args, source in self._timeline.due(self.now, end):
            self._apply(at, target, args, source)
        movement.beat(self, end)
        self.endings.step(self.pool, end)
        self.sounds.follow()
        for request, magnitudes in self.plan.step(self.now // QUANTUM):
            self.sounds.deliver(request, magnitudes)
        if self.plan.stalled:
            self.sounds.hold_waiting()
        self._levels.step()
        self.pool.render(self._levels.gains, self._levels.semitones, self._out)
        self.now = end
        return self._out

    @property
    def idle(self) -> bool:
        """Whether nothing sounds, waits or is being decoded."""
        return not self.pool.voices and self._timeline.idle and self.plan.idle

    def hit(
        self,
        number: int,
        at: int,
        velocity: float,
        note: int | None = None,
        note_id: int = -1,
        own: Callable[[Voice], None] = lambda voice: None,
    ) -> Voice:
        """Begin a note of a part, as `own` alters it, with the sound decoded ahead, and ask for the next."""
        part, values = self.parts[number], self.values
        armed = part.armed
        notes.make_room(self, part, note)

        def make(row: int) -> Voice:
            voice = Voice(
                row=row,
                part=number,
                sound=armed.sound,
                mode=cast(Mode, values[_MODE]),
                velocity=velocity * velocity,
                born=at,
                note=note,
                note_id=note_id,
                semitones=0.0 if note is None else float(note - MIDDLE_C),
                epsilon=armed.take.epsilon,
                texture=armed.take.texture,
                chance=armed.take.chance,
                delay=max(0, at - self.now),
            )
            own(voice)
            return voice

        voice = notes.begin(self, part, make, int(values[_VOICES]))
        part.hits += 1
        if part.variance > 0.0:
            if armed.version != part.version:
                self.sounds.ask_for(voice)
            self.sounds.ask_next(part)
        return voice

    def stray(self, voice: Voice, seed: int) -> None:
        """Give a note the chance of a seed of its own; without variance it changes nothing."""
        part = self.parts[voice.part]
        if part.variance > 0.0:
            voice.chance = (seed, 0)
            voice.epsilon = hit_noise(seed, part.number, 0, len(part.point))
            self.sounds.ask_for(voice)

    def set_value(self, addr: str, value: Value, source: str = "") -> None:
        """Set a parameter now, as a message would; the value must be fit (`registry.check`).

        `source` is the author of the change, by default that of the message that is being applied.
        """
        if not model_change.may_be(self, addr, value):
            return
        self.ramps.stop(addr)
        self.put_value(addr, value, source or self.author)

    def put_value(self, addr: str, value: Value, source: str) -> None:
        """Let a parameter be at a value on its way."""
        before, self.values[addr] = self.values[addr], value
        self.changes.note(addr, source)
        number, name = _PARAMETERS[addr]
        if number is None:
            self._instrument_changed(name)
        else:
            self._part_changed(self.parts[number], name, value)
            if value and not before and name.startswith("axis/"):
                model_change.tell_lacking(self, self.parts[number])

    def fill_slot(
        self,
        name: str,
        z: Float32 | None,
        origin: str,
        loaded: Loaded | None = None,
        detail: Blend | None = None,
    ) -> None:
        """Remember a point, shape (D,), of a model (None: the main one), and its detail; no point: empty.

        A point that does not fit the model is reported and changes nothing.
        """
        movement.set_slot(self, self.models.key(name, loaded), z, origin, self._at, detail)

    def move_all(self) -> None:
        """Compute all parts' latent points anew before the next sound."""
        self.sounds.move(*PARTS)

    def perform(self, at: int, addr: str, *args: Value) -> None:
        """Carry out, and log, what a message that is not logged itself comes to."""
        self._apply(at, TARGETS[addr], args, SOURCE)

    def refuse(self, addr: str, code: str, text: str, key: str) -> None:
        """Report, as trouble `key`, what the message being applied asks for in vain; also to its author."""
        self.telemetry.trouble(key, text)
        if self.author:
            self.refused(self.author.removeprefix(VIA), addr, code, text)

    def _apply(self, at: int, target: Target, args: tuple[Value, ...], source: str = "") -> None:
        outer = self.author, self._at
        self.author, self._at = author_of(target, source), at
        try:
            if isinstance(target.row, Parameter):
                movement.change(self, target.addr, args[0], at)
            else:
                args = _ACTIONS[target.name](self, target, args, at) or args
        finally:
            self.author, self._at = outer
        if self._applied is not None and target.name not in UNLOGGED:
            self._applied(Applied(at, target.addr, args, source))

    def _tell_decode(self, word: str, number: int) -> None:
        """Log what became of a decode, where the timeline alone does not say it."""
        if self._applied is not None:
            self._applied(Applied(self.now, DECODE, (word, number)))

    def _part_changed(self, part: Part, name: str, value: Value) -> None:
        part.set(name, value)
        if name in LATENT_NAMES:
            if name != "detail" or self.model_of(part).slots.detailed:
                self.sounds.move(part.number)
        elif name in LEVEL_NAMES:
            if name == "solo":
                self._levels.follow_solos(self.parts.values())
            self._levels.follow(part)
        elif name in PITCH_NAMES:
            self._levels.tune(part)
        elif name == "model":
            model_change.follow(self, part)
        elif name in notes.NOTE_NAMES:
            notes.follow(self, part, name, value)

    def _instrument_changed(self, name: str) -> None:
        if name.startswith("master/"):
            self.master_gain = master_gain(self.values)
        elif name.startswith("clock/"):
            movement.follow_clock(self, name, self.now if self._at is None else self._at)
        elif name == "seed":
            self.draws = 0
            for part in self.parts.values():
                part.hits = 0
            self.sounds.move(*PARTS)
