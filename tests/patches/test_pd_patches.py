"""The shipped Pure Data patches as text: vanilla objects, addresses and ranges of the parameter table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ghostnote.control.osc_conversation import SAYINGS
from ghostnote.state.registry import DEFAULTS, TARGETS
from ghostnote.state.table import SLOTS, Parameter

FOLDER = Path(__file__).resolve().parents[2] / "patches" / "pd"
PATCHES = sorted(FOLDER.glob("*.pd"))
VANILLA = {
    *("bng", "hsl", "vsl", "tgl", "cnv", "inlet", "outlet", "loadbang", "key", "print", "openpanel"),
    *("s", "r", "route", "sel", "t", "f", "symbol", "unpack", "list", "change", "metro", "del"),
    *("oscformat", "oscparse", "netsend", "netreceive"),
}
SHARED = set(SAYINGS) | {"/gn"}
SHOWN = {"hold": "mode", "d1": "axis/d1", "d2": "axis/d2", "d3": "axis/d3"}


def statements(path: Path) -> list[str]:
    """The patch's statements without the final semicolon, line breaks folded."""
    text = " ".join(path.read_text(encoding="utf-8").split("\n"))
    return [s.strip() for s in re.split(r"(?<!\\);", text) if s.strip()]


def objects(path: Path) -> list[list[str]]:
    """Every object box as its words, with the escapes taken out."""
    found = [s.split()[4:] for s in statements(path) if s.startswith("#X obj ")]
    return [[word.replace("\\", "") for word in box] for box in found]


def addresses(path: Path) -> set[str]:
    """Every OSC address in a patch; `$1` stands for each part, or slot."""
    words = {word.rstrip(",") for box in objects(path) for word in box if word.startswith("/gn")}
    found = set()
    for word in words:
        stands_for = SLOTS if word.startswith("/gn/slot/") else [f"part{n}" for n in range(1, 9)]
        found |= {word.replace("$1", one) for one in stands_for}
    return found


@pytest.mark.parametrize("path", PATCHES, ids=lambda p: p.stem)
def test_only_vanilla_objects_and_our_own(path):
    own = {p.stem for p in PATCHES}
    foreign = {box[0] for box in objects(path)} - VANILLA - own
    assert not foreign, f"{path.name} needs externals: {foreign}"


@pytest.mark.parametrize("path", PATCHES, ids=lambda p: p.stem)
def test_addresses_are_in_the_parameter_table(path):
    unknown = addresses(path) - set(TARGETS) - SHARED
    assert not unknown, f"{path.name} sends to addresses that do not exist: {sorted(unknown)}"


def test_the_example_plays_all_parts():
    boxes = {tuple(box) for box in objects(FOLDER / "ghostnote-example.pd")}
    assert boxes >= {("ghostnote-part", f"part{n}") for n in range(1, 9)}
    assert boxes >= {("ghostnote-weights", f"part{n}") for n in range(1, 9)}
    assert boxes >= {("ghostnote-slot", slot) for slot in SLOTS}
    assert boxes >= {("ghostnote-similar", f"part{n}") for n in range(1, 9)}
    assert boxes >= {("ghostnote-scene",), ("ghostnote-feedback",)}
    sent = addresses(FOLDER / "ghostnote-part.pd") | addresses(FOLDER / "ghostnote-example.pd")
    assert {"/gn/panic", "/gn/hush", "/gn/part1/hit", "/gn/part8/axis/d3", "/gn/master/gain"} <= sent


def test_no_segment_is_a_bare_number():
    """Pure Data cannot route such segments: pure-data issue 1299."""
    bare = {a for path in PATCHES for a in addresses(path) if re.search(r"/\d+(/|$)", a)}
    assert not bare


def sliders(path: Path) -> list[tuple[str, float, float]]:
    """Label, low and high of every slider of a patch."""
    return [(box[9], float(box[3]), float(box[4])) for box in objects(path) if box[0] in ("hsl", "vsl")]


@pytest.mark.parametrize(
    ("patch", "prefix"),
    [
        ("ghostnote-part", "/gn/part1/"),
        ("ghostnote-weights", "/gn/part1/weight/"),
        ("ghostnote-help", "/gn/part1/"),
        ("ghostnote-example", "/gn/master/"),
        ("ghostnote-beatbox", "/gn/beatbox/"),
    ],
)
def test_sliders_have_the_ranges_of_the_table(patch, prefix):
    checked = 0
    for label, low, high in sliders(FOLDER / f"{patch}.pd"):
        if label == "velocity":
            assert (low, high) == (0, 1)
            continue
        row = TARGETS[prefix + SHOWN.get(label, label)].row
        assert isinstance(row, Parameter)
        assert (low, high) == (row.low, row.high), f"{patch}: {label}"
        checked += 1
    assert checked


def test_the_strip_starts_on_the_defaults_of_the_table():
    """What is shown before the engine has answered: pairs of a `set` message and the slider that takes it."""
    boxes = [s.split() for s in statements(FOLDER / "ghostnote-part.pd") if re.match(r"#X (obj|msg|text)", s)]
    wires = [s.split()[2:] for s in statements(FOLDER / "ghostnote-part.pd") if s.startswith("#X connect")]
    shown = {}
    for source, _, target, _ in wires:
        message, send = boxes[int(source)], [w.replace("\\", "") for w in boxes[int(target)]]
        if message[1] == "msg" and message[4] == "set" and message[5][0] != "\\" and send[4] == "s":
            shown[send[5].removeprefix("$0-").removesuffix("-show")] = float(message[5])
    shown.pop("velocity")
    shown.pop("hold")
    assert shown.keys() >= {"gain", "pitch", "d1", "d2", "d3", "release"}
    for name, value in shown.items():
        assert value == DEFAULTS[f"/gn/part1/{SHOWN.get(name, name)}"], name


def test_what_the_engine_tells_is_only_shown():
    """No loop: what comes from the link ends at `set`, which moves a slider without letting it speak."""
    for name in ("part", "weights", "slot", "scene", "feedback", "beatbox"):
        said = statements(FOLDER / f"ghostnote-{name}.pd")
        boxes = [s.split() for s in said if re.match(r"#X (obj|msg|text|floatatom|symbolatom)", s)]
        wires = [[int(w) for w in s.split()[2:]] for s in said if s.startswith("#X connect")]
        reached = {k for k, box in enumerate(boxes) if box[4:6] == ["r", "ghostnote-in"]}
        assert reached
        while more := {t for s, _, t, _ in wires if s in reached and boxes[s][1] != "msg"} - reached:
            reached |= more
        ends = {k for k in reached if boxes[k][1] == "msg"}
        assert ends
        assert all(boxes[k][4] == "set" for k in ends), name
        assert not any(boxes[k][4] == "ghostnote-send" for k in reached), name


@pytest.mark.parametrize("path", PATCHES, ids=lambda p: p.stem)
def test_wires_end_at_boxes(path):
    """Every wire joins two boxes that exist in its own canvas, sub-patches included."""
    canvases: list[list[int]] = []
    for statement in statements(path):
        if statement.startswith("#N canvas"):
            canvases.append([0])
        elif statement.startswith("#X restore"):
            canvases.pop()
            canvases[-1][0] += 1
        elif statement.startswith("#X connect"):
            source, _, target, _ = (int(w) for w in statement.split()[2:])
            assert max(source, target) < canvases[-1][0], statement
        elif re.match(r"#X (obj|msg|text|floatatom|symbolatom) ", statement):
            canvases[-1][0] += 1
    assert len(canvases) == 1
