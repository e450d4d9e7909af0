"""The scene that plays, and the slots' points on their way to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.detail import Blend
from ghostnote.scenes.scene import Point

Float32 = NDArray[np.float32]

SLOT_QUANTA = 16
"""Points move so often (23 ms): eight parts that are decoded in turns need not be told sooner."""


@dataclass(frozen=True)
class _Path:
    start: Float32
    goal: Float32 | None
    origin: str
    details: tuple[Blend | None, Blend | None]
    began: int
    quanta: int


class Morph:
    """Slots that move linearly through latent space, and how far the recall is. Thread: render.

    `step` is called once a quantum. What becomes empty stays until the end, so that the parts that weigh it
    have time to leave it.
    """

    def __init__(self) -> None:
        self.scene = ""
        """Name of the scene that was recalled or stored last."""
        self._paths: dict[str, _Path] = {}
        self._began = 0
        self._quanta = 0
        self._now = 0

    def begin(self, scene: str, quanta: int) -> None:
        """A recall of `scene` begins, and takes `quanta`."""
        self.scene = scene
        self._began, self._quanta = self._now, quanta

    def go(
        self,
        slot: str,
        start: Float32,
        goal: Point | None,
        quanta: int,
        details: tuple[Blend | None, Blend | None] = (None, None),
    ) -> None:
        """Move a filled slot from `start`, shape (D,), to `goal` in `quanta` steps; `details` are of both."""
        z = None if goal is None else np.array(goal.z, dtype=np.float32)
        origin = "" if goal is None else goal.origin
        self._paths[slot] = _Path(start, z, origin, details, self._now, max(1, quanta))

    def stop(self, slot: str) -> None:
        """Let a slot stay where it is."""
        self._paths.pop(slot, None)

    def forget(self, model: str) -> None:
        """Let a model's slots be, since they are there no more."""
        for key in list(self._paths):
            if key.partition("/")[2] == model:
                del self._paths[key]

    def goals(self) -> dict[str, tuple[Float32, str] | None]:
        """Where the slots that move are going. Thread: any."""
        return {s: None if p.goal is None else (p.goal, p.origin) for s, p in dict(self._paths).items()}

    @property
    def fading(self) -> float:
        """How much of the recall is still to come: 1 at its beginning, 0 when it is over. Thread: any."""
        quanta = self._quanta
        return max(0.0, 1.0 - (self._now - self._began) / quanta) if quanta else 0.0

    def step(self) -> list[tuple[str, Float32 | None, str, Blend | None]]:
        """Slots that move in this quantum, their points (None: empty from now on), origins and details."""
        self._now += 1
        moved: list[tuple[str, Float32 | None, str, Blend | None]] = []
        for slot, path in list(self._paths.items()):
            done = self._now - path.began
            if done >= path.quanta:
                del self._paths[slot]
                moved.append((slot, path.goal, path.origin, path.details[1]))
            elif path.goal is not None and done % SLOT_QUANTA == 0:
                t = np.float32(done / path.quanta)
                start, goal = path.details
                detail = Blend.joined(((start, 1.0 - done / path.quanta), (goal, done / path.quanta)))
                moved.append((slot, path.start + (path.goal - path.start) * t, path.origin, detail))
        return moved
