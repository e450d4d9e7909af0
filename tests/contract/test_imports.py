"""Who may import whom: the table in docs/architecture.md, read from there and held against every module."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

TRAINING_MAY_USE = {"errors", "units", "features", "decode", "crew"}
NEVER_IN_ENGINE = {"keras", "tensorflow", "jax", "tf2onnx", "ghostnote_training"}
NEVER_ANYWHERE = {"torch", "torchaudio"}
NOT_AT_START = {
    "librosa",
    "onnx",
    "matplotlib",
    "psutil",
    "jack",
    "numba",
    "sklearn",
    "av",
    "faiss",
    "qdrant_client",
    "ray",
    "fsspec",
    "pyarrow",
}


def read_table(text: str) -> dict[str, set[str]]:
    """The rows of the import table: package → packages that it may import."""
    section = text.split("## Import contract")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \| (.+?) \|$", section, flags=re.MULTILINE)
    table: dict[str, set[str]] = {}
    for left, right in rows:
        names = re.findall(r"`(\w+)`", left)
        allowed = set(re.findall(r"`(\w+)`", right))
        if "all of the above" in right:
            allowed |= set(table)
        table.update({name: set(allowed) for name in names})
        if right.startswith("everything"):
            for name in names:
                table[name] = {"*"}
    return table


@pytest.fixture(scope="module")
def table(root):
    return read_table((root / "docs" / "architecture.md").read_text(encoding="utf-8"))


def part_of(name: str) -> str:
    """The part of `ghostnote` that a dotted name belongs to; '' for the top itself."""
    return name.split(".")[1] if name.count(".") else ""


def test_table_is_read_as_written(table):
    assert table["errors"] == set()
    assert table["control"] == {"state", "errors", "units", "telemetry", "json_text"}
    assert {"audio", "synth", "errors"} <= table["core"]
    assert not {"host", "library"} & table["core"]
    assert table["host"] >= {"core", "audio"}
    assert table["cli"] == {"*"}


def test_every_part_of_the_engine_has_a_row(engine_modules, table):
    parts = {part_of(m.name) for m in engine_modules} - {"", "__main__"}
    without = sorted(parts - set(table))
    assert not without, f"no row in docs/architecture.md, section Import contract, for: {', '.join(without)}"


def test_engine_imports_only_what_its_row_allows(engine_modules, table):
    wrong = []
    for module in engine_modules:
        here = part_of(module.name)
        allowed = {"tool", "cli"} if here in ("", "__main__") else table.get(here, set())
        for used in module.imports:
            there = part_of(used.name)
            if used.name.split(".")[0] != "ghostnote" or there in ("", "__version__", here):
                continue
            if there not in allowed and "*" not in allowed:
                wrong.append(f"{module.where}:{used.line} `{here}` imports `{there}`")
    assert not wrong, "imports against docs/architecture.md, section Import contract:\n" + "\n".join(wrong)


def test_training_uses_only_what_it_may_of_the_engine(training_modules):
    wrong = [
        f"{module.where}:{used.line} imports {used.name}"
        for module in training_modules
        for used in module.imports
        if used.name.split(".")[0] == "ghostnote" and part_of(used.name) not in TRAINING_MAY_USE
    ]
    assert not wrong, "training may import of the engine only features, decode and crew:\n" + "\n".join(wrong)


def test_engine_is_free_of_training_frameworks(engine_modules):
    wrong = [
        f"{module.where}:{used.line} imports {used.name}"
        for module in engine_modules
        for used in module.imports
        if used.name.split(".")[0] in NEVER_IN_ENGINE | NEVER_ANYWHERE
    ]
    assert not wrong, "the engine runs on onnxruntime alone:\n" + "\n".join(wrong)


def test_nothing_imports_torch(engine_modules, training_modules, test_modules):
    wrong = [
        f"{module.where}:{used.line} imports {used.name}"
        for module in engine_modules + training_modules + test_modules
        for used in module.imports
        if used.name.split(".")[0] in NEVER_ANYWHERE
    ]
    assert not wrong, "torch has no place here:\n" + "\n".join(wrong)


def test_heavy_libraries_are_imported_where_they_are_used(engine_modules):
    wrong = [
        f"{module.where}:{used.line} imports {used.name} when it is imported itself"
        for module in engine_modules
        for used in module.imports
        if used.at_start and used.name.split(".")[0] in NOT_AT_START and part_of(module.name) != "bench"
    ]
    assert not wrong, "move these imports into the functions that need them (start-up time):\n" + "\n".join(
        wrong
    )


def test_importing_the_engine_loads_no_heavy_library(engine_modules):
    """What the syntax tree cannot show: an allowed library that drags a forbidden one in."""
    names = [m.name for m in engine_modules if part_of(m.name) not in ("bench", "__main__")]
    script = "\n".join(
        [
            "import importlib, sys",
            f"for name in {names!r}:",
            "    try:",
            "        importlib.import_module(name)",
            "    except OSError as error:",  # a sound library that this machine does not have
            "        assert 'PortAudio' in str(error) or 'libjack' in str(error), (name, error)",
            f"heavy = {sorted(NEVER_IN_ENGINE | NEVER_ANYWHERE | NOT_AT_START)!r}",
            "print(*[name for name in heavy if name in sys.modules])",
        ]
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert not done.stdout.split(), f"importing the engine loads {done.stdout.strip()}"
