"""`ghostnote bench ears`: how soon and how rightly ears speak."""

from __future__ import annotations

import os
from pathlib import Path

from ghostnote.bench import ears_accuracy, ears_live, onset_scenes, onsets_live
from ghostnote.bench.jack_server import UnavailableError
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.result import Section
from ghostnote.bench.stats import Goal, Summary
from ghostnote.decode.model import load

DATA_VARIABLE = "GHOSTNOTE_DATA"
EACH = 15
"""Sounds of each class."""
SCENES = 8
LIVE_SHARE = 10
"""Of so many hits that are asked for, one is played into the input."""
FIRST_GOAL_MS, DECISION_GOAL_MS = 45.0, 5.0
POINTS_GOAL, FALSE_GOAL, MISSED_GOAL = 3.0, 2.0, 0.03


def ears(options: BenchOptions) -> Section:
    """Ears at a real input port, on known sounds and on ambiences."""
    section = Section(
        "ears", "sounds of drum_machines_dev and constructed scenes, live; JACK on its dummy driver"
    )
    named = os.environ.get(DATA_VARIABLE)
    if not named:
        raise UnavailableError(f"{DATA_VARIABLE} names no folder with sound data")
    folder, model = Path(named), load(options.model, lazy=("decoder", "encoder"))
    rows, missed = ears_accuracy.accuracy(folder, model, EACH, options.seed)
    section.tables["share of right classes"] = rows
    for row in rows:
        points = row["points"]
        assert isinstance(points, float)
        section.goals.append(
            Goal(f"{row['when']}: points below the same sounds from files", -points, POINTS_GOAL, "")
        )
    section.numbers["missed_one_after_the_other"] = missed
    found = onsets_live.heard(onset_scenes.scenes(folder, SCENES, options.seed), folder)
    section.tables["onsets"] = [onsets_live.row(found)]
    section.goals.append(Goal("missed hits in scenes, share", 1.0 - found.counts.recall, MISSED_GOAL, ""))
    beds = [found.false_per_minute[name] for name in onset_scenes.ambiences(folder)]
    if beds:
        section.goals.append(
            Goal("false onsets per minute on ambiences", sum(beds) / len(beds), FALSE_GOAL, "")
        )
    section.numbers["false_per_minute_as_recorded"] = _false_as_recorded(folder)
    section.notes.append("false onsets: on a minute of crossfaded pieces of each ambience; and as recorded")
    stock = [known.samples for known in ears_accuracy.sounds(folder, model, EACH)]
    hits = max(10, options.hits // LIVE_SHARE)
    rate = model.spec.sample_rate
    try:
        waits = ears_live.measure(options.model, stock, rate, hits, options.seed, options.realtime)
    except UnavailableError as error:
        section.notes.append(f"not at a real port: {error}")
        return section
    section.figures["first_answer_ms"] = first = Summary.of(waits.first)
    section.figures["after_decision_ms"] = decision = Summary.of(waits.decision)
    section.figures["time_tag_ms"] = Summary.of(waits.time_tag)
    section.numbers["missed_at_the_port"] = waits.missed
    section.goals.append(Goal("onset → first class on the wire, p95", first.p95, FIRST_GOAL_MS, "ms"))
    section.goals.append(Goal("after each decision, p95", decision.p95, DECISION_GOAL_MS, "ms"))
    section.notes.append(
        "after_decision_ms: from the time at which the last sample that an answer needs came in to the "
        "answer on the wire; time_tag_ms: the time that the message gives for the onset, less the true one"
    )
    return section


def _false_as_recorded(folder: Path) -> float:
    """Onsets per minute in the ambiences as they are, after their first second; NaN without any."""
    count, seconds = 0, 0.0
    for samples in onset_scenes.ambiences(folder).values():
        count += sum(onset.at >= onset_scenes.RATE for onset in onsets_live.listen(samples))
        seconds += len(samples) / onset_scenes.RATE - 1.0
    return 60.0 * count / seconds if seconds else float("nan")
