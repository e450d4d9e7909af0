"""Sections as tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ghostnote.bench.result import Section

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = ("p1", "p50", "p95", "p99", "max")


def show_machine(console: Console, machine: dict[str, object]) -> None:
    """One line about the machine."""
    console.print(
        f"[bold]{machine['cpu']}[/], {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}, load {machine['load']}, {machine['date']}"
    )


def show(console: Console, section: Section) -> None:
    """A table of distributions, single values, goals and notes of one section."""
    from rich.table import Table

    console.print()
    console.print(f"[bold]{section.name}[/]: {section.how}")
    if section.skipped is not None:
        console.print(f"  skipped: {section.skipped}")
        return
    if section.figures or section.control:
        table = Table("what", "n", *_COLUMNS, box=None, padding=(0, 2, 0, 0))
        for column in table.columns[1:]:
            column.justify = "right"
        shown = list(section.figures.items())
        shown += [(f"control: {name}", summary) for name, summary in section.control.items()]
        for name, summary in shown:
            values = summary.as_dict()
            table.add_row(name, str(summary.count), *(f"{values[column]:.2f}" for column in _COLUMNS))
        console.print(table)
    for rows in section.tables.values():
        grid = Table(*rows[0], box=None, padding=(0, 2, 0, 0))
        for line in rows:
            grid.add_row(*(f"{v:.3g}" if isinstance(v, float) else str(v) for v in line.values()))
        console.print(grid)
    if section.numbers:
        console.print("  " + ", ".join(f"{name} {value:.4g}" for name, value in section.numbers.items()))
    for goal in section.goals:
        sign = "≥" if goal.at_least else "≤"
        verdict = "[green]met[/]" if goal.met else "[red]missed[/]"
        console.print(f"  {verdict}: {goal.what} {goal.value:.3g} {goal.unit} ({sign} {goal.limit:g})")
    for note in section.notes:
        console.print(f"  [dim]{note}[/]")
    console.print(f"  [dim]load average {section.load_before} before, {section.load_after} after[/]")
