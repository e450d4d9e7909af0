"""Teaches the live onset detector on constructed scenes and writes its weights."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import UsageError
from ghostnote_training.onsets.scenes import SCENE_S, Seen, Stock, scene

Float32 = NDArray[np.float32]

_DIGITS = 4
_AT_ONCE = 10
"""Scenes that a process makes before it hands them over."""


@dataclass(frozen=True)
class OnsetRecipe:
    """`scenes` of `seconds`, `steps` of `chunks` pieces of them, by `seed`; sounds whose path has one of the
    words `without` are left out. Raises UsageError for numbers that are no positive ones."""

    scenes: int = 640
    seconds: float = SCENE_S
    steps: int = 5000
    chunks: int = 8
    seed: int = 0
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("scenes", "seconds", "steps", "chunks"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} {getattr(self, name)}: at least one is needed")


def scenes(data: Path, recipe: OnsetRecipe, workers: int, say: Callable[[str], None]) -> list[Seen]:
    """The scenes of a recipe, in the order of their seeds, made by so many processes."""
    seeds = range(recipe.scenes)
    parts = [seeds[k : k + _AT_ONCE] for k in range(0, len(seeds), _AT_ONCE)]
    made: list[Seen] = []
    if workers < 2:
        for part in parts:
            made += _scenes(data, recipe, part)
            say(f"{len(made)} of {recipe.scenes} scenes")
        return made
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for some in pool.map(_scenes, [data] * len(parts), [recipe] * len(parts), parts):
            made += some
            say(f"{len(made)} of {recipe.scenes} scenes")
    return made


def make(data: Path, out: Path, recipe: OnsetRecipe, workers: int, say: Callable[[str], None]) -> None:
    """Make scenes, teach, write the file that `features.onset_judge` reads.

    Raises UsageError where there is no folder to write to, or no sounds.
    """
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent}: no such folder; give --out a file in one that is there")
    seen = scenes(data, recipe, workers, say)
    from ghostnote_training.onsets import net

    say(f"{sum(len(one.onsets) for one in seen)} onsets")
    taught = net.teach(seen, recipe.steps, recipe.seed, recipe.chunks, say)
    write(out, net.weights(taught), recipe)
    say(f"wrote {out}")


def write(out: Path, weights: Mapping[str, Float32], recipe: OnsetRecipe) -> None:
    """A file of weights by name, with how they were made."""
    rounded = {name: np.round(value.astype(np.float64), _DIGITS).tolist() for name, value in weights.items()}
    about = {key: value for key, value in asdict(recipe).items() if key != "without" or value}
    rows = ",\n".join(
        f'  "{name}": {json.dumps(value, separators=(",", ":"))}' for name, value in rounded.items()
    )
    out.write_text(f'{{"made_by": {json.dumps(about)}, "weights": {{\n{rows}\n}}}}\n', encoding="utf-8")


def _scenes(data: Path, recipe: OnsetRecipe, seeds: Sequence[int]) -> list[Seen]:
    stock = Stock(data, recipe.without)
    return [scene(stock, seed, recipe.seconds) for seed in seeds]
