"""How to listen: when something counts as a sound, and when its class counts as known."""

from __future__ import annotations

from dataclasses import dataclass

from ghostnote.errors import UsageError
from ghostnote.features.onset_stream import StreamOptions


@dataclass(frozen=True)
class ListenOptions:
    """`threshold_db`, `sensitivity`, `hold_s`: see `StreamOptions`. `unknown`: a sound whose likeliest class
    is less likely than that is of none. Raises UsageError for a value out of range.
    """

    threshold_db: float = -60.0
    sensitivity: float = 0.5
    hold_s: float = 0.05
    unknown: float = 0.4

    def __post_init__(self) -> None:
        if not 0.0 <= self.unknown <= 1.0:
            raise UsageError(f"unknown {self.unknown:g}: from 0 to 1")
        self.onsets()

    def onsets(self) -> StreamOptions:
        """What the onset detector takes of them."""
        return StreamOptions(self.threshold_db, self.sensitivity, self.hold_s)
