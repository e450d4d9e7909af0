"""The models that are loaded, each with slots of its own; parts play the main one or the one they chose."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ghostnote.core.decode_plan import DecodeTiming
from ghostnote.core.space import controls_of, likely_point
from ghostnote.decode.manifest import Manifest
from ghostnote.decode.model import Model
from ghostnote.latent.noise import slot_draw
from ghostnote.latent.slots import Slot, SlotBank
from ghostnote.state.table import SLOTS

Float32 = NDArray[np.float32]

MAX_MODELS = 8
"""So many may be loaded at once."""

START_SLOTS = ("kick", "snare", "hihat_closed", "hihat_open", "tom_low", "tom_high", "clap", "rim")
"""Classes whose prototypes fill the slots a…h at the start, where a model has them."""

_RANDOM = "random "
_numbers = itertools.count(1)


def random_origin(draw: int) -> str:
    """How a slot that holds a random draw says where its point came from."""
    return f"{_RANDOM}{draw}"


class Loaded:
    """A model and what parts need of it. Thread: render writes its slots, others may read them.

    `number` tells it from every other one, also from another version of the same name.
    """

    def __init__(self, model: Model, timing: DecodeTiming) -> None:
        manifest = model.manifest
        self.model = model
        self.timing = timing
        self.number = next(_numbers)
        self.name = manifest.name
        self.axes = controls_of(manifest)
        self.rest = np.asarray(manifest.latent_mean, dtype=np.float32)
        self.slots = SlotBank(SLOTS, manifest.latent_size)
        for slot, name in zip(SLOTS, START_SLOTS, strict=True):
            if (z := self.typical(name)) is not None:
                self.slots.put(slot, z, name)

    @property
    def manifest(self) -> Manifest:
        """What the bundle says of itself."""
        return self.model.manifest

    def drawn(self, draw: int, seed: int) -> Float32:
        """A random draw of a session's seed, shape (D,); each model has its own sound of it."""
        return likely_point(self.manifest, slot_draw(seed, draw, self.manifest.latent_size + 1))

    def typical(self, name: str) -> Float32 | None:
        """The prototype of a class, shape (D,); None if the model has none."""
        prototype = self.manifest.prototypes.get(name)
        return None if prototype is None else np.asarray(prototype, dtype=np.float32)

    def follow(self, other: Loaded, seed: int) -> None:
        """Fill slots as those of `other` were, where they hold draws or classes, which any model may have.

        What was emptied there is empty here too.
        """
        for name, start in zip(SLOTS, START_SLOTS, strict=True):
            slot = other.slots.get(name)
            if slot is None:
                if other.typical(start) is not None:
                    self.slots.clear(name)
                continue
            draw = slot.origin.removeprefix(_RANDOM)
            is_draw = draw != slot.origin and draw.isdecimal()
            z = self.drawn(int(draw), seed) if is_draw else self.typical(slot.origin)
            if z is not None:
                self.slots.put(name, z, slot.origin)


class Models:
    """All loaded models by name. Thread: render writes, others may read (the table is replaced whole)."""

    def __init__(self, main: Loaded) -> None:
        self.main = main
        self._loaded = {main.name: main}

    def __iter__(self) -> Iterator[Loaded]:
        """The main model, then the others in the order in which they were loaded."""
        main = self.main
        return iter([main, *(loaded for loaded in self._loaded.values() if loaded is not main)])

    def __len__(self) -> int:
        return len(self._loaded)

    def get(self, name: str) -> Loaded | None:
        """The model of a name, "" for the main one; None if it is not loaded."""
        return self._loaded.get(name) if name else self.main

    def put(self, loaded: Loaded) -> None:
        """Have a model, in the place of one of the same name."""
        replaced = self._loaded.get(loaded.name)
        self._loaded = {**self._loaded, loaded.name: loaded}
        if replaced is self.main:
            self.main = loaded

    def remove(self, name: str) -> None:
        """Have a model no longer; not the main one."""
        self._loaded = {key: loaded for key, loaded in self._loaded.items() if key != name}

    def names(self) -> tuple[str, ...]:
        """Names of all, the main one first."""
        return tuple(loaded.name for loaded in self)

    def timing(self) -> DecodeTiming:
        """Delay and spacing that do for the slowest."""
        every = [loaded.timing for loaded in self]
        return DecodeTiming(max(t.delay for t in every), max(t.spacing for t in every))

    def slot(self, name: str) -> dict[str, Slot | None]:
        """What a slot holds in each model, by the model's name."""
        return {loaded.name: loaded.slots.get(name) for loaded in self}

    def key(self, slot: str, loaded: Loaded | None = None) -> str:
        """What a model's slot (None: the main model's) is called where all models' slots are: `a/drums`."""
        return f"{slot}/{(loaded or self.main).name}"

    def place(self, key: str) -> tuple[Loaded, str] | None:
        """The model and the slot that a key means, the main model's if it is a letter alone; None if none."""
        slot, _, name = key.partition("/")
        loaded = self.get(name)
        return None if loaded is None or slot not in SLOTS else (loaded, slot)
