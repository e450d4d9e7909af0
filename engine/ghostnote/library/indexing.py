"""Brings a library up to date with its folders: only what is new or changed is read."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from ghostnote.crew import Crew
from ghostnote.decode import bundle, files
from ghostnote.decode.manifest import Manifest
from ghostnote.errors import LibraryError
from ghostnote.features import other_formats
from ghostnote.features.segmentation import SegmentOptions
from ghostnote.library import addresses, places, quick, shards
from ghostnote.library.catalogue import UNSURE, UNSURE_NS, Catalogue, Facts, path_for
from ghostnote.library.embedding import (
    CHANGED,
    FAILED,
    LOST,
    OK,
    UNSUPPORTED,
    Embedded,
    Item,
    Shard,
    Unread,
    content_of,
    embed_shard,
    mark_of,
)
from ghostnote.library.engines import ENGINES, Engine, LocalEngine, limit_s
from ghostnote.library.kept import Kept
from ghostnote.library.search import renew_quick
from ghostnote.library.status import drop_outdated, latest_facts, latest_folders
from ghostnote.library.walk import Mark, Walk, inside, walk

DEFAULT_MODEL = "drums"
NICE = 5
"""Workers give way to an instrument that plays on the same machine."""

_RETRIED = (FAILED, LOST, UNSUPPORTED)


@dataclass(frozen=True)
class IndexOptions:
    """`model`: name or folder, None for the library's own (a new one's: drums); `segment`: cut recordings
    into sounds, None as the library was begun; `workers`: processes, None for one a core; `retry`: try again
    what failed before; `engine`: what computes, `local` or `ray`; `ray_address`: the head of a cluster
    (HOST:PORT, `auto`, `local`; None: RAY_ADDRESS or `local`); `shards`: folder or address where results are
    kept, and taken from by later indexes."""

    model: str | None = None
    segment: bool | None = None
    workers: int | None = None
    retry: bool = False
    engine: str = "local"
    ray_address: str | None = None
    shards: str | None = None


@dataclass(frozen=True)
class Progress:
    """How far an index is: of `total` files that are new or changed `done` are, so many a second lately."""

    done: int
    total: int
    files_per_s: float
    left_s: float


@dataclass
class Report:
    """What an index found and did; `failed` and `unread` are (path, why); `trouble`: why a large library
    will be searched without its quick index."""

    library: str
    model: str
    files: int = 0
    segments: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    embedded: int = 0
    failed: list[tuple[bytes, str]] = field(default_factory=list)
    unread: list[tuple[bytes, str]] = field(default_factory=list)
    seconds: float = 0.0
    trouble: str = ""


@dataclass(frozen=True)
class _Candidate:
    path: bytes
    mark: Mark
    known: bool


def index(
    folders: Sequence[str | os.PathLike[str]],
    library: str | os.PathLike[str] = places.DEFAULT,
    options: IndexOptions = IndexOptions(),
    tell: Callable[[Progress], None] = lambda progress: None,
) -> Report:
    """Bring a library up to date with folders, or with those that it has where none is given.

    Files that moved keep what was computed, copies are computed once, files that are gone go; a folder that
    vanishes, or is all at once empty, keeps its files. May be ended at any moment, and goes on where it was.
    Raises LibraryError, BundleError.
    """
    began = time.monotonic()
    place = places.place(library)
    walks = [_walk(os.fspath(folder)) for folder in folders]
    with places.alone(place):
        before = latest_facts(place)
        folder, manifest = _model(options.model or (before.model_folder if before else DEFAULT_MODEL), before)
        with closing(Catalogue(path_for(place, manifest))) as catalogue:
            facts = _begin(catalogue, Facts.of(manifest, folder, bool(options.segment)), options)
            report = Report(places.named(place), manifest.name)
            if not folders:
                walks = list(_known_folders(catalogue.folders() or latest_folders(place), place, report))
            catalogue.add_folders(found.top for found in walks)
            _update(catalogue, facts, walks, options, report, tell)
            report.files, report.segments, report.failed = catalogue.totals()
            path = catalogue.path
        changed = report.embedded or report.added or report.changed or report.removed
        if quick.wanted(report.segments) and (changed or not quick.place(path).is_file()):
            report.trouble = renew_quick(path)
        elif report.segments < quick.FROM:
            quick.forget(path)
        drop_outdated(place, manifest)
    report.seconds = time.monotonic() - began
    return report


def _walk(folder: str) -> Walk:
    return addresses.walk(folder) if addresses.is_address(folder) else walk(folder)


def _there(folder: bytes) -> bool:
    return addresses.there(os.fsdecode(folder)) if addresses.is_address(folder) else os.path.isdir(folder)


def _model(name: str, before: Facts | None) -> tuple[Path, Manifest]:
    """The folder and manifest of a model; one that has moved is found by its name."""
    if before is not None and name == before.model_folder and not Path(name).is_dir():
        name = before.model
    folder = bundle.find(name)
    return folder, Manifest.from_file(files.inside(folder, bundle.MANIFEST_NAME))


def _begin(catalogue: Catalogue, facts: Facts, options: IndexOptions) -> Facts:
    before = catalogue.facts()
    if before is not None:
        if options.segment is not None and options.segment != before.segmented:
            was = "with" if before.segmented else "without"
            raise LibraryError(
                f"{catalogue.path.parent}: this library was indexed {was} --segment; index into another "
                "--library, or remove this one first"
            )
        facts = replace(facts, segmented=before.segmented, begun=before.begun)
    catalogue.begin(facts)
    return facts


def _known_folders(folders: Sequence[bytes], place: Path, report: Report) -> Iterator[Walk]:
    if not folders:
        raise LibraryError(
            f"library {places.named(place)!r}: no folder was indexed yet; give one: ghostnote index DIR"
        )
    for folder in folders:
        try:
            yield _walk(os.fsdecode(folder))
        except LibraryError as error:
            report.unread.append((folder, str(error).removeprefix(f"{os.fsdecode(folder)}: ")))


def _update(
    catalogue: Catalogue,
    facts: Facts,
    walks: Sequence[Walk],
    options: IndexOptions,
    report: Report,
    tell: Callable[[Progress], None],
) -> None:
    looked_ns = time.time_ns()
    candidates, gone = _compare(catalogue, walks, options, report)
    with _Run(catalogue, facts, options, report, walks, looked_ns) as run:
        for start in range(0, len(candidates), run.chunk):
            last = start + run.chunk >= len(candidates)
            for done, spent_s in run.take(candidates[start : start + run.chunk], last=last):
                rate = done / max(spent_s, 1e-3)
                tell(Progress(done, len(candidates), rate, (len(candidates) - done) / max(rate, 1e-3)))
    still = [found for found in walks if _there(found.top)]
    report.unread += [(found.top, "vanished while it was indexed; its files are kept") for found in walks
                      if found not in still]  # fmt: skip
    leaving = {path for found in still for path in gone.get(found.top, ())}
    catalogue.remove(leaving)
    report.removed = len(leaving)


def _compare(
    catalogue: Catalogue, walks: Sequence[Walk], options: IndexOptions, report: Report
) -> tuple[list[_Candidate], dict[bytes, list[bytes]]]:
    """Files to look at, and those that are gone, by folder."""
    candidates: dict[bytes, _Candidate] = {}
    gone: dict[bytes, list[bytes]] = {}
    retried = set(_RETRIED) if options.retry else {UNSUPPORTED} if other_formats.available() else set()
    everywhere = {path for found in walks for path in found.files}
    tops = {found.top for found in walks}
    others = [inside(folder) for folder in catalogue.folders() if folder not in tops]
    for found in walks:
        report.unread += found.unread
        known = {path: (mark, status) for path, mark, status in catalogue.marks(found.top)}
        inner = tuple(folder for folder in others if folder.startswith(inside(found.top)))
        missing = [
            path
            for path in known
            if path not in everywhere and found.knows(path) and not path.startswith(inner)
        ]
        if found.empty and missing:
            report.unread.append((found.top, "is empty; is its disk there? its files are kept"))
            missing = []
        gone[found.top] = missing
        for path, mark in found.files.items():
            was, status = known.get(path, (None, None))
            if was == mark and status is not None and status not in retried:
                report.unchanged += 1
            else:
                candidates[path] = _Candidate(path, mark, was is not None)
    return [candidates[path] for path in sorted(candidates)], gone


def _engine(options: IndexOptions, facts: Facts, walks: Sequence[Walk]) -> Engine:
    if options.engine == "local":
        return LocalEngine(Crew(options.workers, limit_s, LibraryError, NICE))
    if options.engine != "ray":
        raise LibraryError(f"there is no engine {options.engine!r}; there are: {', '.join(ENGINES)}")
    from ghostnote.library.ray_engine import RayEngine

    seen = [os.fsdecode(found.top) for found in walks if not addresses.is_address(found.top)]
    if options.shards and not addresses.is_address(options.shards):
        seen.append(os.path.abspath(os.path.expanduser(options.shards)))
    return RayEngine(options.ray_address, options.workers, facts.model_folder, seen)


class _Run:
    """Candidates to rows: hashed, and embedded by an engine where their content is new."""

    def __init__(
        self,
        catalogue: Catalogue,
        facts: Facts,
        options: IndexOptions,
        report: Report,
        walks: Sequence[Walk],
        looked_ns: int,
    ) -> None:
        self._catalogue, self._facts, self._options = catalogue, facts, options
        self._report, self._looked_ns = report, looked_ns
        self._cut = SegmentOptions() if facts.segmented else None
        self._statuses = catalogue.statuses()
        retried = set(_RETRIED) if options.retry else {UNSUPPORTED}
        self._settled = {content for content, status in self._statuses.items() if status not in retried}
        self._kept = Kept(options.shards, good=options.retry) if options.shards else None
        self._engine = _engine(options, facts, walks)
        self._waiting: dict[bytes, list[Item]] = {}
        self._done, self._began = 0, time.monotonic()

    @property
    def chunk(self) -> int:
        """So many candidates are worth being given at once."""
        return self._engine.chunk

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()

    def take(self, batch: Sequence[_Candidate], *, last: bool) -> Iterator[tuple[int, float]]:
        """Work on a batch; yields how many candidates are done, and after how many seconds."""
        ready = self._hashed(batch)
        self._put((), ready)
        yield self._done, time.monotonic() - self._began
        wanted, new = self._shards(last)
        for results in shards.embedded(self._engine, wanted, embed_shard, self._kept):
            with_content = {result.content: new[result.content] for result in results}
            stable = [result for result in results if result.status != CHANGED]
            self._settled |= {result.content for result in stable}
            self._report.embedded += sum(result.status == OK for result in stable)
            unread = [(item.path, result.reason) for result in results if result.status == CHANGED
                      for item in with_content[result.content]]  # fmt: skip
            self._unread(unread)
            self._put(stable, [item for result in stable for item in with_content[result.content]])
            yield self._done, time.monotonic() - self._began

    def _hashed(self, batch: Sequence[_Candidate]) -> list[Item]:
        """Files whose content is known; the others wait to be embedded."""
        ready: list[Item] = []
        unread: list[tuple[bytes, str]] = []
        known = {candidate.path: candidate.known for candidate in batch}
        for found in self._read([(candidate.path, candidate.mark) for candidate in batch]):
            if isinstance(found, Unread):
                unread.append((found.path, found.reason))
                continue
            self._report.added += not known[found.path]
            self._report.changed += known[found.path]
            if found.content in self._settled:
                ready.append(found)
            else:
                self._waiting.setdefault(found.content, []).append(found)
        self._unread(unread)
        return ready

    def _read(self, files: Sequence[tuple[bytes, Mark]]) -> Iterator[Item | Unread]:
        """Files with their hashes; those of this machine are read here, unless the engine is to."""
        far = [file for file in files if self._engine.hashes or addresses.is_address(file[0])]
        for path, _ in files if not far else sorted(set(files) - set(far)):
            try:
                mark = mark_of(path)
                yield Item(path, content_of(path), mark)
            except OSError as error:
                yield Unread(path, str(error.strerror or error))
        # In the order of their names, whatever came first: so shards are the same each time.
        yield from sorted(shards.hashed(self._engine, far), key=lambda found: found.path)

    def _shards(self, last: bool) -> tuple[list[Shard], dict[bytes, list[Item]]]:
        """What can be embedded, and its files by content; unless it is the `last`, the end waits for what
        comes: how many files are given at once must not make other shards.
        """
        first = [items[0] for items in self._waiting.values()]
        facts = self._facts
        wanted = list(shards.shards(first, facts.model_folder, facts.digest, self._cut))
        if not last:
            wanted = wanted[:-1]
        taken = [item.content for shard in wanted for item in shard.items]
        return wanted, {content: self._waiting.pop(content) for content in taken}

    def _put(self, results: Sequence[Embedded], items: Sequence[Item]) -> None:
        rows = [
            (item.path, item.content, item.mark if self._sure(item.mark) else Mark(item.mark.size, UNSURE))
            for item in items
        ]
        if results or rows:
            self._catalogue.put(results, rows, self._facts.classes)
        self._done += len(items)

    def _unread(self, files: list[tuple[bytes, str]]) -> None:
        if files:
            self._report.unread += files
            self._catalogue.put_unread(files)
        self._done += len(files)

    def _sure(self, mark: Mark) -> bool:
        return mark.mtime_ns < self._looked_ns - UNSURE_NS
