"""What runs in the workers of a Ray cluster: a crew of one process, so that a decoder costs its file only."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import ghostnote
from ghostnote.crew import Crew, Lost
from ghostnote.decode.files import inside
from ghostnote.decode.manifest import Manifest
from ghostnote.errors import LibraryError
from ghostnote.library.embedding import VERSION, Shard
from ghostnote.library.engines import LocalEngine, limit_s
from ghostnote.library.status import digest_in

NICE = 5
_MANIFEST = "model.json"


@dataclass(frozen=True)
class Carried:
    """A model on its way: the folder that it was in, its digest, its files."""

    folder: str
    digest: str
    files: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, folder: str) -> Carried:
        """That in a folder. Raises BundleError, OSError."""
        place = Path(folder)
        manifest = Manifest.from_file(inside(place, _MANIFEST))
        names = sorted(path.name for path in place.iterdir() if path.suffix in (".json", ".onnx"))
        return cls(folder, manifest.digest, tuple((name, (place / name).read_bytes()) for name in names))


def version() -> tuple[str, int]:
    """That of this program, and of what it computes."""
    return ghostnote.__version__, VERSION


def trouble(wanted: tuple[str, int], folders: Sequence[str]) -> str:
    """Why this machine cannot work on shards; "" when it can."""
    if version() != wanted:
        return f"has ghostnote {version()[0]}, not {wanted[0]}; install the same version there"
    missing = [folder for folder in folders if not os.path.isdir(folder)]
    if missing:
        return (
            f"does not see {missing[0]}; index a folder that all machines have under the same path, or "
            "an object store (s3://…)"
        )
    return ""


class Isolated:
    """Runs a pickled task in a process beside; lives as long as a worker."""

    def __init__(self, task: bytes, model: Carried) -> None:
        self._task: Callable[[Any], Any] = pickle.loads(task)
        self._carried = model
        self._engine = LocalEngine(Crew(1, limit_s, LibraryError, NICE))

    def __del__(self) -> None:
        """What a worker does at last, unless it is killed."""
        self._engine.close()

    @cached_property
    def _model(self) -> str:
        """The folder of the model on this machine."""
        carried = self._carried
        here = Path(tempfile.gettempdir(), f"ghostnote-model-{carried.digest[:16]}")
        for folder in (carried.folder, str(here)):
            if digest_in(folder) == carried.digest:
                return folder
        part = Path(tempfile.mkdtemp(prefix="ghostnote-model-"))
        for name, content in carried.files:
            (part / name).write_bytes(content)
        with suppress(OSError):  # another worker was first
            return str(part.rename(here))
        shutil.rmtree(part, ignore_errors=True)
        return str(here)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Rows of `number` and pickled `job` → rows of `number` and pickled `result`."""
        return _answered(batch, self._run)

    def _run(self, job: Any) -> Any:
        if isinstance(job, Shard):
            job = replace(job, model=self._model)
        ((_, result),) = self._engine.run(self._task, [job])
        return result


def run_plainly(batch: dict[str, Any], task: bytes) -> dict[str, Any]:
    """As `Isolated`, in the worker itself."""
    return _answered(batch, pickle.loads(task))


def _answered(batch: dict[str, Any], work: Callable[[Any], Any]) -> dict[str, Any]:
    results = []
    for job in batch["job"]:
        try:
            result = work(pickle.loads(job))
        except (
            Exception
        ) as error:  # of the machine or the model: told to who indexes, and never a file's fault
            result = Lost(" ".join(str(error).split())[:300] or type(error).__name__, raised=True)
        results.append(pickle.dumps(result))
    return {"number": batch["number"], "result": results}
