"""What a person can choose about a training set."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ghostnote.errors import UsageError
from ghostnote.features.segmentation import SegmentOptions
from ghostnote_training import synth

CLASSES = ("folders", "none")
LARGEST_VARIANTS = 8
SENSITIVITIES = {"clear": 0.2, "usual": SegmentOptions().sensitivity, "fine": 0.8}
"""How recordings are cut, in words. From 0.75 on cymbals fall into pieces."""


@dataclass(frozen=True)
class DatasetOptions:
    """How a folder becomes a training set.

    `classes`: "folders" (each first-level folder is a class) or "none". `synth_share`: share of the draws,
    0…1, that come from the procedural drum synthesiser, from `synth_classes` of its classes (empty: all that
    fit), `synth_per_class` sounds of each (0: as many as the share needs). `variants`: how often each sound
    is there once more, at another speed or pace; `machined`: how often more as an old sampler would play it.
    `segment`: cut long recordings at their onsets, as `cuts` says. `held_out`: share of the files that are
    kept for measuring. `workers`: processes that read sounds (0: one for each core, at most 8). Raises
    UsageError.
    """

    classes: str = "none"
    synth_share: float = 0.0
    synth_classes: tuple[str, ...] = ()
    synth_per_class: int = 0
    variants: int = 2
    machined: int = 0
    segment: bool = True
    cuts: SegmentOptions = field(default_factory=SegmentOptions)
    held_out: float = 0.1
    seed: int = 1
    workers: int = 0

    def __post_init__(self) -> None:
        if self.classes not in CLASSES:
            raise UsageError(f"classes {self.classes!r}: give one of {', '.join(CLASSES)}")
        for name, high in (("synth_share", 0.95), ("held_out", 0.5)):
            value = getattr(self, name)
            if not 0.0 <= value <= high:
                raise UsageError(f"{name} {value:g}: from 0 to {high:g}")
        for name, most in (("variants", LARGEST_VARIANTS), ("machined", LARGEST_VARIANTS), ("workers", 64)):
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise UsageError(f"{name} {value}: from 0 to {most}")
        if self.synth_per_class < 0:
            raise UsageError(f"synth_per_class {self.synth_per_class}: 0 or more")
        unknown = [name for name in self.synth_classes if name not in synth.MAKERS]
        if unknown:
            raise UsageError(
                f"the synthesiser has no {', '.join(unknown)}; it has {', '.join(sorted(synth.MAKERS))}"
            )

    def as_dict(self) -> dict[str, Any]:
        """Plain dict, to be stored beside a result."""
        return asdict(self)
