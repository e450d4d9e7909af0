"""What computes shards: processes of this machine, or a Ray cluster; both do the same with them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeVar

from ghostnote.crew import Crew, Lost
from ghostnote.library.addresses import is_address
from ghostnote.library.embedding import Shard

Job = TypeVar("Job")
Result = TypeVar("Result")

ENGINES = ("local", "ray")

LEAST_LIMIT_S = 300.0
SLOWEST_BYTES_S = 50_000.0
"""A worker may take so long for a shard, and a second more for so many bytes. It is long, since other
programs may have the processors: who only had to wait must not be taken for hanging."""


class Engine(Protocol):
    """Runs a task for many jobs, of which none can spoil another."""

    chunk: int
    """So many files are worth being given at once."""
    hashes: bool
    """Whether also the hashes of files of this machine are computed by its workers."""

    def run(
        self, task: Callable[[Job], Result], jobs: Sequence[Job], *, isolated: bool = True
    ) -> Iterator[tuple[int, Result | Lost]]:
        """(number of the job, its result or how it was lost), in the order in which they end.

        `task` is a function of a module, or a `partial` of one. With `isolated`, the job of a process that
        ends or hangs is lost, and no other. Raises LibraryError when there can be no workers.
        """

    def close(self) -> None:
        """End the workers, whatever they are doing."""


class LocalEngine:
    """A crew of processes on this machine, with a folder for what they fetch."""

    chunk = 512
    hashes = False

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def run(
        self, task: Callable[[Job], Result], jobs: Sequence[Job], *, isolated: bool = True
    ) -> Iterator[tuple[int, Result | Lost]]:
        """See `Engine.run`; here, all is isolated."""
        if any(map(_far, jobs)) and self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="ghostnote-", ignore_cleanup_errors=True)
        if self._folder is not None:
            task = partial(_within, self._folder.name, task)
        yield from self._crew.run(task, jobs)

    def close(self) -> None:
        """End the processes."""
        self._crew.close()
        if self._folder is not None:
            with suppress(OSError):
                self._folder.cleanup()


def _within(folder: str, task: Callable[[Job], Result], job: Job) -> Result:
    """`task(job)` with its temporary files in a folder that is deleted also when this process is killed."""
    before, tempfile.tempdir = tempfile.tempdir, folder
    try:
        return task(job)
    finally:
        tempfile.tempdir = before


def limit_s(job: Any) -> float:
    """How long a worker may take for a job."""
    if not isinstance(job, Shard):
        return 2.0 * LEAST_LIMIT_S + float(sum(mark.size for _, mark in job)) / SLOWEST_BYTES_S
    size = sum(item.mark.size for item in job.items)
    return LEAST_LIMIT_S + (size / SLOWEST_BYTES_S if job.cut or _far(job) else 0.0)


def _far(job: Any) -> bool:
    paths = [item.path for item in job.items] if isinstance(job, Shard) else [path for path, _ in job]
    return any(map(is_address, paths))
