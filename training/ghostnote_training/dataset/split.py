"""Which sounds are kept for measuring: whole sources or whole groups of near-copies, and for good."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ghostnote_training import synth
from ghostnote_training.dataset.walk import Found
from ghostnote_training.store import write_whole

MANY_SOURCES = 10
"""With as many source folders, whole ones are held out; with fewer, groups of near-copies."""
LARGEST_SHARE = 0.3
"""At most this share is held out, unless a class has nothing else to be measured on."""


@dataclass(frozen=True)
class Member:
    """A sound as the split sees it: what it is known by, its class, source folder and group."""

    content: str
    label: str
    source: str
    group: str


def source_of(file: Found, by_class: bool) -> str:
    """The folder that says where a file comes from, below the class where folders are classes.

    A folder called like a kind of drum is no source.
    """
    folders = file.folders[1:] if by_class else file.folders
    return "/".join(name for name in folders if drum_name(name) is None)


def drum_name(name: str) -> str | None:
    """The synthesiser's class that a folder is called like: "Open Hats" → "hihat_open"."""
    plain = "".join(ch for ch in name.casefold() if ch.isalpha())
    for text in (plain, plain.removesuffix("s")):
        found = _NAMES.get(text)
        if found is not None:
            return found
    return None


_NAMES = {label.replace("_", ""): label for label in synth.MAKERS} | {
    "bd": "kick", "bassdrum": "kick", "kickdrum": "kick",
    "sd": "snare", "sn": "snare", "snaredrum": "snare",
    "ch": "hihat_closed", "hh": "hihat_closed", "closedhat": "hihat_closed", "closedhihat": "hihat_closed",
    "hatclosed": "hihat_closed", "oh": "hihat_open", "openhat": "hihat_open", "openhihat": "hihat_open",
    "hatopen": "hihat_open", "lt": "tom_low", "lowtom": "tom_low", "mt": "tom_mid", "midtom": "tom_mid",
    "ht": "tom_high", "hightom": "tom_high", "hitom": "tom_high", "cp": "clap", "handclap": "clap",
    "rs": "rim", "rimshot": "rim", "sidestick": "rim", "cb": "cowbell", "cr": "crash", "rd": "ride",
    "percussion": "perc",
}  # fmt: skip


def choose(members: Sequence[Member], share: float, seed: int, before: dict[str, bool]) -> list[bool]:
    """Whether each sound is held out: about `share` of every class, something of each that has two units,
    never a class's last one.

    A unit is a source folder where there are many, else a group of near-copies. What `before` (content → held
    out) says holds: a unit with a sound that was trained on is trained on, one with a sound that was held out
    is held out.
    """
    if not share:
        return [False] * len(members)
    units = _units(members, share)
    labels = {name: Counter(members[k].label for k in rows) for name, rows in units.items()}
    left = Counter(label for counts in labels.values() for label in counts)
    sizes = Counter(member.label for member in members)
    held: set[str] = set()
    free: list[str] = []
    held_sounds: Counter[str] = Counter()

    def hold(name: str) -> None:
        held.add(name)
        held_sounds.update(labels[name])
        left.subtract(dict.fromkeys(labels[name], 1))

    for name, rows in units.items():
        known = {before[members[k].content] for k in rows if members[k].content in before}
        if known == {True} and all(left[label] > 1 for label in labels[name]):
            hold(name)
        elif not known:
            free.append(name)
    order = [free[k] for k in np.random.default_rng(seed).permutation(len(free))]
    for label in sorted(sizes, key=lambda label: (left[label], label)):
        wanted = share * sizes[label]
        of_label = [name for name in order if label in labels[name] and name not in held]
        small = [name for name in of_label if labels[name][label] <= 2.0 * wanted]
        # Where all are large, the smallest: better measured on much than not at all.
        for name in small or sorted(of_label, key=lambda name: labels[name][label])[:1]:
            room = held_sounds.total() + labels[name].total() <= LARGEST_SHARE * len(members)
            if held_sounds[label] >= wanted - 0.5 and held_sounds[label]:
                break
            if (room or not held_sounds[label]) and all(left[other] > 1 for other in labels[name]):
                hold(name)
    out = [False] * len(members)
    for name in held:
        for k in units[name]:
            out[k] = True
    return out


def _units(members: Sequence[Member], share: float) -> dict[str, list[int]]:
    by_source: dict[str, list[int]] = defaultdict(list)
    by_group: dict[str, list[int]] = defaultdict(list)
    for k, member in enumerate(members):
        by_source[member.source].append(k)
        by_group[member.group].append(k)
    usual = sum(len(rows) <= max(2.0 * share, 0.15) * len(members) for rows in by_source.values())
    return dict(by_source if usual >= MANY_SOURCES else by_group)


def load(path: Path) -> dict[str, bool]:
    """What an earlier split decided, content → held out; nothing where there is none or it is damaged."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): side == "held out" for name, side in values["sounds"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def save(path: Path, members: Sequence[Member], held: Sequence[bool], before: dict[str, bool]) -> None:
    """Keep a split, and what earlier ones decided about sounds that are not there now."""
    sides = dict(before)
    sides.update({member.content: side for member, side in zip(members, held, strict=True)})
    if sides == before:
        return
    sounds = {name: "held out" if side else "training" for name, side in sorted(sides.items())}
    write_whole(path, [json.dumps({"version": 1, "sounds": sounds}, indent=1).encode()])
