"""docs/reference says what the parameter table says, and names everything that is in it."""

from __future__ import annotations

import importlib.util
import re

import pytest

from ghostnote.control.osc_conversation import ANSWERS, SAYINGS
from ghostnote.control.osc_nodes import NODES
from ghostnote.state.commands import COMMANDS
from ghostnote.state.parameters import PARAMETERS
from ghostnote.state.readings import READINGS
from ghostnote.state.table import ROOT, Command, Parameter


@pytest.fixture(scope="module")
def reference(root):
    spec = importlib.util.spec_from_file_location("reference", root / "scripts" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_not_stale(reference):
    found = reference.stale()
    assert not found, (
        f"docs/reference: {', '.join(found)} not as the table has it; run `make reference` "
        "(or `python scripts/reference.py`) and commit what it writes"
    )


def test_the_check_finds_a_changed_page(reference, monkeypatch, tmp_path):
    monkeypatch.setattr(reference, "FOLDER", tmp_path)
    assert reference.stale() == ["midi.md", "osc.md", "parameters.md"]
    for path, text in reference.pages().items():
        path.write_text(text, encoding="utf-8")
    assert reference.stale() == []
    (tmp_path / "osc.md").write_text("something else", encoding="utf-8")
    assert reference.stale() == ["osc.md"]


def test_a_new_row_makes_the_pages_stale(reference, monkeypatch):
    row = Parameter("master/sparkle", "f", 0.0, text="Glitter.")
    monkeypatch.setattr(reference, "PARAMETERS", (*PARAMETERS, row))
    monkeypatch.setitem(reference.DEFAULTS, f"{ROOT}/master/sparkle", 0.0)
    assert {"osc.md", "parameters.md"} <= set(reference.stale())


def test_every_row_has_its_line(reference):
    osc = reference.pages()[reference.FOLDER / "osc.md"]
    shown = set(re.findall(r"^\| `(/[^`]+)` \|", osc, flags=re.MULTILINE))
    rows = [reference.address(row.path).strip("`") for row in (*PARAMETERS, *COMMANDS, *READINGS)]
    assert shown >= {*rows, *SAYINGS, *ANSWERS}


PAGES = ("README.md", "docs/control.md", "docs/scenes.md", "docs/models.md", "patches/*/README.md")


@pytest.mark.parametrize("pattern", PAGES)
def test_addresses_in_pages_for_people_exist(root, pattern):
    """A whole address, or the beginning of some."""
    known = {*NODES, *SAYINGS, *ANSWERS}
    begins = {addr[:k] for addr in known for k, letter in enumerate(addr) if letter == "/"} | known
    for path in root.glob(pattern):
        used = set(re.findall(r"(?<![\w.])/gn(?:/[a-z0-9_]+)*", path.read_text(encoding="utf-8")))
        assert not used - begins, f"{path.name} names addresses that do not exist: {sorted(used - begins)}"


def test_every_row_says_what_it_is():
    silent = [row.path for row in (*PARAMETERS, *COMMANDS, *READINGS) if not row.text.endswith(".")]
    assert not silent, "rows of the table without a sentence"


def test_tables_are_whole(reference):
    """Every line of a table has as many cells as its head, whatever stands in them."""
    for path, text in reference.pages().items():
        for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
            cells = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
            assert len(cells) == 1, f"{path.name}: {block[:200]}"


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (Command("x", (reference_argument := COMMANDS[0].arguments[0],)), "[`f:velocity` 0…1]"),
        (Command("x", (reference_argument,), variadic=True), "[`f:velocity …` 0…1]"),
        (Command("x"), ""),
    ],
)
def test_arguments_are_shown_with_their_ranges(reference, row, shown):
    assert reference.arguments(row) == shown


@pytest.mark.parametrize(
    ("given", "shown"), [(range(1, 9), "1–8"), ((10,), "10"), ((1, 2, 5, 16), "1–2, 5, 16")]
)
def test_channels_are_shown_as_runs(reference, given, shown):
    assert reference.channels(given) == shown
