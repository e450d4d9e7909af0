"""JSON that strangers wrote: finite numbers only, no key twice, no deeper than is asked for."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def parse(text: str, max_depth: int) -> Any:
    """The value in a text.

    Raises ValueError, with what is wrong in a few words, for a text that is no JSON, repeats a key, or holds
    NaN or an infinity; RecursionError when objects and lists nest deeper than `max_depth` levels.
    """
    value = json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_unique)
    level = [value]
    for _ in range(max_depth):
        level = [child for item in level if isinstance(item, dict | list) for child in _children(item)]
        if not level:
            return value
    raise RecursionError("nested too deeply")


def kind_of(value: Any) -> str:
    """What a value is, for people."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _children(item: dict[str, Any] | list[Any]) -> list[Any]:
    return list(item.values()) if isinstance(item, dict) else item


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:32]} is not a finite number")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) != len(pairs):
        raise ValueError("a key stands twice")
    return plain
