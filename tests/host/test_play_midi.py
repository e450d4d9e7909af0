"""MIDI maps and learning in an instrument that runs: what is wrong is told, and the sound goes on."""

from __future__ import annotations

import json

from playing import PATIENCE_S

HEAD = {"schema": "ghostnote-midi-map", "version": 1, "device": {"match": "Knobs"}}
ROW = {"in": {"kind": "cc", "channel": 1, "number": 20}, "to": "/gn/part1/pan"}


def told(performance, ending: str, addr: str, *args: str) -> str:
    """What the author of a command is told when it is `done`, or why it is an `error`."""
    performance.send(addr, *args)
    found = performance.receive(ending)
    assert found is not None, f"no {ending}: {performance.complained}"
    assert found[0] == f"/gn/{addr}"
    return found[2]


def test_a_damaged_map_is_one_line_before_anything_is_opened(play, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({**HEAD, "controls": [{**ROW, "to": "/gn/part1/pam"}]}))
    performance = play("--map", str(path), ready=False)
    assert performance.process.wait(PATIENCE_S) == 2
    (line,) = performance.complained.strip().splitlines()
    assert f"{path}: controls[0]: to: no such address '/gn/part1/pam'; the nearest is /gn/part1/pan" in line


def test_maps_and_learning_over_osc(play, tmp_path, home):
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps({**HEAD, "controls": [ROW]}))
    bad.write_text("{")
    performance = play("--map", str(good))
    assert "bad.json: not valid JSON" in told(performance, "error", "midi/map_load", str(bad))
    assert "kept.json" in told(performance, "done", "midi/map_save", "kept")
    written = json.loads((home / "midi" / "kept.json").read_text())
    assert written["controls"] == [ROW], "the map from before the bad one"
    assert "the nearest is /gn/part1/gain" in told(performance, "error", "midi/learn", "/gn/part1/gian")
    assert "armed for /gn/part1/gain" in told(performance, "done", "midi/learn", "/gn/part1/gain")
    assert "no longer waiting" in told(performance, "done", "midi/learn_cancel")
    assert told(performance, "done", "midi/rescan")
    performance.send("part1/hit", 0.5)
    performance.sync()
    performance.wait_for_line("/gn/part1/hit")
