"""What the instrument's processes keep in memory, and how much of that is the sound server's."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.player import Player, message
from ghostnote.bench.result import Section
from ghostnote.bench.stats import Goal
from ghostnote.state.table import PARTS, ROOT

MEMORY_GOAL_MB = 300.0
MEMORY_S = 60.0

_STATUS = {"RssAnon": "anon_mb", "RssFile": "file_mb", "RssShmem": "shared_mb"}


@dataclass(frozen=True)
class Resident:
    """Resident set of a process in MB (10⁶ bytes).

    `own_mb`: its anonymous memory and the files it maps (libraries); `shared_mb`: memory shared with other
    programs, once for each time it is mapped. Both are None where the system does not tell (not Linux).
    """

    all_mb: float
    own_mb: float | None = None
    shared_mb: float | None = None


def memory(options: BenchOptions) -> Section:
    """Resident memory of each process after a minute of playing."""
    section = Section("memory", "resident set of each process while all parts are played and turned")
    seconds = MEMORY_S if options.seconds is None else options.seconds
    with contextlib.ExitStack() as stack:
        server: JackServer | None = None
        try:
            server = stack.enter_context(JackServer(realtime=options.realtime))
            env: Mapping[str, str] = server.env
            device: tuple[str, ...] = ()
        except UnavailableError as error:
            env, device = os.environ, ("--device", "null")
            section.notes.append(f"on the null device: {error}")
        player = stack.enter_context(Player(options.model, env, device))
        first = resident_of(player.pid)
        _play(player, seconds)
        if server is not None:
            server.check()
        last = resident_of(player.pid)
    for name, found in last.items():
        section.numbers[f"{name}_mb"] = found.all_mb
    section.numbers["seconds"] = seconds
    if "core" not in last or "core" not in first:
        raise UnavailableError("the core process was not there at the end")
    report(section, first["core"], last["core"], f"after {seconds:.0f} s")
    return section


def report(section: Section, first: Resident, last: Resident, when: str) -> None:
    """Put the core's memory at the start and `when` into `section`, and which of it meets the goal.

    What counts is the larger of the two: a client of the server may come and go.
    """
    section.numbers["core_at_start_mb"] = first.all_mb
    most = max(first.all_mb, last.all_mb)
    goals = [Goal(f"core memory at the start and {when}, all that is resident", most, MEMORY_GOAL_MB, "MB")]
    if None not in (first.own_mb, last.own_mb, first.shared_mb, last.shared_mb):
        for name, found in (("", last), ("_at_start", first)):
            section.numbers[f"core_own{name}_mb"] = found.own_mb or 0.0
            section.numbers[f"core_shared_with_server{name}_mb"] = found.shared_mb or 0.0
        most = max(first.own_mb or 0.0, last.own_mb or 0.0)
        goals.append(Goal(f"core memory at the start and {when}, its own", most, MEMORY_GOAL_MB, "MB"))
        section.notes.append(
            "own: anonymous memory and mapped files. Shared with the server: the JACK server's own memory, "
            "mapped and locked by each of the core's clients, PortAudio's and python-rtmidi's, and counted "
            "in the resident set for each; the machine holds it once, whether the core runs or not"
        )
    else:
        section.notes.append("this system does not tell a process's own memory from what it shares")
    section.goals.extend(goals)
    said = [f"{g.what.split(', ')[1]} {'meets' if g.met else 'misses'} it ({g.value:.0f} MB)" for g in goals]
    section.notes.insert(0, f"goal of {MEMORY_GOAL_MB:.0f} MB: " + ", ".join(said))


def resident(pid: int) -> Resident:
    """Resident set of one process. Raises psutil.Error when it is not there."""
    import psutil

    found: dict[str, float] = {}
    with contextlib.suppress(OSError):
        found = status_mb(Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace"))
    if len(found) < len(_STATUS):
        return Resident(float(psutil.Process(pid).memory_info().rss) / 1e6)
    own = found["anon_mb"] + found["file_mb"]
    return Resident(own + found["shared_mb"], own, found["shared_mb"])


def resident_of(pid: int) -> dict[str, Resident]:
    """Resident sets of `supervisor` (process `pid`), `core` and `front`, of those that are there."""
    import psutil

    parent = psutil.Process(pid)
    found = {"supervisor": resident(pid)}
    for child in parent.children():
        with contextlib.suppress(psutil.Error):
            name = " ".join(child.cmdline()).rpartition("ghostnote.host.")[2].split(" ")[0]
            if name:
                found[name] = resident(child.pid)
    return found


def status_mb(status: str) -> dict[str, float]:
    """`anon_mb`, `file_mb` and `shared_mb` of the text of /proc/PID/status (kB there are 1024 bytes)."""
    lines = (line.partition(":") for line in status.splitlines())
    return {_STATUS[key]: int(rest.split()[0]) * 1024 / 1e6 for key, _, rest in lines if key in _STATUS}


def _play(player: Player, seconds: float) -> None:
    rng = np.random.default_rng(5)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        part = int(rng.choice(PARTS))
        player.send(message(f"{ROOT}/part{part}/hit", 0.8))
        player.send(message(f"{ROOT}/part{part}/axis/d1", float(rng.uniform(-2, 2))))
        time.sleep(0.05)
