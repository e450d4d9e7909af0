"""The section `engines` of `ghostnote bench`: files a second by each engine, and many files by the slope."""

from __future__ import annotations

import importlib.util
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ghostnote.bench import library_cost
from ghostnote.bench.engine_cost import Yardstick
from ghostnote.bench.jack_server import UnavailableError
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.result import Section
from ghostnote.decode import bundle
from ghostnote.library.indexing import IndexOptions, index

LARGEST = 10_000
"""So many files are made at most, of the sizes that are asked for."""
BEYOND = (10_000_000, 100_000_000)
CORES = (8, 40)
"""With more, the one process that merges is what is waited for."""
TICK_S = 0.5
RAY = IndexOptions(engine="ray", ray_address="local", workers=2)
WAYS: dict[str, tuple[bool, IndexOptions]] = {
    "local, 1 worker": (False, IndexOptions(workers=1)),
    "local, 2 workers": (False, IndexOptions(workers=2)),
    "local, 2 workers, file://": (True, IndexOptions(workers=2)),
    "ray, 2 workers": (False, RAY),
    "ray, 2 workers, file://": (True, RAY),
}
"""Whether files are named by an address, and the rest."""


def engines(options: BenchOptions) -> Section:
    """What indexing new files takes by each engine, and what collections of other sizes would."""
    section = Section("engines", "short wav files from disk into a new library, all new; each way in turn")
    if importlib.util.find_spec("psutil") is None:
        raise UnavailableError("processors and memory are measured with psutil, which is not installed")
    sizes = sorted(size for size in options.sizes if size <= LARGEST)
    model = str(bundle.find(options.model))
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        for count in sizes:
            sounds = Path(name, str(count))
            sounds.mkdir()
            library_cost.write_hits(sounds, count, seed=count)
            for way, (far, how) in WAYS.items():
                if missing := _missing(far, how):
                    section.notes.append(f"{way}: not measured, {missing} is not installed")
                    continue
                folder = f"file://{sounds}" if far else str(sounds)
                library = Path(name, "library", way, str(count))
                rows.append({"way": way, "files": count, **_measured(folder, library, model, how)})
    section.tables["measured"] = rows
    if len(sizes) > 1:
        section.tables["by the slope of the last two"] = [
            beyond for way in WAYS for beyond in _beyond([row for row in rows if row["way"] == way])
        ]
    section.notes += [
        "start: what does not grow with the files; cpu: of all processes, whoever else had it between",
        "memory: of all processes beside this one, what they share counted once",
        f"hours_on_N: cpu spread over N processors that do nothing else; sizes above {LARGEST} were not made",
    ]
    return section


def _missing(far: bool, how: IndexOptions) -> str:
    wanted = ["fsspec"] * far + ["ray"] * (how.engine == "ray")
    return ", ".join(name for name in wanted if importlib.util.find_spec(name) is None)


def _measured(folder: str, library: Path, model: str, how: IndexOptions) -> dict[str, Any]:
    """Seconds, files a second, processor time of a file in ms, most memory in MB, and the yardstick."""
    yardstick, control = Yardstick(), []
    with _Watch() as watch:
        own, began = time.process_time(), time.perf_counter()
        report = index(
            [folder], library, IndexOptions(model, False, how.workers, False, how.engine, how.ray_address),
            lambda progress: control.append(yardstick.ms()),
        )  # fmt: skip
        seconds = time.perf_counter() - began
        own = time.process_time() - own
    assert not report.failed
    return {
        "seconds": seconds,
        "files_per_s": report.files / seconds,
        "cpu_ms_per_file": 1e3 * (own + watch.cpu_s) / report.files,
        "memory_mb": watch.memory_mb,
        "yardstick_ms": float(np.median(control)),
    }


def _beyond(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Straight lines through the last two sizes of a way."""
    if len(rows) < 2:
        return []
    one, other = rows[-2:]
    files = other["files"] - one["files"]
    each_s = (other["seconds"] - one["seconds"]) / files
    cpu = [row["cpu_ms_per_file"] * row["files"] / 3.6e6 for row in (one, other)]
    each_h = (cpu[1] - cpu[0]) / files
    return [
        {
            "way": other["way"],
            "files": count,
            "start_s": one["seconds"] - each_s * one["files"],
            "files_per_s": 1.0 / each_s,
            "cpu_hours": each_h * count,
            **{f"hours_on_{cores}": each_h * count / cores for cores in CORES},
        }
        for count in BEYOND
    ]


class _Watch:
    """Processor time and memory of all processes that this one starts while it lasts."""

    def __enter__(self) -> _Watch:
        import psutil

        self._me, self._gone, self._end = psutil.Process(), psutil.Error, threading.Event()
        self._spent: dict[tuple[int, float], float] = {}
        self.memory_mb = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def cpu_s(self) -> float:
        """Seconds of processors, of each process as it was last seen."""
        return sum(self._spent.values())

    def _run(self) -> None:
        number = 0
        while not self._end.wait(TICK_S):
            children = self._me.children(recursive=True)
            for child in children:
                with suppress(self._gone):
                    times = child.cpu_times()
                    self._spent[child.pid, child.create_time()] = times.user + times.system
            if number % 4 == 0:
                self.memory_mb = max(self.memory_mb, sum(map(self._bytes, children)) / 1e6)
            number += 1

    def _bytes(self, process: Any) -> int:
        with suppress(self._gone):
            memory = process.memory_full_info()
            return int(getattr(memory, "pss", memory.uss))
        return 0
