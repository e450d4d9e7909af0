"""What a screen knows, its colours, and the few shapes that its lines are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from rich.text import Text

from ghostnote.state.table import PARTS

LOW_DB, HIGH_DB = -48.0, 0.0
LOUD_DB, HOT_DB = -12.0, -3.0

DIM, HEAD, NAME, GOOD, WARN, BAD = "dim", "bold", "cyan", "green", "yellow", "bold red"
"""`dim` and not grey: grey is the background in some people's colours."""
_BAR, _TRACK, _HOLD = "▆", "·", "▏"


@dataclass(frozen=True)
class Level:
    """A part's meter: the level as it falls, and the peak that is held for a moment."""

    db: float = -math.inf
    hold_db: float = -math.inf


@dataclass(frozen=True)
class Note:
    """Something that was told: time of day, text, and whether it is a problem."""

    clock: str
    text: str
    problem: bool = False


@dataclass(frozen=True)
class Last:
    """What was touched last: an address or a control, its value in words, and by whom."""

    what: str = ""
    value: str = ""
    by: str = ""


@dataclass(frozen=True)
class Shown:
    """All that a screen knows. `view`: what the core's `View` took; `counters`: of its telemetry."""

    model: str = ""
    device: str = ""
    rate: int = 0
    block: int = 0
    latency_ms: float = 0.0
    osc: str = ""
    midi: tuple[str, ...] = ()
    view: Mapping[str, Any] = field(default_factory=dict)
    levels: tuple[Level, ...] = (Level(),) * len(PARTS)
    counters: Mapping[str, float] = field(default_factory=dict)
    state: str = "running"
    load: float = 0.0
    peak_load: float = 0.0
    seconds: float = 0.0
    recording: str = ""
    recording_s: float = 0.0
    last: Last = Last()
    notes: tuple[Note, ...] = ()
    pending: str = ""
    help: bool = False
    keys: bool = True


def meter(level: Level, cells: int) -> Text:
    """A bar, its colour by level, and the held peak as a line."""
    filled = round(_cells(level.db, cells))
    hold = min(cells - 1, int(_cells(level.hold_db, cells)))
    loud, hot = int(_cells(LOUD_DB, cells)), int(_cells(HOT_DB, cells))

    def style(cell: int) -> str:
        return "red" if cell >= hot else WARN if cell >= loud else GOOD

    def glyph(cell: int) -> tuple[str, str]:
        if cell < filled:
            return _BAR, style(cell)
        held = cell == hold and level.hold_db > LOW_DB
        return (_HOLD, style(cell)) if held else (_TRACK, DIM)

    return _runs(glyph, cells)


def bar(share: float, cells: int, style: str) -> Text:
    """How much of something there is, 0…1."""
    filled = round(max(0.0, min(1.0, share)) * cells)
    return _runs(lambda cell: (_BAR, style) if cell < filled else (_TRACK, DIM), cells)


def decibels(db: float) -> str:
    """A level as people write it; nothing for silence."""
    return "" if db <= LOW_DB else f"{db:.0f}".replace("-", "−")


def fit(line: Text | str, width: int) -> Text:
    """The line in exactly `width` columns."""
    text = Text(line) if isinstance(line, str) else line.copy()
    text.truncate(width, overflow="ellipsis", pad=True)
    return text


def _runs(glyph: Callable[[int], tuple[str, str]], cells: int) -> Text:
    """One span for each run of cells that look alike."""
    runs = [(shape, len(list(run))) for shape, run in groupby(map(glyph, range(cells)))]
    return Text.assemble(*((char * count, style) for (char, style), count in runs))


def _cells(db: float, cells: int) -> float:
    share = (max(LOW_DB, min(HIGH_DB, db)) - LOW_DB) / (HIGH_DB - LOW_DB)
    return share * cells
