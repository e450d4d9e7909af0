"""The sections of `ghostnote bench`, by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ghostnote.bench import conversation, latency
from ghostnote.bench import phase as phase_bench
from ghostnote.bench.beatbox import beatbox
from ghostnote.bench.beside import beside
from ghostnote.bench.ears import ears
from ghostnote.bench.engine_cost import decode_beside_control, detail_ms, voices_cost
from ghostnote.bench.engines import engines
from ghostnote.bench.finder import finder
from ghostnote.bench.jack_server import UnavailableError
from ghostnote.bench.library import library
from ghostnote.bench.library_map import sound_map
from ghostnote.bench.machine import load_average
from ghostnote.bench.memory import memory
from ghostnote.bench.morph import morph
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.result import Section
from ghostnote.bench.scale import scale
from ghostnote.bench.segmentation import segmentation_section
from ghostnote.bench.soak import soak
from ghostnote.bench.startup import startup
from ghostnote.bench.stats import Goal, Summary
from ghostnote.bench.subscribers import feedback
from ghostnote.decode.model import load
from ghostnote.errors import GhostnoteError, UsageError

DECODES = 300
VOICES = 16
VOICES_S = 10.0
DECODE_GOAL_MS = 5.0
DETAIL_GOAL_MS = 1.0
RTF_GOAL = 0.35
PHASE_GOALS = {"quality": (22.0, 17.42), "low_latency": (20.0, 3.0)}
"""Least convergence in dB with at most so much look-ahead in ms (17.4 in the requirement, three frames)."""
DATA_VARIABLE = "GHOSTNOTE_DATA"


def decode(options: BenchOptions) -> Section:
    """Decode of a whole sound on one thread."""
    section = Section("decode", "latent point and texture → magnitudes of a whole sound, one thread")
    model = load(options.model, lazy=("encoder", "classifier"))
    spent, control = decode_beside_control(model, DECODES)
    section.figures["decode_ms"] = Summary.of(spent)
    section.figures["detail_ms"] = Summary.of(detail_ms(model, DECODES))
    section.control["yardstick_ms"] = Summary.of(control)
    section.goals.append(
        Goal("what a detail adds, p50", section.figures["detail_ms"].p50, DETAIL_GOAL_MS, "ms")
    )
    section.goals.append(Goal("decode, p50", section.figures["decode_ms"].p50, DECODE_GOAL_MS, "ms"))
    return section


def voices(options: BenchOptions) -> Section:
    """Sixteen morphing voices on one core."""
    section = Section("voices", f"{VOICES} voices, all knobs moving: phase, mix, resampler, safety chain")
    model = load(options.model, lazy=("encoder", "classifier"))
    seconds = VOICES_S if options.seconds is None else options.seconds
    runs = {"free": (False, False), "ready": (False, True), "decoding": (True, True)}
    for name, (decoding, paced) in runs.items():
        cost = voices_cost(model, VOICES, seconds, decoding=decoding, paced=paced)
        section.numbers.update({f"{name}_{key}": value for key, value in cost.items()})
    for name, what in (("free", "real-time factor"), ("ready", "share of a core in real time")):
        section.goals.append(Goal(f"{VOICES} voices, {what}", section.numbers[f"{name}_rtf"], RTF_GOAL, ""))
    section.notes.append(
        "free: one block after the other, as fast as it goes; ready: each block at its time, spectrograms "
        "decoded beforehand; decoding: the same with decodes by the worker thread"
    )
    return section


def phase(options: BenchOptions) -> Section:
    """Convergence of the streaming phase on a fixed corpus, and what a hop takes."""
    section = Section(
        "phase", "spectral convergence on true magnitudes of real drums and loops; time of a hop"
    )
    folder = os.environ.get(DATA_VARIABLE)
    if not folder:
        raise UnavailableError(f"{DATA_VARIABLE} names no folder with sound data")
    convergence = section.tables["convergence"] = phase_bench.convergence(Path(folder))
    section.tables["speed"] = phase_bench.speed()
    for mode, (goal_db, limit_ms) in PHASE_GOALS.items():
        row = next(row for row in convergence if row["method"] == mode)
        lookahead, mean = row["lookahead_ms"], row["mean_db"]
        assert isinstance(lookahead, float)
        assert isinstance(mean, float)
        section.goals.append(Goal(f"{mode}, spectral convergence", mean, goal_db, "dB", at_least=True))
        section.goals.append(Goal(f"{mode}, look-ahead", round(lookahead, 2), limit_ms, "ms"))
    return section


SECTIONS: dict[str, Callable[[BenchOptions], Section]] = {
    "decode": decode,
    "voices": voices,
    "phase": phase,
    "segmentation": segmentation_section,
    "library": library,
    "finder": finder,
    "map": sound_map,
    "scale": scale,
    "engines": engines,
    "ears": ears,
    "beatbox": beatbox,
    "osc": latency.osc,
    "midi": latency.midi,
    "knob": latency.knob,
    "morph": morph,
    "tags": conversation.tags,
    "feedback": feedback,
    "startup": startup,
    "beside": beside,
    "memory": memory,
    "soak": soak,
}
"""In the order in which they run."""

GROUPS = {"latency": ("osc", "midi", "knob")}
LONG = ("map", "scale", "engines", "soak")
"""Only run when they are named."""


def chosen(names: Iterable[str]) -> list[str]:
    """Sections for what was named, each once; all but the long ones for nothing. Raises UsageError."""
    wanted: list[str] = []
    for name in names:
        if name not in SECTIONS and name not in GROUPS:
            known = ", ".join((*SECTIONS, *GROUPS))
            raise UsageError(f"bench: there is no section {name!r}; there is: {known}")
        wanted.extend(GROUPS.get(name, (name,)))
    return list(dict.fromkeys(wanted)) or [name for name in SECTIONS if name not in LONG]


def measure(name: str, options: BenchOptions) -> Section:
    """Run one section; what it needs and is not there makes it `skipped`, with the reason."""
    before = load_average()
    try:
        section = SECTIONS[name](options)
    except UnavailableError as error:
        section = _skipped(name, str(error))
    except GhostnoteError:
        raise
    except Exception as error:  # minutes of other sections must not be lost with one
        section = _skipped(name, f"failed: {error!r}")
    after = load_average()
    section.load_before, section.load_after = (float(x[0]) if x else np.nan for x in (before, after))
    return section


def _skipped(name: str, reason: str) -> Section:
    return Section(name, (SECTIONS[name].__doc__ or "").partition("\n")[0], skipped=reason)
