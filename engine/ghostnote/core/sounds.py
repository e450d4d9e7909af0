"""Which sound each part and each note has: points that moved are decoded, what comes back is given out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ghostnote.core.decode_plan import Key, Request
from ghostnote.core.part import Armed, Part, Take
from ghostnote.decode import detailed
from ghostnote.decode.decoder import DecoderModel
from ghostnote.decode.detailed import Detailed
from ghostnote.errors import GhostnoteError
from ghostnote.state.table import PARTS, ROOT
from ghostnote.synth.voice import Sound, Voice

if TYPE_CHECKING:
    from ghostnote.core.engine import Engine

Float32 = NDArray[np.float32]

CROSSFADE_S = 0.2
"""In which a sounding note goes over from the sound of one model to that of another."""
WAIT_S = 0.05
"""Until then a note's twin still has some of the old model's sound, in frames that were known ahead."""

_SEED = f"{ROOT}/seed"


class Sounds:
    """The sounds of an engine's parts and notes. Thread: render. Realtime-safe, but for `prime`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._textures = engine.textures
        self._moved = set(PARTS)

    def prime(self, decode: Callable[[Float32, Float32], Float32]) -> None:
        """Decode every part's next hit now, by `decode` where it is of the main model. Not realtime-safe."""
        engine = self._engine
        self._moved.clear()
        for part in engine.parts.values():
            loaded = engine.model_of(part)
            part.set_point(loaded.slots, loaded.axes, loaded.rest)
            take = self.take(part)
            z, texture = part.strayed(take.epsilon), self._textures.take(take.texture)
            by = decode if loaded is engine.models.main else loaded.model.decode
            try:
                magnitudes = detailed.decode(by, z, texture, part.detail, engine.spec)
                sound = Sound.of(magnitudes, texture, model=loaded.number, point=z)
            except GhostnoteError as error:
                engine.telemetry.trouble("prime_failed", f"part {part.number} has no sound yet: {error}")
                self._moved.add(part.number)
                continue
            part.armed = Armed(sound, take, part.version)

    def move(self, *numbers: int) -> None:
        """Compute parts' latent points anew before the next sound."""
        self._moved.update(numbers)

    def take(self, part: Part) -> Take:
        """The chance of a part's next hit."""
        return part.take(int(self._engine.values[_SEED]), self._textures.offsets)

    def follow(self) -> None:
        """Ask for the sounds of all points that moved."""
        if not self._moved:
            return
        moved, self._moved = self._moved, set()
        for number in sorted(moved):
            part = self._engine.parts[number]
            loaded = self._engine.model_of(part)
            part.set_point(loaded.slots, loaded.axes, loaded.rest)
            if part.variance > 0.0:
                for voice in self._engine.pool.voices:
                    if voice.part == number and not voice.ended:
                        self.ask_for(voice)
            self.ask_next(part)

    def ask_for(self, voice: Voice) -> None:
        """Ask for the sound of a note that sounds, which strays in its own way."""
        part = self._engine.parts[voice.part]
        z, texture = part.strayed(voice.epsilon), self._textures.take(voice.texture)
        self._ask(part, ("voice", voice.row), z, texture, voice)

    def ask_next(self, part: Part) -> None:
        """Ask for the sound of a part's next hit."""
        take = self.take(part)
        z, texture = part.strayed(take.epsilon), self._textures.take(take.texture)
        ticket = Armed(part.armed.sound, take, part.version)
        self._ask(part, ("part", part.number), z, texture, ticket)

    def deliver(self, request: Request, magnitudes: Float32) -> None:
        """Give a decoded sound to whom it was asked for."""
        ticket = request.ticket
        number = ticket.part if isinstance(ticket, Voice) else request.key[1]
        part = self._engine.parts[number]
        loaded = self._engine.model_of(part)
        if request.owner != loaded.number:
            return  # of the model that the part has left
        sound = Sound.of(magnitudes, request.texture, model=loaded.number, point=request.z)
        if isinstance(ticket, Voice):
            self._give(ticket.now, sound)
        elif isinstance(ticket, Armed):
            part.armed = Armed(sound, ticket.take, ticket.version)
            if ticket.take.epsilon is None:
                for voice in list(self._engine.pool.voices):
                    if voice.part == number:
                        self._give(voice, sound)

    def hold_waiting(self) -> None:
        """Let the notes that wait for the decoder hold their frame and fade."""
        engine = self._engine
        waiting = {n for n, part in engine.parts.items() if part.armed.version != part.version}
        for voice in engine.pool.voices:
            if voice.part in waiting:
                engine.pool.hold(voice)

    def _ask(self, part: Part, key: Key, z: Float32, texture: Float32, ticket: object) -> None:
        loaded = self._engine.model_of(part)
        model: DecoderModel = loaded.model
        if part.detail is not None:
            model = Detailed(model, part.detail, self._engine.spec)
        self._engine.plan.ask(Request(key, z, texture, ticket, model, loaded.number))

    def _give(self, voice: Voice, sound: Sound) -> None:
        """Let a note go on with another sound, across to it where that is one of another model."""
        if voice.ended:
            return
        pool = self._engine.pool
        if voice.sound.model == sound.model:
            pool.replace(voice, sound)
            return
        heir = pool.crossfade(voice, sound, CROSSFADE_S, WAIT_S)
        if heir is not voice:
            voice.heir = heir
