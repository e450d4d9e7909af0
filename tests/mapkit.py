"""Libraries of made-up points for tests of maps: clusters, and sounds that come and go."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np

from ghostnote.decode.manifest import Manifest
from ghostnote.library.catalogue import Catalogue, Facts, path_for
from ghostnote.library.descriptors import Descriptors
from ghostnote.library.embedding import OK, Embedded, Sound
from ghostnote.library.search import Library, open_library
from ghostnote.library.sound_map import SoundMap
from ghostnote.library.walk import Mark

FOLDER = b"/sounds"


def clusters(seed: int, kinds: int, each: int, size: int = 64) -> np.ndarray:
    """Points (kinds · each, size) around as many centres, a cluster after the other."""
    rng = np.random.default_rng(seed)
    centres = 2.0 * rng.standard_normal((kinds, 1, size))
    return (centres + 0.5 * rng.standard_normal((kinds, each, size))).reshape(-1, size).astype(np.float32)


def put(folder: Path, bundle: Path, points: Mapping[str, np.ndarray]) -> None:
    """Add sounds, by file name, to the library in a folder (made where it is missing)."""
    folder.mkdir(exist_ok=True)
    manifest = Manifest.from_file(bundle / "model.json")
    rng = np.random.default_rng(len(points))
    results, files = [], []
    for name, point in points.items():
        key = hashlib.blake2b(os.fsencode(name), digest_size=16).digest()
        chances = rng.dirichlet(np.ones(len(manifest.classes))).astype(np.float32)
        sound = Sound(0.0, np.asarray(point, np.float32), chances, Descriptors(-20, 900, 0, 0.01, 0.3, 0.5))
        results.append(Embedded(key, OK, "", (sound,)))
        files.append((FOLDER + b"/" + os.fsencode(name), key, Mark(1000, 1)))
    with closing(Catalogue(path_for(folder, manifest))) as catalogue:
        if catalogue.facts() is None:
            catalogue.begin(Facts.of(manifest, bundle, False))
            catalogue.add_folders([FOLDER])
        catalogue.put(results, files, manifest.classes)


def take(folder: Path, names: list[str]) -> None:
    """Take sounds out again."""
    with closing(Catalogue(open_library(folder).path)) as catalogue:
        catalogue.remove(FOLDER + b"/" + os.fsencode(name) for name in names)


def placed(library: Library, drawn: SoundMap) -> dict[str, tuple[float, float]]:
    """The place of each sound by its file's name."""
    names = [Path(file).name for file in library.files()]
    return dict(zip(names, map(tuple, drawn.places.tolist()), strict=True))
