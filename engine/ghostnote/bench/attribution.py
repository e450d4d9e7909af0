"""Where the shortfalls of a soak come from, as far as can be known from outside the engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ghostnote.bench.result import Section
from ghostnote.bench.stalls import WITHIN_S, Beside, Span, beside, inside, per_second, set_beside
from ghostnote.bench.stats import Goal
from ghostnote.bench.watch import Shortfall, Slow

CHANCE = 2.0
"""So many times as often as by chance must shortfalls be beside stalls for that to say something."""

PARTS = ("render", "ahead", "wait", "")


@dataclass(frozen=True)
class Stalls:
    """What programs without an engine saw of the machine: `bare` (the bare path's render loop took longer
    than a block for a step), `server` (the server's xruns) and `silent` (underflows of the silent client)."""

    bare: Sequence[Span]
    server: Sequence[Span]
    silent: Sequence[Span]

    @property
    def machine(self) -> list[Span]:
        """Those that count as a stall of the machine: `bare` and `server`."""
        return [*self.bare, *self.server]


def shortfalls_of(beats: Iterable[Mapping[str, Any]], run: Span) -> list[Shortfall]:
    """The shortfalls that were noticed in `run`, from a watched core's beats."""
    told = [entry for beat in beats for entry in beat.get("shortfalls", ())]
    found = [Shortfall(entry["noticed"], Slow(**entry["slow"])) for entry in told]
    return [short for short in found if run[0] <= short.noticed < run[1]]


def attribute(
    section: Section,
    shortfalls: Sequence[Shortfall],
    stalls: Stalls,
    run: Span,
    rest: Span,
    set_aside_s: Callable[[Span], float] = lambda span: float("nan"),
) -> None:
    """Say in `section` how many shortfalls there were, how many beside a stall of the machine, and how many
    of the engine's own; beside that, how many would be beside one by chance.

    `rest`: a time before the `run` in which the engine ran and nothing was played, for the stalls that the
    machine has without its work. `set_aside_s`: how long the render thread was ready to run and was not run
    in a time.
    """
    spans = [short.span for short in shortfalls]
    found = set_beside(spans, inside(stalls.machine, run), run)
    section.numbers["dropouts_seen"] = float(found.total)
    section.numbers["dropouts_beside_a_stall"] = float(found.beside)
    section.numbers["dropouts_beside_by_chance"] = found.by_chance
    section.numbers["dropouts_own"] = float(found.own)
    section.goals.append(own_goal(found, "dropouts", run))
    rows: list[dict[str, object]] = []
    for name in ("bare", "server", "silent", "machine"):
        kind: Sequence[Span] = getattr(stalls, name)
        each = set_beside(spans, inside(kind, run), run)
        rows.append(
            {
                "stalls": {"machine": "bare or server"}.get(name, name),
                "in the run": len(inside(kind, run)),
                "a second": per_second(kind, run),
                "a second at rest": per_second(kind, rest),
                "dropouts beside": each.beside,
                "by chance": each.by_chance,
            }
        )
    section.tables["stalls"] = rows
    if shortfalls:
        section.tables["slowest before a dropout"] = _by_part(shortfalls, stalls, run, set_aside_s)
    section.notes.append(_verdict(found))
    section.notes.append(
        "stalls: bare = the bare path's render loop took longer than a block for one step; server = xruns "
        "that it told of; silent = underflows of the silent client (most are the same xruns). A stall of the "
        "machine is one of the first two. They may be the engine's doing in part: compare their number at "
        "rest, when it ran without being played"
    )


def _by_part(
    shortfalls: Sequence[Shortfall], stalls: Stalls, run: Span, set_aside_s: Callable[[Span], float]
) -> list[dict[str, object]]:
    """What took the render thread longest before each shortfall: in ms by the clock, of processor, and set
    aside by the system. What is left of the time it slept or waited for the interpreter."""
    near = beside([short.span for short in shortfalls], inside(stalls.machine, run))
    rows: list[dict[str, object]] = []
    for part in PARTS:
        chosen = [
            (short.slow, at) for short, at in zip(shortfalls, near, strict=True) if short.slow.part == part
        ]
        if not chosen:
            continue
        wall = 1e3 * np.array([slow.seconds for slow, _ in chosen])
        aside = 1e3 * np.array([set_aside_s((slow.began, slow.ended)) for slow, _ in chosen])
        cpu = 1e3 * np.array([slow.cpu_s for slow, _ in chosen])
        rows.append(
            {
                "slowest step": part or "unknown",
                "dropouts": len(chosen),
                "own": sum(not at for _, at in chosen),
                "p50 ms": float(np.median(wall)),
                "max ms": float(wall.max()),
                "p50 ms of processor": float(np.median(cpu)),
                "p50 ms set aside": float(np.median(aside)),
            }
        )
    return rows


def own_goal(found: Beside, what: str, run: Span) -> Goal:
    """No shortfall of the engine's own; not met, with no figure, where chance leaves that undecided."""
    own = math.nan if _undecided(found) else float(found.own)
    minutes = (run[1] - run[0]) / 60
    return Goal(f"{what} in {minutes:.1f} min with no stall of the machine beside them", own, 0.0, "")


def _undecided(found: Beside) -> bool:
    """Whether shortfalls are beside stalls hardly more often than any moment is."""
    return found.beside > 0 and found.beside < CHANCE * found.by_chance


def _verdict(found: Beside) -> str:
    text = (
        f"{found.total} shortfalls, {found.beside} of them beside a stall of the machine (within "
        f"{1e3 * WITHIN_S:.0f} ms), {found.own} the engine's own"
    )
    if _undecided(found):
        text += (
            f"; {found.by_chance:.1f} would be beside one by chance, since stalls are so frequent: being "
            "beside one says little, and whether the engine is the cause is not decided here"
        )
    return text
