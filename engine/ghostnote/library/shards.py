"""New files to hashes, and new contents to results: in groups, through an engine, past what is kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from ghostnote.crew import Lost
from ghostnote.errors import LibraryError
from ghostnote.features.segmentation import SegmentOptions
from ghostnote.library.embedding import LOST, Embedded, Item, Shard, Unread, hash_files
from ghostnote.library.engines import Engine
from ghostnote.library.kept import Kept, embed_and_keep, keep
from ghostnote.library.walk import Mark

Thing = TypeVar("Thing")

SHARD_FILES, SHARD_BYTES = 64, 32 << 20
"""Files and bytes that are embedded, and written, together at most: so much is lost by `kill -9`."""
UNREAD_GROUPS = 4
"""Groups of addresses of which none can be read, one after the other, that end an index."""


def hashed(engine: Engine, files: Sequence[tuple[bytes, Mark]]) -> Iterator[Item | Unread]:
    """Files with the hashes of their contents, computed by an engine's workers.

    Raises LibraryError when a store does not answer any more, or needs a package that is not installed.
    """
    groups = list(_grouped(files, lambda file: file[1].size))
    failed = 0
    for number, found in engine.run(hash_files, groups, isolated=False):
        if isinstance(found, Lost):
            if found.raised:
                raise LibraryError(f"nothing can be read: {found.reason}")
            found = [Unread(path, found.reason) for path, _ in groups[number]]
        yield from found
        unread = [one for one in found if isinstance(one, Unread)]
        failed = failed + 1 if len(unread) == len(found) and b"://" in unread[0].path else 0
        if failed >= UNREAD_GROUPS:
            raise LibraryError(
                f"{os.fsdecode(unread[0].path)}: cannot be read, like all before it "
                f"({unread[0].reason}); what was indexed is kept: index again"
            )


def shards(items: Sequence[Item], model: str, digest: str, cut: SegmentOptions | None) -> Iterator[Shard]:
    """Items in shards. Where one ends depends on contents alone: with a file more or less, most stay as they
    are.
    """
    for group in _grouped(items, lambda item: item.mark.size, lambda item: _ends(item.content)):
        yield Shard(tuple(group), model, digest, cut)


def _ends(content: bytes) -> bool:
    return int.from_bytes(content[-4:], "big") % SHARD_FILES == 0


def _grouped(
    things: Iterable[Thing], size: Callable[[Thing], int], last: Callable[[Thing], bool] = lambda thing: False
) -> Iterator[list[Thing]]:
    held: list[Thing] = []
    total = 0
    for thing in things:
        if held and (len(held) >= SHARD_FILES or total + size(thing) > SHARD_BYTES or last(held[-1])):
            yield held
            held, total = [], 0
        held.append(thing)
        total += size(thing)
    if held:
        yield held


def embedded(
    engine: Engine, wanted: Sequence[Shard], task: Callable[[Shard], list[Embedded]], kept: Kept | None
) -> Iterator[list[Embedded]]:
    """What became of the files of each shard, in the order in which that is known.

    A shard that is lost is taken file by file; a file that is lost alone, too, is in quarantine. What is kept
    already is not computed. Raises LibraryError when no file can be embedded at all.
    """
    if kept is not None:
        task = partial(embed_and_keep, task, kept.name)
        there = set()
        for number, results in kept.read(wanted):
            there.add(number)
            yield results
        wanted = [shard for number, shard in enumerate(wanted) if number not in there]
    lost: list[Shard] = []
    for number, result in engine.run(task, wanted):
        if isinstance(result, Lost):
            _check(result)
            lost.append(wanted[number])
        else:
            yield result
    alone = [replace(shard, items=(item,)) for shard in lost for item in shard.items]
    found: dict[bytes, Embedded] = {}
    for number, result in engine.run(task, alone):
        (item,) = alone[number].items
        if isinstance(result, Lost):
            _check(result)
            result = [Embedded(item.content, LOST, result.reason)]
        found[item.content] = result[0]
        yield result
    if kept is not None:
        for shard in lost:
            keep(kept.name, shard, [found[item.content] for item in shard.items])


def _check(lost: Lost) -> None:
    if lost.raised:
        raise LibraryError(f"nothing can be embedded: {lost.reason}")
