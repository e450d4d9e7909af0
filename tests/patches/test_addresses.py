"""Every address and name in the patches for SuperCollider and TidalCycles is in the parameter table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ghostnote.control.osc_conversation import SAYINGS
from ghostnote.state.registry import TARGETS, check
from ghostnote.state.table import AXES, PARTS, ROOT, SLOTS

FOLDER = Path(__file__).resolve().parents[2] / "patches"
FILES = sorted(p for name in ("supercollider", "tidal") for p in (FOLDER / name).iterdir() if p.is_file())
CODE = [p for p in FILES if p.suffix in (".scd", ".hs", ".tidal")]
STANDS_FOR = {"{part}": map(str, PARTS), "{slot}": SLOTS, "{axis}": AXES}
STANDS_FOR = {name: list(words) for name, words in STANDS_FOR.items()}
PLAY = TARGETS[f"{ROOT}/play"]


def addresses(path: Path) -> set[str]:
    """Every OSC address in a file, with all that its placeholders stand for."""
    found = set(re.findall(r'"(/gn(?:/[a-z0-9_{}]+)*)"', path.read_text(encoding="utf-8")))
    for name, words in STANDS_FOR.items():
        found = {addr.replace(name, word) for addr in found for word in (words if name in addr else [""])}
    return found


@pytest.mark.parametrize("path", CODE, ids=lambda p: p.name)
def test_addresses_are_in_the_table(path):
    """`/gn/part1` alone is what one can subscribe to."""
    known = {*TARGETS, *SAYINGS, *(f"{ROOT}/part{n}" for n in PARTS)}
    unknown = addresses(path) - known
    assert not unknown, f"{path.name} uses addresses that do not exist: {sorted(unknown)}"


def test_addresses_are_found():
    assert f"{ROOT}/play" in addresses(FOLDER / "supercollider" / "ghostnote.scd")
    assert f"{ROOT}/part8/weight/h" in addresses(FOLDER / "tidal" / "BootGhostnote.hs")


def test_an_event_of_supercollider_has_the_names_of_the_table():
    text = (FOLDER / "supercollider" / "ghostnote.scd").read_text(encoding="utf-8")
    (keys,) = re.findall(r"var keys = #\[(.*?)\]", text, flags=re.DOTALL)
    assert re.findall(r"\\(\w+)", keys) == [argument.name for argument in PLAY.row.arguments]


def test_a_note_of_tidal_passes_the_check_of_the_table():
    """Names and values in turn, with values for those that a pattern must give."""
    text = (FOLDER / "tidal" / "BootGhostnote.hs").read_text(encoding="utf-8")
    (listed,) = re.findall(r'"/gn/play" \$ ArgList \[(.*?)\]', text, flags=re.DOTALL)
    pairs = re.findall(r'\("(\w+)", (?:Just \$ (VS|VF) ("?[\w.]+"?)|(Nothing))\)', listed)
    assert len(pairs) == listed.count('("')
    args = [
        1 if nothing else value.strip('"') if kind == "VS" else float(value)
        for _, kind, value, nothing in pairs
    ]
    fitted, clipped = check(PLAY, tuple(args))
    assert not clipped
    assert [name for name, *_ in pairs][1::2] == list(fitted[::2])


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_ports_are_the_engines(path):
    ports = set(re.findall(r"\b(?:9\d{3}|57\d{3})\b", path.read_text(encoding="utf-8")))
    assert ports <= {"9770", "57120"}
