"""Features of many sounds on disk: a float16 row for each, kept by content and settings, computed once."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import DatasetError
from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import audio, synth
from ghostnote_training.corpus import Item
from ghostnote_training.crew import Crew, Lost
from ghostnote_training.store import Store

VERSION = 2
"""Raise it when features change."""

HEADROOM_DB = 20.0
"""How far below the model's floor the cache reaches, so that quiet detail survives gain augmentation."""

BATCH = 128
BATCH_S = 20.0
"""Rows are written when there are so many, or the first has waited so long: what a kill can lose."""

SPARE_BYTES = 256 << 20
"""Room that stays on the disk."""

Progress = Callable[[int, int], None]
"""(done, total)."""


def log_scale(magnitude: NDArray[np.float32], spec: FeatureSpec) -> NDArray[np.float32]:
    """The scale of `features.scale.compress` continued below 0 by the headroom. Any shape; same shape out."""
    span = -math.log(spec.floor)
    lowest = spec.floor * 10.0 ** (-HEADROOM_DB / 20.0)
    return np.asarray(1.0 + np.log(np.maximum(magnitude, lowest)) / span, dtype=np.float32)


def features(samples: NDArray[np.float32], spec: FeatureSpec) -> NDArray[np.float16]:
    """Cached form of one sound, shape (frames, bins)."""
    return log_scale(stft.magnitudes(samples, spec), spec).astype(np.float16)


class Sound(NamedTuple):
    """What to compute: ("file", path, speed), ("machined", path, speed) or ("synth", "class/index", seed).

    Of files the frames from `start` to `end` (0: the end). `pace` ≠ 1 plays the sound faster without changing
    its pitch.
    """

    kind: str
    what: str
    number: float
    start: int = 0
    end: int = 0
    pace: float = 1.0


def file_sound(item: Item, speed: float = 1.0) -> Sound:
    """The recipe for a file played at a speed."""
    return Sound("file", str(item.path), speed)


def machined_sound(item: Item, speed: float) -> Sound:
    """The recipe for a file as an old sampler or a box with a gate would play it, at a speed."""
    return Sound("machined", str(item.path), speed)


def synth_sound(label: str, index: int, seed: int) -> Sound:
    """The recipe for a synthesised sound."""
    return Sound("synth", f"{label}/{index}", float(seed))


def render(sound: Sound, spec: FeatureSpec) -> NDArray[np.float32]:
    """Samples of a recipe at its own pace, shape (spec.samples,)."""
    if sound.kind == "synth":
        label, index = sound.what.split("/")
        return synth.draw(label, int(index), int(sound.number))
    samples = audio.load(Path(sound.what), spec, sound.number, sound.start, sound.end)
    if sound.kind == "file" or not samples.any():
        return samples
    seed = [zlib.crc32(Path(sound.what).name.encode(errors="surrogatepass")), round(sound.number * 1e4)]
    rng = np.random.default_rng([*seed, sound.start] if sound.start else seed)
    raw = synth.finish(rng, samples.astype(np.float64)).astype(np.float32)
    return audio.fit(audio.cut_to_onset(raw), spec)


def row(sound: Sound, spec: FeatureSpec) -> NDArray[np.float16]:
    """Features of a recipe, shape (frames, bins): its pace is the hop between its frames, so pitch stays."""
    if sound.pace == 1.0:
        return features(render(sound, spec), spec)
    paced = replace(spec, hop=max(1, round(spec.hop * sound.pace)))
    return features(render(sound, paced), paced)


def content(path: Path) -> str:
    """SHA-256 of a file. Raises OSError."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def key(sound: Sound, spec: FeatureSpec, content: str) -> str:
    """Name of a row: changes with the file's content (a hash, "" for synthesis), settings and code
    versions.
    """
    parts: list[object] = [VERSION, audio.ONSET_DB, spec.as_dict(), sound.kind, content, *sound[2:]]
    if sound.kind != "file":
        parts += [synth.VERSION, sound.what if sound.kind == "synth" else Path(sound.what).name]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


class Part(Protocol):
    """Rows of features, shape (frames, bins) each."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> NDArray[np.float16]: ...


