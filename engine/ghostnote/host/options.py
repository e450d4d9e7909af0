"""What `ghostnote play` was asked to do, as it travels from the supervisor to the core."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ghostnote.errors import UsageError

RATES = (8000, 384000)
BLOCKS = (16, 8192)
SEEDS = (0, 2**31 - 1)


@dataclass(frozen=True)
class PlayOptions:
    """Options of `play`. `device`: None = the system's default output, "null" = none. `midi`: None = all.

    Raises UsageError for a value out of range.
    """

    model: str = "drums"
    device: str | None = None
    rate: int | None = None
    block: int | None = None
    midi: str | None = None
    port: int = 9770
    bind: str = "127.0.0.1"
    seconds: float | None = None
    log: str | None = None
    seed: int = 0
    mode: str = "quality"

    def __post_init__(self) -> None:
        _within("--rate", self.rate, *RATES)
        _within("--block", self.block, *BLOCKS)
        _within("--port", self.port, 0, 65535)
        _within("--seed", self.seed, *SEEDS)
        if self.seconds is not None and not 0 < self.seconds < 1e7:
            raise UsageError(f"--seconds {self.seconds}: a time above 0 is needed")

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> PlayOptions:
        """The options of `to_json`."""
        return cls(**json.loads(text))


def _within(name: str, value: int | None, low: int, high: int) -> None:
    if value is not None and not low <= value <= high:
        raise UsageError(f"{name} {value}: must be from {low} to {high}")
