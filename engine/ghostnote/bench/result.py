"""What one section of `ghostnote bench` found, and how it is written as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ghostnote.bench.stats import Goal, Summary


@dataclass
class Section:
    """Figures of one section.

    `figures` and `control` hold distributions by name, whose unit ends the name; `numbers` single values,
    `tables` rows with the same keys.
    `skipped` says why nothing was measured.
    """

    name: str
    how: str
    figures: dict[str, Summary] = field(default_factory=dict)
    control: dict[str, Summary] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    tables: dict[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    load_before: float = 0.0
    load_after: float = 0.0
    skipped: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "how": self.how,
            "figures": {name: summary.as_dict() for name, summary in self.figures.items()},
            "control": {name: summary.as_dict() for name, summary in self.control.items()},
            "numbers": self.numbers,
            "tables": {name: [dict(row) for row in rows] for name, rows in self.tables.items()},
            "goals": [goal.as_dict() for goal in self.goals],
            "notes": self.notes,
            "load": [self.load_before, self.load_after],
            "skipped": self.skipped,
        }