class Rows:
    """Rows of a store in the order of their recipes, read from disk when they are asked for.

    One that turns out to be damaged is computed again and stored; that raises DatasetError when its file is
    gone.
    """

    def __init__(self, store: Store, sounds: Sequence[Sound], keys: Sequence[str], spec: FeatureSpec) -> None:
        self.sounds, self.keys = list(sounds), list(keys)
        self._store, self._spec = store, spec
        self.repaired = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """(rows, frames, bins)."""
        return (len(self.keys), self._spec.frames, self._spec.bins)

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int, /) -> NDArray[np.float16]:
        found = self._store.read(self.keys[index])
        return self._again(index) if found is None else found

    def take(self, indices: Sequence[int]) -> Rows:
        """Some of the rows, in the given order."""
        sounds, keys = [self.sounds[k] for k in indices], [self.keys[k] for k in indices]
        return Rows(self._store, sounds, keys, self._spec)

    def _again(self, index: int) -> NDArray[np.float16]:
        sound = self.sounds[index]
        try:
            made = row(sound, self._spec)
        except (OSError, RuntimeError) as error:
            raise DatasetError(
                f"{self._store.folder}: the features of {sound.what} are damaged, and it cannot be read "
                f"to make them again ({error}); put it back, or start without it"
            ) from None
        self._store.add([self.keys[index]], [made])
        self.repaired += 1
        return made


def prepare(
    sounds: Sequence[Sound],
    spec: FeatureSpec,
    folder: Path,
    crew: Crew,
    progress: Progress | None = None,
    contents: Mapping[str, str] | None = None,
) -> tuple[Rows, dict[int, str]]:
    """Rows of all recipes, and those that could not be computed: their index, and why (they have no row to
    read).

    What is not in `folder` is computed by the crew and added, batch by batch, so that an interrupted run goes
    on where it was. `contents`: hashes of files that are known. Raises DatasetError without room to write.
    """
    hashes = dict(contents or {})
    failed: dict[int, str] = {}
    keys = []
    for index, sound in enumerate(sounds):
        if sound.kind != "synth" and sound.what not in hashes:
            try:
                hashes[sound.what] = content(Path(sound.what))
            except OSError as error:
                failed[index] = str(error.strerror or error)
        keys.append(key(sound, spec, "" if sound.kind == "synth" else hashes.get(sound.what, "missing")))
    store = Store(folder, (spec.frames, spec.bins))
    wanted: dict[str, list[int]] = {}
    for index, name in enumerate(keys):
        if name not in store and index not in failed:
            wanted.setdefault(name, []).append(index)
    if wanted:
        _check_room(folder, len(wanted) * store.row_bytes)
        names = list(wanted)
        jobs = [(sounds[wanted[name][0]], spec) for name in names]
        for number, reason in _fill(store, names, jobs, crew, progress).items():
            failed.update(dict.fromkeys(wanted[names[number]], reason))
    return Rows(store, sounds, keys, spec), failed


def _fill(
    store: Store,
    names: Sequence[str],
    jobs: Sequence[tuple[Sound, FeatureSpec]],
    crew: Crew,
    progress: Progress | None,
) -> dict[int, str]:
    lost: dict[int, str] = {}
    waiting: dict[str, NDArray[np.float16]] = {}
    since = time.monotonic()

    def flush() -> None:
        batch = dict(waiting)
        waiting.clear()
        store.add(list(batch), list(batch.values()))

    try:
        for done, (number, result) in enumerate(crew.run(_row, jobs), start=1):
            if isinstance(result, Lost):
                lost[number] = result.reason
            else:
                if not waiting:
                    since = time.monotonic()
                waiting[names[number]] = result
                if len(waiting) >= BATCH or time.monotonic() - since > BATCH_S:
                    flush()
            if progress is not None:
                progress(done, len(jobs))
    finally:
        flush()
    return lost


def _row(job: tuple[Sound, FeatureSpec]) -> NDArray[np.float16]:
    return row(*job)


def _check_room(folder: Path, needed: int) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise DatasetError(
            f"{folder}: cannot be used to keep features ({error.strerror or error}); give another folder"
        ) from None
    if free < needed + SPARE_BYTES:
        raise DatasetError(
            f"{folder}: {needed / 1e9:.1f} GB of features do not fit, {free / 1e9:.1f} GB are free; free "
            "some space, give a folder on another disk, or take fewer sounds"
        )


def build(
    sounds: Sequence[Sound],
    spec: FeatureSpec,
    folder: Path,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Rows:
    """Features of all recipes. Raises DatasetError for a sound that cannot be read, and as `prepare` does."""
    with Crew(workers) as crew:
        rows, failed = prepare(sounds, spec, folder, crew, progress)
    for index, reason in failed.items():
        raise DatasetError(f"{sounds[index].what}: {reason}; {len(failed)} of {len(sounds)} sounds failed")
    return rows


class Joined:
    """Several parts of features read as one; indexing by an integer array copies those rows as float32."""

    def __init__(self, parts: Sequence[Part | NDArray[np.float16]]) -> None:
        self.parts = list(parts)
        self._starts = np.cumsum([0, *(len(part) for part in parts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: NDArray[np.int64]) -> NDArray[np.float32]:
        which = np.searchsorted(self._starts, index, side="right") - 1
        return np.stack(
            [self.parts[p][int(i - self._starts[p])] for p, i in zip(which, index, strict=True)]
        ).astype(np.float32)
