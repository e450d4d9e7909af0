"""The sample corpus: manifest rows as items, instrument groups, and splits that no recording straddles."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

CLASSES = (
    "kick", "snare", "hihat_closed", "hihat_open", "tom_low", "tom_mid", "tom_high", "clap", "rim",
)  # fmt: skip
"""The classifier's nine classes."""

HELD_OUT = (
    "uzu/",
    "muldjordkit/KdrumR",
    "muldjordkit/RideR",
    "muldjordkit/CrashR",
    "muldjordkit/Tom3",
    "gogodze2/se",
    "gogodze2/hh",
    "gogodze2/hf",
    "frankensnare/10",
    "frankensnare/14a",
    "frankensnare/clap_stack",
    "bodypercussion/fingerclap",
)
"""Prefixes of the groups in `drums` that sound-making models never see: a whole source and whole
instruments.
"""


@dataclass(frozen=True)
class Item:
    """One sound file of the corpus."""

    path: Path
    set: str
    label: str
    source: str
    licence: str
    group: str
    machine: str


PITCHED = ("weresax", "war-tuba", "meatbass", "growlybass", "horsepulse", "ganjo")
"""Sources whose files are notes of one instrument; a group is then all that was played on a pitch."""


def group_of(source: str, stem: str) -> str:
    """The instrument a file shows, the same for every microphone, velocity and round robin of it; of pitched
    instruments the note.

    `stem`: file name without source prefix and suffix. Examples: "muldjordkit/KdrumL", "weresax/d3".
    """
    if source == "sonicpi" or source == "uzu":
        return f"{source}/{stem}"
    if source in PITCHED:
        notes = [token for token in stem.lower().split("_") if re.fullmatch(r"[a-g][bs]?\d", token)]
        if notes:
            return f"{source}/{notes[0]}"
    name = re.sub(r"_(close|room|retro|mix|oh|cnd|dyn|dnm)$", "", stem)
    name = re.sub(r"_vl\d+|_rr\d+", "", name)
    name = re.sub(r"_\d+$", "", name)
    if source == "frankensnare" and not name.startswith(("clap", "tamb")):
        name = name.split("_")[0]
    if source == "muldjordkit":
        name = name.removesuffix("Bell")
    return f"{source}/{name}"


def read(data_dir: Path, sets: Iterable[str]) -> list[Item]:
    """Rows of `manifest.csv` that belong to `sets`, in file order. Raises FileNotFoundError without a
    manifest.
    """
    wanted = set(sets)
    items = []
    with (data_dir / "manifest.csv").open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            if row["set"] not in wanted:
                continue
            stem = Path(row["path"]).stem.partition("__")[2] or Path(row["path"]).stem
            items.append(
                Item(
                    path=data_dir / row["path"],
                    set=row["set"],
                    label=row["class"],
                    source=row["source"],
                    licence=row["licence"],
                    group=group_of(row["source"], stem),
                    machine=row["machine"],
                )
            )
    return items


def kit_of(item: Item) -> str:
    """The kit or instrument that a file is from: a source, or what its makers recorded as one thing.

    Drums that were recorded by several sets of microphones are as many kits; each snare set-up is one.
    Examples: "gogodze2 retro", "frankensnare 14p", "meatbass pizz".
    """
    name = item.group.partition("/")[2]
    if item.source in ("muldjordkit", "gogodze2"):
        return f"{item.source} {item.path.stem.rsplit('_', 1)[-1]}"
    if item.source == "frankensnare":
        return f"frankensnare {'claps' if name.startswith('clap') else name}"
    if item.source == "gogodze1":
        return "gogodze1 " + name.split("_")[1]
    if item.source == "meatbass":
        return "meatbass " + item.label.rsplit("_", 1)[-1]
    if item.source == "sonicpi":
        return "sonicpi " + (item.label if item.set == "general" else "drums")
    return item.source


def split(items: Sequence[Item], held_out: Sequence[str] = HELD_OUT) -> tuple[list[Item], list[Item]]:
    """(training items, held-out items): an item is held out if its group starts with one of the prefixes."""
    train = [item for item in items if not item.group.startswith(tuple(held_out))]
    test = [item for item in items if item.group.startswith(tuple(held_out))]
    return train, test


SHARED_RECORDINGS = ("RolandTR505", "RolandTR626")
"""Machines that share recordings with others, and so are kept in one fold."""


def machine_folds(items: Sequence[Item], folds: int, seed: int) -> list[set[str]]:
    """Deal the machines into `folds` sets of about equal size in files; machines that share recordings
    stay together.
    """
    import numpy as np

    sizes: dict[str, int] = {}
    for item in items:
        machine = SHARED_RECORDINGS[0] if item.machine in SHARED_RECORDINGS else item.machine
        sizes[machine] = sizes.get(machine, 0) + 1
    order = np.random.default_rng(seed).permutation(sorted(sizes))
    dealt: list[set[str]] = [set() for _ in range(folds)]
    load = [0] * folds
    for machine in sorted(order, key=lambda name: -sizes[str(name)]):
        slot = load.index(min(load))
        dealt[slot].add(str(machine))
        load[slot] += sizes[str(machine)]
        if machine == SHARED_RECORDINGS[0]:
            dealt[slot].add(SHARED_RECORDINGS[1])
    return dealt
