"""`ghostnote play --restore`: the last state or a scene, and what is wrong with either is said."""

from __future__ import annotations

import json

from ghostnote.core.control_log import read_log
from playing import PATIENCE_S, wait_for


def ended(performance) -> None:
    performance.process.terminate()
    assert performance.process.wait(PATIENCE_S) == 0


def test_a_scene_is_stored_recalled_and_there_at_the_next_start(play, home):
    first = play()
    first.send("part1/gain", -7.0)
    first.send("slot/a/random", 3)
    first.sync()
    first.send("scene/store", "日本 1")
    first.sync()
    assert first.ask("scene/list") == "日本 1"
    first.send("part1/gain", 0.0)
    first.sync()
    first.send("scene/recall", "日本 1", 0.05)
    wait_for(lambda: first.ask("part1/gain") == -7.0, "the end of the morph")
    assert first.ask("scene/current") == "日本 1"
    first.send("undo")
    first.sync()
    assert first.ask("part1/gain") == 0.0
    ended(first)
    assert len(list((home / "scenes").glob("*.json"))) == 1
    log = read_log(first.log)
    assert {"scene/set"} <= {entry.target.name for entry in log.entries}
    assert "undo" not in {entry.target.name for entry in log.entries}

    second = play("--restore", "日本 1")
    assert second.ask("part1/gain") == -7.0
    assert second.ask("slot/a/origin") == "random 3"
    assert second.ask("scene/current") == "日本 1"
    ended(second)
    start = [json.loads(line) for line in second.lines() if json.loads(line)["t"] == 0.0]
    assert ["/gn/part1/gain", [-7.0]] in [[line["addr"], line["args"]] for line in start]


def test_a_scene_that_is_not_there_is_one_line_and_status_two(play):
    performance = play("--restore", "nonesuch", ready=False)
    assert performance.process.wait(PATIENCE_S) == 2
    assert "there is no scene 'nonesuch'" in performance.complained
    assert "Traceback" not in performance.complained


def test_everything_is_as_it_was_with_restore_last(play, home):
    first = play()
    first.send("part2/pan", 0.5)
    first.send("master/gain", -12.0)
    first.send("slot/b/random", 5)
    first.sync()
    ended(first)
    second = play("--restore", "last")
    assert (second.ask("part2/pan"), second.ask("master/gain")) == (0.5, -12.0)
    assert second.ask("slot/b/origin") == "random 5"
    ended(second)


def test_without_a_last_state_it_starts_afresh_and_a_damaged_one_is_set_aside(play, home):
    first = play("--restore", "last")
    assert "no such state file" in first.complained
    first.send("part1/hit")
    first.sync()
    ended(first)
    (home / "last.json").write_text('{"schema":', encoding="utf-8")
    second = play("--restore", "last")
    assert "damaged" in second.complained
    assert second.ask("part1/gain") == 0.0
    ended(second)
    assert (home / "last.damaged.json").read_text() == '{"schema":'
    assert json.loads((home / "last.json").read_text())["schema"] == "ghostnote-state"
