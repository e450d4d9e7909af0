"""What a screen shows of the engine, a few times a second, as small plain values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ghostnote.audio.safety import Meters
from ghostnote.core.engine import Applied, Engine
from ghostnote.core.models import Loaded
from ghostnote.state.table import PARTS, ROOT, SLOTS, Value
from ghostnote.units import gain_to_db

SILENT_DB = -90.0
_SHOWN = (
    "master/gain",
    "master/mute",
    "master/dim",
    "synth/mode",
    "clock/tempo",
    "clock/source",
    "clock/running",
    "clock/quantum",
    "clock/quantise",
)
_SCENES, _LETTERS = 9, 24
"""So many scenes have a key, and so much of their names is shown."""


class View:
    """Looks at an engine from another thread; reads only, but for the meters, which it lets run.

    `output`: the level of what goes to the device; `scenes`: the names of all scenes, in their order.
    """

    def __init__(
        self,
        engine: Engine,
        output: Callable[[], Meters] = lambda: Meters(0.0, 0.0, 0.0),
        scenes: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._engine = engine
        self._output = output
        self._scenes = scenes
        engine.pool.measure()
        self._last: list[Value | list[Value]] = []

    def touched(self, applied: Applied) -> None:
        """Take note of what someone did, to show the last one. What nobody did does not count."""
        if applied.source:
            self._last = [applied.source, applied.addr, list(applied.args[:3])]

    def take(self) -> dict[str, Any]:
        """Parts: peak level since the last call in dB, notes, mute, solo, and weights that are not 0.

        `out`: level of the output and what the limiter takes away, in dB.
        """
        engine, meters = self._engine, self._output()
        values = engine.values
        voices = [voice.part for voice in list(engine.pool.voices) if not voice.ended]
        peaks = engine.pool.peaks()
        parts: list[dict[str, Any]] = []
        for number in PARTS:
            prefix = f"{ROOT}/part{number}/"
            weights = {slot: values[f"{prefix}weight/{slot}"] for slot in SLOTS}
            parts.append(
                {
                    "db": _db(float(peaks[number])),
                    "voices": voices.count(number),
                    "mute": values[f"{prefix}mute"],
                    "solo": values[f"{prefix}solo"],
                    "weights": {slot: round(float(weight), 2) for slot, weight in weights.items() if weight},
                }
            )
            model = engine.models.get(str(values[f"{prefix}model"]))
            if model is not None and model is not engine.models.main:
                parts[-1].update(model=model.name, slots=_origins(model))
        return {
            "parts": parts,
            "out": [_db(meters.peak), round(meters.reduction_db, 1)],
            "slots": _origins(engine.models.main),
            "values": {name: values[f"{ROOT}/{name}"] for name in _SHOWN},
            "scenes": [name[:_LETTERS] for name in self._scenes()[:_SCENES]],
            "scene": [engine.morph.scene, round(engine.morph.fading, 2)],
            "beat": round(engine.beat.position(engine.now), 2),
            "last": self._last,
        }


def _origins(model: Loaded) -> dict[str, str]:
    """What is in a model's slots, of those that hold something."""
    slots = {name: model.slots.get(name) for name in SLOTS}
    return {name: slot.origin for name, slot in slots.items() if slot is not None}


def _db(peak: float) -> float:
    return round(max(SILENT_DB, gain_to_db(peak)), 1)
