"""`ghostnote bench beatbox`: which part a sound plays and which learns it, how soon, and what is false."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench import beatbox_live, beatbox_shares, ears_accuracy, onset_scenes
from ghostnote.bench.beatbox_live import Box, Played
from ghostnote.bench.ears_accuracy import Known
from ghostnote.bench.jack_server import UnavailableError
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.result import Section
from ghostnote.bench.stats import Goal, Summary
from ghostnote.core.models import START_SLOTS
from ghostnote.decode.model import Model, load
from ghostnote.ears.beatbox import usual_parts
from ghostnote.ears.thinker import Thinker
from ghostnote.errors import AudioFileError
from ghostnote.features import audio_file
from ghostnote.state.registry import DEFAULTS
from ghostnote.state.table import ROOT

Float32 = NDArray[np.float32]

DATA_VARIABLE = "GHOSTNOTE_DATA"
EACH = 20
"""Sounds of each class."""
HITS_SHARE = 5
"""Of so many hits that are asked for, one is played into the input."""
AMBIENCE_S = 60.0
CONTROLS = 40
LOOP_HITS = 10
UNHEARD = (
    "uzu__", "muldjordkit__KdrumR", "muldjordkit__Tom3", "gogodze2__se", "gogodze2__hh", "gogodze2__hf",
    "frankensnare__10", "frankensnare__14a", "frankensnare__clap_stack", "bodypercussion__fingerclap",
)  # fmt: skip
"""How files of `drums` begin that nothing in the shipped models learnt from."""
FALSE_GOAL, OWN_GOAL = 2.0, 0.0
_SILENT = 1e-4
_FADE_S = 2.0


def beatbox(options: BenchOptions) -> Section:
    """Beatbox at a real input port: parts, latencies, ambiences, and a cable from the output to the input."""
    section = Section("beatbox", "another client plays drums into play --listen; JACK on its dummy driver")
    named = os.environ.get(DATA_VARIABLE)
    if not named:
        raise UnavailableError(f"{DATA_VARIABLE} names no folder with sound data")
    folder, model = Path(named), load(options.model, lazy=("decoder", "encoder"))
    if not model.manifest.classes:
        raise UnavailableError(f"model {model.manifest.name} has no classes")
    parts, rng = usual_parts(model.manifest.classes, START_SLOTS), np.random.default_rng(options.seed)
    stocks = {"drums, held out": unheard(folder, model), "drum machines, known": _machines(folder, model)}
    for name, stock in stocks.items():
        rows = beatbox_shares.shares(stock, Thinker(model), parts, options.seed)
        section.tables[f"{name} ({len(stock)})"] = rows
    section.notes.append(
        "held out: nothing in the shipped models learnt from them; known: the classifier did"
    )
    rate = model.spec.sample_rate
    length_s = AMBIENCE_S if options.seconds is None else options.seconds
    beds = {
        name: faded(onset_scenes.stretch(bed, round(length_s * onset_scenes.RATE), rng))
        for name, bed in onset_scenes.ambiences(folder).items()
    }
    _ambiences(section, beds, Thinker(model), parts)
    most = max(10, options.hits // HITS_SHARE)
    seconds = 2.0 * most * max(beatbox_live.GAP_S) + len(beds) * length_s + 180.0
    try:
        with beatbox_live.box(options.model, seconds, options.realtime) as running:
            played: dict[str, list[Played]] = {}
            for name, stock in stocks.items():
                chosen = [stock[k] for k in rng.permutation(len(stock))[:most]]
                played[name] = beatbox_live.play(running, chosen, rate, rng)
            section.tables["live"] = [row(name, found, parts) for name, found in played.items()]
            control = beatbox_live.struck(running, CONTROLS, rng)
            _latencies(section, [one for found in played.values() for one in found], control)
            for name, bed in beds.items():
                hits, onsets = beatbox_live.listen(running, bed, onset_scenes.RATE)
                section.numbers[f"live_{name}_hits"] = float(hits)
                section.numbers[f"live_{name}_onsets"] = float(onsets)
            _cable(section, running)
            running.server.check()
            dropouts, late = running.player.end()
            section.numbers.update(dropouts=float(dropouts), late_decodes=float(late))
    except UnavailableError as error:
        section.notes.append(f"not at a real port: {error}")
    return section


def faded(bed: Float32) -> Float32:
    """A bed (n,) that comes and goes, so that its beginning is no sound."""
    ramp = np.linspace(0.0, 1.0, min(len(bed) // 2, round(_FADE_S * onset_scenes.RATE)), dtype=np.float32)
    bed[: len(ramp)] *= ramp
    bed[-len(ramp) :] *= ramp[::-1]
    return bed


def _machines(folder: Path, model: Model) -> list[Known]:
    return ears_accuracy.sounds(folder, model, EACH)


def _ambiences(
    section: Section, beds: Mapping[str, Float32], thinker: Thinker, parts: tuple[int, ...]
) -> None:
    """What plays although nobody plays."""
    confidence = float(DEFAULTS[f"{ROOT}/beatbox/confidence"])
    total = seconds = 0.0
    for name, bed in beds.items():
        hits, onsets = beatbox_shares.false_hits(bed, thinker, parts, confidence)
        section.numbers.update({f"{name}_hits": float(hits), f"{name}_onsets": float(onsets)})
        total, seconds = total + hits, seconds + len(bed) / onset_scenes.RATE
    if beds:
        section.goals.append(
            Goal("false hits per minute of ambience", 60.0 * total / seconds, FALSE_GOAL, "")
        )


def unheard(folder: Path, model: Model) -> list[Known]:
    """Up to `EACH` sounds of each class that nothing learnt from."""
    found = []
    for index, name in enumerate(model.manifest.classes):
        paths = [p for p in sorted((folder / "drums" / name).glob("*.flac")) if p.name.startswith(UNHEARD)]
        for path in paths[:: max(1, len(paths) // EACH)][:EACH]:
            try:
                samples = audio_file.load(path, model.spec)
            except AudioFileError:
                continue
            loud = np.flatnonzero(np.abs(samples) > _SILENT)
            found.append(Known(index, samples[: int(loud[-1]) + 1]))
    return found


def row(name: str, found: list[Played], parts: tuple[int, ...]) -> dict[str, object]:
    """Shares of what was played: which part it played at 30 ms, at all, and which learnt it."""

    def share(given: list[bool]) -> float:
        return float(np.mean(given)) if given else float("nan")

    return {
        "sounds": name,
        "n": len(found),
        "right part after 30 ms": share([p.part == parts[p.index] and p.first for p in found]),
        "right part": share([p.part == parts[p.index] for p in found]),
        "wrong part": share([p.part not in (0, parts[p.index]) for p in found]),
        "none": share([p.part == 0 for p in found]),
        "learnt by the right part": share([p.learnt == parts[p.index] for p in found]),
        "by a wrong one": share([p.learnt not in (0, parts[p.index]) for p in found]),
    }


def _latencies(section: Section, every: list[Played], control: list[float]) -> None:
    first = [one for one in every if one.first and math.isfinite(one.at_port_s)]
    if not first:
        raise UnavailableError("no hit was heard at the output in time: the machine is too busy")
    section.figures["told_ms"] = Summary.of([1e3 * one.told_s for one in first])
    section.figures["at_port_ms"] = at_port = Summary.of([1e3 * one.at_port_s for one in first])
    section.control["osc_at_port_ms"] = Summary.of(control)
    section.numbers["played_after_30_ms"] = len(first) / max(1, len(every))
    section.numbers["port_spread_ms"] = at_port.spread
    section.notes.append(
        "told_ms: from the onset at the input to /gn/out/hit on the wire; at_port_ms: to the first loud "
        "sample at the output; both of sounds that played after 30 ms. Control: the same parts, hit by OSC"
    )


def _cable(section: Section, running: Box) -> None:
    """Hits while the output is plugged into the input, with the guard and without."""
    for guard_s in (0.0, 0.05):
        extra = beatbox_live.plugged(running, LOOP_HITS, guard_s)
        section.numbers[f"own_hits_answered_guard_{1e3 * guard_s:.0f}_ms"] = float(extra)
    goal = Goal("own hits answered through a cable", float(extra), OWN_GOAL, "")
    section.goals.append(goal)
