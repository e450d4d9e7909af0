"""What tests of libraries share: embedding without workers, workers that crash, what a library holds."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from ghostnote.crew import Lost
from ghostnote.library import database, embedding, indexing, places
from ghostnote.library.embedding import Embedded, Shard


class Inline:
    """In place of a crew: shards are embedded in this process, which is quick."""

    def __init__(self, *_: object) -> None:
        self.jobs = 0

    def close(self) -> None: ...

    def run(
        self, task: Callable[[Shard], list[Embedded]], jobs: Sequence[Shard]
    ) -> Iterator[tuple[int, list[Embedded] | Lost]]:
        for number, job in enumerate(jobs):
            yield number, task(job)


def fragile(shard: Shard) -> list[Embedded]:
    """Embeds; a file called crash… ends the process, one called hang… never ends."""
    for item in shard.items:
        name = os.path.basename(item.path)
        if name.startswith(b"crash"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if name.startswith(b"hang"):
            time.sleep(600)
    return embedding.embed_shard(shard)


def held(library: str | Path) -> dict[str, tuple[tuple[float, bytes], ...] | str]:
    """What a library holds: for each file its sounds (onset, latent point), or why it has none."""
    (path,) = places.databases(places.existing(library))
    found: dict[str, tuple[tuple[float, bytes], ...] | str] = {}
    with closing(database.connect(path)) as connection:
        for name, number, status, reason in connection.execute(
            "SELECT path, content, status, content.reason FROM file JOIN content ON content = content.id"
        ).fetchall():
            rows = connection.execute(
                "SELECT onset_s, latent FROM segment WHERE content = ? ORDER BY onset_s", (number,)
            ).fetchall()
            found[os.fsdecode(name)] = tuple(rows) if status == embedding.OK else reason
    return found


def index_slowly(folder: str, library: str, model: str) -> None:
    """What a process does that is killed on the way: batches of two, and it tells of each."""
    indexing.SHARD_FILES = 2
    options = indexing.IndexOptions(model, workers=1)
    indexing.index([folder], library, options, lambda progress: print(progress.done, flush=True))


if __name__ == "__main__":
    index_slowly(*sys.argv[1:])
