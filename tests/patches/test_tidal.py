"""TidalCycles itself, in ghci, with the shipped file: its patterns play an engine, in both ways."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from patches.conftest import entries
from playing import PATIENCE_S, wait_for

pytestmark = pytest.mark.real

FOLDER = Path(__file__).resolve().parents[2] / "patches" / "tidal"


@pytest.fixture
def tidal(tmp_path, playing):
    """Start ghci with the shipped file, its ports those of the engine; a function that evaluates a line."""
    program = shutil.which("ghci")
    packages = shutil.which("ghc-pkg")
    if program is None or packages is None:
        pytest.skip("GHC is not installed (Debian: libghc-tidal-dev)")
    if subprocess.run([packages, "latest", "tidal"], capture_output=True, timeout=PATIENCE_S).returncode:
        pytest.skip("TidalCycles is not installed (Debian: libghc-tidal-dev)")
    silence(playing)
    boot = (FOLDER / "BootGhostnote.hs").read_text(encoding="utf-8")
    boot = boot.replace("57120", str(playing.dirt_port)).replace("9770", str(playing.port))
    log = tmp_path / "ghci.log"
    with log.open("wb") as out:
        process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=out, stderr=out, text=True)

    def evaluate(lines: str) -> None:
        process.stdin.write(lines + "\n")
        process.stdin.flush()

    evaluate(boot)
    yield evaluate
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    said = log.read_text(encoding="utf-8", errors="replace")
    assert "error:" not in said, said


def silence(playing) -> None:
    """Wait until no note of an earlier Tidal can come any more: it sends them ahead, with their times."""
    for _ in range(2):  # another port's messages may be taken in after the first
        playing.sync()
        before = len(entries(playing, "/gn/panic"))
        playing.send("panic")
        wait_for(lambda before=before: len(entries(playing, "/gn/panic")) > before, "the panic in the log")


def played(playing, **wanted) -> bool:
    """Whether a note with these values is in the log."""
    notes = [dict(zip(args[::2], args[1::2], strict=True)) for args in entries(playing, "/gn/play")]
    return any(wanted.items() <= note.items() for note in notes)


def test_the_example_plays_through_both_addresses(tidal, playing):
    """Each line that the example shows is taken, and does what it says."""
    lines = (FOLDER / "example.tidal").read_text(encoding="utf-8").splitlines()
    tidal("\n".join(line for line in lines if line.startswith(("d1", "d2", "d3"))))
    wait_for(lambda: played(playing, part=1, s="kick"), "an event of orbit 0 at /dirt/play")
    wait_for(lambda: played(playing, part=2), "an event of orbit 1 at /dirt/play")
    wait_for(lambda: played(playing, part=3, note=60.0), "a note of part 3 at /gn/play")
    wait_for(lambda: played(playing, part=5, note=48.0, pan=-0.5), "a note with values of its own")


@pytest.mark.parametrize(
    ("line", "addr"),
    [
        ('d4 $ shift "-1 0 1 2" # part 1 # axis "d1"', "/gn/part1/axis/d1"),
        ('d4 $ weight "0 0.5 1" # part 1 # slot "b"', "/gn/part1/weight/b"),
        ('d4 $ decibels "<-6 0>" # part 3', "/gn/part3/gain"),
    ],
)
def test_knobs_move_without_a_note(tidal, playing, line, addr):
    assert line in (FOLDER / "example.tidal").read_text(encoding="utf-8").splitlines()
    before = len(entries(playing, "/gn/play"))
    tidal(line)
    wait_for(lambda: len(entries(playing, addr)) >= 2, f"{addr} in the log")
    assert len(entries(playing, "/gn/play")) == before
