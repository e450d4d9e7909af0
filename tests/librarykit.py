"""What tests of libraries share: embedding without workers, workers that crash, what a library holds."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from ghostnote.crew import Lost
from ghostnote.decode.manifest import Manifest
from ghostnote.library import catalogue, database, embedding, indexing, places, shards
from ghostnote.library.catalogue import Catalogue, Facts
from ghostnote.library.descriptors import Descriptors
from ghostnote.library.embedding import Embedded, Shard, Sound
from ghostnote.library.walk import Mark


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


def crash_inside(shard: Shard) -> list[Embedded]:
    """Embeds, and ends the process where the first file is decoded, wherever that is."""
    embedding.sounds_in = lambda *_: os.kill(os.getpid(), signal.SIGSEGV)
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


CLASSES = ("kick", "snare", "tom", "noise")


def made(
    numbers: Iterable[int], manifest: Manifest
) -> tuple[list[Embedded], list[tuple[bytes, bytes, Mark]]]:
    """Contents by number, the same each time, and files that have them: one to three sounds in each, in
    clusters; of every seventh content a copy in another folder; every eleventh has the sounds of its
    predecessor; some without a pitch; one folder whose name is no text."""
    results, files = [], []
    for k in numbers:
        like = k - (k % 11 == 10)
        rng = np.random.default_rng(like)
        centre = 2.0 * np.random.default_rng(1000 + like % 20).standard_normal(manifest.latent_size)
        sounds = []
        for piece in range(1 + like % 3):
            chance, values = rng.exponential(size=len(manifest.classes)) ** 3, rng.random(6)
            described = Descriptors(
                -60.0 * values[0], 100.0 + 8000.0 * values[1], 900.0 * values[2] * (values[2] > 0.4),
                0.1 * values[3], values[4], values[5],
            )  # fmt: skip
            point = (centre + 0.5 * rng.standard_normal(manifest.latent_size)).astype(np.float32)
            sounds.append(Sound(0.7 * piece, point, (chance / chance.sum()).astype(np.float32), described))
        content = k.to_bytes(20, "big")
        results.append(Embedded(content, embedding.OK, "", tuple(sounds)))
        folder = b"\xff\xfe" if k % 5 == 4 else f"kit{k % 5}".encode()
        places_ = [b"/samples/Drums/" + folder] + [b"/other/copies"] * (k % 7 == 0)
        name = f"{CLASSES[k % 4]}_{'abcdefgh'[k % 8]}{k}.wav".encode()
        files += [(place + b"/" + name, content, Mark(0, 0)) for place in places_]
    return results, files


def write_made(folder: Path, model: Path, manifest: Manifest, numbers: Iterable[int]) -> Path:
    """A library of contents that `made` gives, its database."""
    folder.mkdir(parents=True, exist_ok=True)
    path = catalogue.path_for(folder, manifest)
    with closing(Catalogue(path)) as writing:
        writing.begin(writing.facts() or Facts.of(manifest, model, True))
        writing.put(*made(numbers, manifest), manifest.classes)
    return path


def index_slowly(folder: str, library: str, model: str) -> None:
    """What a process does that is killed on the way: batches of two, and it tells of each."""
    shards.SHARD_FILES = 2
    options = indexing.IndexOptions(model, workers=1)
    indexing.index([folder], library, options, lambda progress: print(progress.done, flush=True))


if __name__ == "__main__":
    index_slowly(*sys.argv[1:])
