"""How a recall sounds: a morph without a click, and a log of it that needs no scene files."""

from __future__ import annotations

import numpy as np

from core.enginekit import RATE, Bench, level, rendered, steepest
from core.scenekit import SceneBench
from ghostnote.core.control_log import LogEntry, format_line, read_log
from ghostnote.core.engine import QUANTUM
from ghostnote.core.tasks import Task
from ghostnote.scenes.scene import KEPT
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import PARTS


def morphing(model, folder, fade: float, seconds: float) -> tuple[SceneBench, np.ndarray, int]:
    """Eight voices, and a morph of all parts that begins after a while."""
    bench = SceneBench(model, folder)
    rng = np.random.default_rng(3)
    for part in PARTS:
        bench.do(f"part{part}/axis/d1", 3.0)
    bench.do("scene/store", "here")
    for part in PARTS:
        for name, value in (
            ("gain", -12.0 * rng.random()),
            ("pan", 2.0 * rng.random() - 1.0),
            ("axis/d2", 2.0 * rng.random()),
            (f"weight/{'abcdefgh'[(part + 2) % 8]}", rng.random()),
        ):
            bench.do(f"part{part}/{name}", float(value))
    for slot in "abcd":
        bench.do(f"slot/{slot}/random", 5)
    bench.do("scene/store", "there")
    bench.do("scene/recall", "here", 0.0)
    bench.seconds(0.3)
    for part in PARTS:
        bench.now(f"part{part}/hit", 0.6)
    heard = [bench.seconds(0.1)]
    begins = len(heard[0])
    if fade >= 0.0:
        bench.do("scene/recall", "there", fade)
        begins += QUANTUM
        heard.append(np.zeros((0, 2), np.float32))
    heard.append(bench.seconds(seconds))
    return bench, np.concatenate(heard), begins


def test_a_morph_of_all_parts_while_eight_voices_sound_has_no_click(model, tmp_path):
    bench, heard, begins = morphing(model, tmp_path / "a", 2.0, 1.0)
    _, plain, _ = morphing(model, tmp_path / "b", -1.0, 1.0)
    assert len(bench.voices) >= 4
    assert level(heard[begins:] - plain[-(len(heard) - begins) :]) > 1e-3, "it does morph"
    assert steepest(heard[begins:]) < 1.3 * steepest(plain[2000:])


def test_a_log_with_recalls_renders_to_what_was_heard_and_needs_no_files(model, tmp_path):
    bench, _, _ = morphing(model, tmp_path / "a", 0.3, 0.4)
    bench.do("undo")
    bench.seconds(0.2)
    lines = [format_line(*line) for line in bench.log()]
    assert max(len(line.encode()) for line in lines) < 1 << 16
    assert not any("undo" in line or "recall" in line for line in lines)
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    again = Bench(model)
    for entry in read_log(path).entries:
        again.engine.schedule(round(entry.t * RATE), entry.target, entry.args)
    fresh = SceneBench(model, tmp_path / "none")
    assert fresh.keeper.names() == ()
    again.quanta(bench.engine.now // QUANTUM)
    assert {a: again.engine.values[a] for a in KEPT} == bench.performance()[0]
    entries = [LogEntry(t, TARGETS[addr], args) for t, addr, args in bench.log()]
    assert level(rendered(model, entries, 0.6)) > 0.001


def test_what_was_heard_is_what_the_log_gives(model, tmp_path):
    bench = SceneBench(model, tmp_path / "a")
    bench.do("part1/axis/d1", 2.0)
    bench.do("scene/store", "there")
    bench.do("part1/axis/d1", 0.0)
    heard = []
    bench.now("part1/hit")
    heard.append(bench.seconds(0.05))
    began = bench.engine.now - len(heard[0])
    bench.now("part1/glide", 0.05)
    bench.keeper.work["scene/recall"](Task(TARGETS["/gn/scene/recall"], ("there", 0.1), "test", 0.0))
    for event in bench.inbox.drain():
        bench.engine.schedule(bench.engine.now, TARGETS[event.addr], event.args, event.source)
    heard.append(bench.seconds(0.2))
    again = Bench(model)
    for t, addr, args in bench.log():
        again.engine.schedule(round(t * RATE), TARGETS[addr], args)
    sound = again.quanta(bench.engine.now // QUANTUM)
    assert np.array_equal(sound[began:], np.concatenate(heard))
