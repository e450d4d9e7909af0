"""`ghostnote bench ears`: how soon and how rightly ears speak, and what that costs the instrument."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path

from ghostnote.bench import ears_accuracy, ears_live, onset_scenes, onsets_live
from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.player import Player, message
from ghostnote.bench.result import Section
from ghostnote.bench.stats import Goal, Summary
from ghostnote.decode.model import load
from ghostnote.state.table import PARTS, ROOT

DATA_VARIABLE = "GHOSTNOTE_DATA"
EACH = 15
"""Sounds of each class."""
SCENES = 8
LIVE_SHARE = 10
"""Of so many hits that are asked for, one is played into the input."""
TURN_S, TURNS = 15.0, 2
HITS_HZ = 8.0
SETTLE_S = 3.0
START_LIMIT_S = 60.0
FIRST_GOAL_MS, DECISION_GOAL_MS = 45.0, 5.0
POINTS_GOAL, FALSE_GOAL, MISSED_GOAL = 3.0, 2.0, 0.03


def ears(options: BenchOptions) -> Section:
    """Ears at a real input port, on known sounds, on ambiences, and beside the instrument."""
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
        _effect(section, options)
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


def _effect(section: Section, options: BenchOptions) -> None:
    """Dropouts of the instrument with ears and without, in turns."""
    counted = {"without": [0, 0], "with": [0, 0]}
    with JackServer(realtime=options.realtime) as server:
        for turn in range(2 * TURNS):
            kind = "with" if turn % 2 else "without"
            more = ("--listen", "system", "--targets", "127.0.0.1:9") if kind == "with" else ()
            with Player(options.model, server.env, more) as player:
                if more:
                    _wait_for_ears(player)
                time.sleep(SETTLE_S)
                before = _asked(player, "xruns")
                _play(player, TURN_S)
                counted[kind][0] += _asked(player, "xruns") - before
                counted[kind][1] += player.end()[1]
    for kind, (dropouts, late) in counted.items():
        section.numbers[f"dropouts_{kind}_ears"] = float(dropouts)
        section.numbers[f"late_decodes_{kind}_ears"] = float(late)
    more_dropouts = float(counted["with"][0] - counted["without"][0])
    seconds = TURNS * TURN_S
    section.goals.append(
        Goal(f"dropouts in {seconds:.0f} s with ears more than without", more_dropouts, 0.0, "")
    )


def _wait_for_ears(player: Player) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while not any("listening to" in line for line in player.said):
        if time.monotonic() > deadline:
            raise UnavailableError("the ears did not start beside the instrument")
        time.sleep(0.1)


def _asked(player: Player, name: str) -> int:
    """A counter of the instrument's status."""
    from pythonosc.osc_message import OscMessage

    addr = f"{ROOT}/status/{name}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        for _ in range(20):
            asking.sendto(message(addr), ("127.0.0.1", player.port))
            with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                found = OscMessage(asking.recv(4096))
                if found.address == addr:
                    return int(found.params[0])
    raise UnavailableError("the instrument does not answer")


def _play(player: Player, seconds: float) -> None:
    began, hits = time.monotonic(), 0
    while (now := time.monotonic() - began) < seconds:
        while hits < now * HITS_HZ:
            player.send(message(f"{ROOT}/part{PARTS[hits % len(PARTS)]}/hit", 0.7))
            hits += 1
        time.sleep(0.005)
