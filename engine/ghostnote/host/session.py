"""The session log: what happened in a set, for people, with the time of day and the time since the start."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

from ghostnote import __version__
from ghostnote.state.table import ROOT

_SCENE = f"{ROOT}/scene/set"
_WORTH = (_SCENE, *(f"{ROOT}/{name}" for name in ("model/", "panic")))
"""What of the control log a person wants to find again."""


def head(wall: float) -> list[str]:
    """The first lines of a session."""
    zone = time.strftime("%z", time.localtime(wall))
    day = time.strftime("%Y-%m-%d", time.localtime(wall))
    return [
        f"ghostnote {__version__}, session of {day}; time of day (UTC{zone[:3]}:{zone[3:]}), since start",
        "",
    ]


def note(wall: float, stream_s: float | None, text: str) -> str:
    """One line: when (seconds since 1970, and since the start of the sound) and what."""
    return f"{time.strftime('%H:%M:%S', time.localtime(wall))}  {elapsed(stream_s):>9}  {text}"


def elapsed(seconds: float | None) -> str:
    """Hours, minutes and seconds such as 1:02:03.4; a dash before the start."""
    if seconds is None:
        return "-"
    tenths = max(0, int(seconds * 10.0))
    return f"{tenths // 36000}:{tenths // 600 % 60:02}:{tenths // 10 % 60:02}.{tenths % 10}"


def worth_telling(lines: Iterable[str]) -> Iterator[str]:
    """Recalls, models and panics among lines of a control log, in words; what follows itself is told once."""
    before = ""
    for line in lines:
        if any(mark in line for mark in _WORTH) and (text := _words(json.loads(line))) not in ("", before):
            yield text
            before = text


def _words(entry: dict[str, Any]) -> str:
    addr, args = str(entry["addr"]), entry["args"]
    if addr == _SCENE:  # fade, name, and all that changes
        return f"scene {args[1]}" + (f", in {args[0]:.1f} s" if args[0] else "") if args[1] else ""
    if not addr.startswith(_WORTH):
        return ""
    return f"{addr.removeprefix(f'{ROOT}/')} {' '.join(map(str, args))}".strip()
