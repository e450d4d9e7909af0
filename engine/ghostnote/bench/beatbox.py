"""`ghostnote bench beatbox`: which part a sound plays and which learns it, how soon, and what is false."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ghostnote.bench import beatbox_live, ears_accuracy, onset_scenes
from ghostnote.bench.beatbox_live import Box, Played
from ghostnote.bench.ears_accuracy import Known
from ghostnote.bench.jack_server import UnavailableError
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.result import Section
from ghostnote.bench.stats import Goal, Summary
from ghostnote.core.models import START_SLOTS
from ghostnote.decode.model import Model, load
from ghostnote.ears.beatbox import usual_parts
from ghostnote.errors import AudioFileError
from ghostnote.features import audio_file

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


def beatbox(options: BenchOptions) -> Section:
    """Beatbox at a real input port: parts, latencies, ambiences, and a cable from the output to the input."""
    section = Section("beatbox", "another client plays drums into play --listen; JACK on its dummy driver")
    named = os.environ.get(DATA_VARIABLE)
    if not named:
        raise UnavailableError(f"{DATA_VARIABLE} names no folder with sound data")
    folder, model = Path(named), load(options.model, lazy=("decoder", "encoder", "classifier"))
    if not model.manifest.classes:
        raise UnavailableError(f"model {model.manifest.name} has no classes")
    most = max(10, options.hits // HITS_SHARE)
    stocks = {
        "drums, held out": unheard(folder, model),
        "drum machines, known": ears_accuracy.sounds(folder, model, EACH),
    }
    beds = onset_scenes.ambiences(folder)
    length_s = AMBIENCE_S if options.seconds is None else options.seconds
    seconds = 2.0 * most * max(beatbox_live.GAP_S) + len(beds) * length_s + 120.0
    with beatbox_live.box(options.model, seconds, options.realtime) as running:
        rng = np.random.default_rng(options.seed)
        rate = model.spec.sample_rate
        played: dict[str, list[Played]] = {}
        for name, stock in stocks.items():
            chosen = [stock[k] for k in rng.permutation(len(stock))[:most]]
            played[name] = beatbox_live.play(running, chosen, rate, rng)
        section.tables["share of sounds"] = [
            row(name, found, usual_parts(model.manifest.classes, START_SLOTS))
            for name, found in played.items()
        ]
        control = beatbox_live.struck(running, CONTROLS, rng)
        every = [one for found in played.values() for one in found]
        _latencies(section, every, control)
        hits = onsets = 0
        for samples in beds.values():
            bed = onset_scenes.stretch(samples, round(length_s * onset_scenes.RATE), rng)
            more = beatbox_live.listen(running, bed, onset_scenes.RATE)
            hits, onsets = hits + more[0], onsets + more[1]
        if beds:
            minutes = len(beds) * length_s / 60.0
            section.numbers["ambience_onsets_per_minute"] = onsets / minutes
            goal = Goal("false hits per minute of ambience", hits / minutes, FALSE_GOAL, "")
            section.goals.append(goal)
        _cable(section, running)
        running.server.check()
        dropouts, late = running.player.end()
    section.numbers.update(dropouts=float(dropouts), late_decodes=float(late))
    return section


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
    first = [one for one in every if one.first]
    section.figures["told_ms"] = Summary.of([1e3 * one.told_s for one in first])
    section.figures["at_port_ms"] = at_port = Summary.of([1e3 * one.at_port_s for one in first])
    section.control["osc_at_port_ms"] = Summary.of(control)
    section.numbers["played_after_30_ms"] = len(first) / max(1, len(every))
    section.numbers["port_spread_ms"] = at_port.spread
    section.notes.append(
        "held out: nothing in the shipped models learnt from them; known: the classifier did"
    )
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
