"""What `ghostnote play` was asked to do, as it travels from the supervisor to the core."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ghostnote.errors import UsageError

RATES = (8000, 384000)
BLOCKS = (16, 8192)
SEEDS = (0, 2**31 - 1)
LAST = "last"
"""What `restore` says for the state in which the last performance ended; other words are scenes' names."""


@dataclass(frozen=True)
class PlayOptions:
    """Options of `play`. `device`: None = the system's default output, "null" = none. `midi`: None = all.
    `maps`: paths of MIDI maps.
    `listen`: None: no ears, "": what is played, a name: an input as well; `targets`: whom they tell;
    `ears`: the model that tells sounds apart, None = `model`.
    `library`: name or folder, opened at the start; None: the usual one, opened when it is first asked for.
    `dirt`: the port of the adapter for SuperDirt's messages, None = off.

    Raises UsageError for a value out of range.
    """

    model: str = "drums"
    device: str | None = None
    rate: int | None = None
    block: int | None = None
    midi: str | None = None
    maps: tuple[str, ...] = ()
    midi_virtual: bool = False
    port: int = 9770
    bind: str = "127.0.0.1"
    dirt: int | None = None
    seconds: float | None = None
    log: str | None = None
    seed: int = 0
    mode: str = "quality"
    restore: str | None = None
    record: str | None = None
    session: str | None = None
    quiet: bool = False
    listen: str | None = None
    targets: tuple[str, ...] = ()
    ears: str | None = None
    library: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "maps", tuple(self.maps))  # a list, when it comes from JSON
        object.__setattr__(self, "targets", tuple(self.targets))
        if self.targets and self.listen is None:
            raise UsageError("--targets: nobody listens; --listen says to what")
        if self.ears is not None and self.listen is None:
            raise UsageError("--ears: nobody listens; --listen says to what")
        _within("--rate", self.rate, *RATES)
        _within("--block", self.block, *BLOCKS)
        _within("--port", self.port, 0, 65535)
        _within("--dirt", self.dirt, 0, 65535)
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
