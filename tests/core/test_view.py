"""What a screen is told of an engine."""

from __future__ import annotations

import json

from core.enginekit import Bench
from ghostnote.audio.safety import Meters
from ghostnote.core.engine import Applied
from ghostnote.core.view import SILENT_DB, View


def test_levels_notes_and_switches_of_each_part(model):
    bench = Bench(model)
    view = View(bench.engine)
    for message in (("part1/hit", 0.9), ("part1/hit", 0.9), ("part2/mute", 1), ("part3/solo", 1)):
        bench.now(*message)
    bench.now("part1/solo", 1)
    bench.now("part1/weight/b", -0.25)
    bench.quanta(40)
    seen = view.take()
    one, two, three, *rest = seen["parts"]
    assert -40.0 < one["db"] < 6.0
    assert one["voices"] == 2
    assert one["weights"] == {"a": 1.0, "b": -0.25}
    assert (two["mute"], two["solo"], three["solo"]) == (1, 0, 1)
    assert all(part["db"] == SILENT_DB or part["db"] <= -60.0 for part in (two, three, *rest))
    assert seen["slots"]["a"] == "kick"
    assert view.take()["parts"][0]["db"] <= -60.0, "nothing was played since"


def test_the_last_touch_is_someones(model):
    view = View(Bench(model).engine)
    view.touched(Applied(0, "/gn/part1/pan", (0.5,), "osc:127.0.0.1:5000"))
    view.touched(Applied(0, "/gn/part1/gain", (0.0,), ""))
    assert view.take()["last"] == ["osc:127.0.0.1:5000", "/gn/part1/pan", [0.5]]


def test_the_output_and_the_scenes_that_keys_recall(model):
    names = [f"{k} a scene whose name is too long to be shown" for k in range(1, 20)]
    view = View(Bench(model).engine, lambda: Meters(0.5, 0.1, 1.26), lambda: names)
    seen = view.take()
    assert seen["out"] == [-6.0, 1.3]
    assert seen["scenes"] == [name[:24] for name in names[:9]]
    assert seen["values"]["clock/quantum"] == 4.0


def test_it_is_small_and_plain(model):
    """It goes through a pipe ten times a second."""
    names = ["x" * 64] * 400
    text = json.dumps(View(Bench(model).engine, scenes=lambda: names).take())
    assert len(text) < 2000
