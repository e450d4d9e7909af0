"""How often neighbours are of the same kind: sounds whose classes are known, asked for one after another."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.library import indexing
from ghostnote.library.aspects import NAMES, Space, parse_weights
from ghostnote.library.search import Library, open_library

Str = NDArray[np.str_]
Row = dict[str, object]

NEIGHBOURS = 5
WEIGHTS: Mapping[str, str] = {
    "latent": "",
    "latent, pitch": "latent=1,pitch=0.3",
    "latent, all descriptors": ",".join(
        ["latent=1", *(f"{a}=0.1" for a in NAMES if a not in ("latent", "class"))]
    ),
    "latent, class": "latent=1,class=1",
    "class": "latent=0,class=1",
}


def rows(folder: Path, place: Path, model: str) -> list[Row]:
    """A row for each set of weights, without and with what the files' names say: the share of the five
    nearest sounds that have the query's class (all toms as one in "toms as one"), also of other
    machines only.

    `folder` has a folder for each class, with files called `Machine__….flac`. They are indexed under links
    whose names say nothing, and then under their own names without the class's folder.
    """
    paths = sorted(folder.glob("*/*.flac"))
    found: list[Row] = []
    for named in (False, True):
        links = place / "links"
        _link(paths, links, named)
        indexing.index([links], place / "library", indexing.IndexOptions(model))
        library = open_library(place / "library")
        classes, machines = _labels(library, paths)
        for name, weights in WEIGHTS.items():
            by_class = "class" in name
            if (by_class and not library.rows.aspects["class"].shape[1]) or (named and not by_class):
                continue
            space = Space(library.rows.aspects, parse_weights(weights), library.rows.spreads)
            what = f"{name}, names" if named else name
            found.append({"weights": what, **agreement(space.points, classes, machines)})
    return found


def agreement(points: NDArray[np.float32], classes: Str, machines: Str, count: int = NEIGHBOURS) -> Row:
    """Shares of the `count` nearest that have the same class: (n, …) points, (n,) classes and machines."""
    squares = np.einsum("nd,nd->n", points, points)
    apart = squares[:, np.newaxis] - 2.0 * (points @ points.T) + squares
    np.fill_diagonal(apart, np.inf)
    row: Row = {}
    merged = np.where(np.char.startswith(classes, "tom"), "tom", classes)
    for which, hidden in (("all", None), ("other machines", machines)):
        if hidden is not None:
            apart[hidden[:, np.newaxis] == hidden] = np.inf
        near = np.argpartition(apart, count, axis=1)[:, :count]
        same = classes[near] == classes[:, np.newaxis]
        row[which] = float(same.mean())
        each = [float(same[classes == name].mean()) for name in np.unique(classes)]
        row[f"{which}, mean over classes"] = float(np.mean(each))
        row[f"{which}, toms as one"] = float((merged[near] == merged[:, np.newaxis]).mean())
    return row


def _link(paths: Sequence[Path], links: Path, named: bool) -> None:
    """Links to files: `00012.flac`, or `00012 its own name.flac`."""
    links.mkdir(parents=True, exist_ok=True)
    for old in links.iterdir():
        old.unlink()
    for number, path in enumerate(paths):
        name = path.stem.partition("__")[2] if named else ""
        (links / f"{number:05} {name}".strip()).with_suffix(".flac").symlink_to(path.resolve())


def _labels(library: Library, paths: Sequence[Path]) -> tuple[Str, Str]:
    """Class and machine of each sound."""
    numbers = [int(os.path.basename(name)[:5]) for name in library.files()]
    classes = np.array([paths[k].parent.name for k in numbers])
    return classes, np.array([paths[k].name.partition("__")[0] for k in numbers])
