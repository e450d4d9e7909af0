"""What the names of a file and its folders say about its class: evidence beside the classifier."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

BOOST = 20.0
"""How many times likelier a class becomes that the path names."""

_FOLDERS = 3
"""So many folders above a file are looked at, the nearest first."""

_NAMES: dict[str, str] = {
    "kick": "kick kik bd bassdrum kickdrum bdrum",
    "snare": "snare snares snr sd sn snaredrum",
    "hihat_closed": "chh ch hhc hc closedhat hatclosed",
    "hihat_open": "ohh oh hho ho openhat hatopen",
    "hihat": "hihat hat hats hh hihats",
    "tom_low": "lowtom tomlow lt ltom floortom",
    "tom_mid": "midtom tommid mt mtom",
    "tom_high": "hightom hitom tomhigh tomhi ht htom",
    "tom": "tom toms",
    "clap": "clap claps cp handclap clp",
    "rim": "rim rs rimshot sidestick rimclick",
    "crash": "crash",
    "ride": "ride",
    "cowbell": "cowbell cb",
}
_WORDS = {word: name for name, words in _NAMES.items() for word in words.split()}
_OPEN, _CLOSED = {"open", "op", "opn"}, {"closed", "close", "cl", "cls", "pedal"}
_HEIGHTS = {"low": "low", "lo": "low", "floor": "low", "mid": "mid", "high": "high", "hi": "high"}
_HEIGHTS |= {"l": "low", "m": "mid", "h": "high"}
_PARTS = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def said(path: str, classes: Sequence[str] = ()) -> str:
    """The class that a path names, or a group of them ("tom", "hihat"); "" where it names none or several.

    The file's own name goes before its folders'. `classes`: the model's, whose names count as words too.
    """
    own = {"".join(_words(name)): name for name in classes}
    parts = os.path.splitext(path)[0].replace("\\", "/").split("/")
    for part in reversed(parts[-1 - _FOLDERS :]):
        if found := _said(_words(part), own):
            return found
    return ""


def evidence(probabilities: Float32, said: str, classes: Sequence[str]) -> Float32:
    """Class probabilities (C,), or rows of them, with what a path says counted in; the sum stays 1."""
    named = np.array([meant(said, name) for name in classes], dtype=bool)
    if not said or not named.any():
        return probabilities
    out = probabilities * np.where(named, np.float32(BOOST), np.float32(1.0))
    return np.asarray(out / out.sum(axis=-1, keepdims=True), dtype=np.float32)


def meant(said: str, name: str) -> bool:
    """Whether class `name` is what a path says, or one of the group that it says."""
    return bool(said) and (name == said or name.startswith(f"{said}_"))


def plain(text: str) -> str:
    """A text for comparing: one Unicode form, no capitals, no bytes that are no text."""
    return unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode("utf-8")).casefold()


def _words(part: str) -> list[str]:
    return _PARTS.findall(plain(_CAMEL.sub(" ", part)))


def _said(words: list[str], own: dict[str, str]) -> str:
    pairs = [a + b for a, b in pairwise(words)]
    whole = [*words, *pairs, *(a + b + c for a, b, c in zip(words, words[1:], words[2:], strict=False))]
    named = {own[word] for word in whole if word in own}
    found = named or {_WORDS[word] for word in whole if word in _WORDS}
    if "hihat" in found and (_OPEN & set(words) or _CLOSED & set(words)):
        found.add("hihat_open" if _OPEN & set(words) else "hihat_closed")
    if "tom" in found:
        found |= {f"tom_{_HEIGHTS[word]}" for word in words if word in _HEIGHTS}
    exact = {name for name in found if not any(o.startswith(f"{name}_") for o in found)}
    return exact.pop() if len(exact) == 1 else ""
