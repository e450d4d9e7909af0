"""Names of MIDI ports: as people see them, and whether they fit a pattern."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

CLIENT = "ghostnote"

_CLIENT_NUMBERS = re.compile(r" \d+:\d+$")
_LOOPS = "midi through"
_OWN = re.compile(rf"{CLIENT}(-out|-names)?(-\d+)?(:.*)?$")  # JACK numbers clients of one name


def display_name(name: str) -> str:
    """A port's name without ALSA's client and port numbers, which change from day to day."""
    return _CLIENT_NUMBERS.sub("", name).strip()


def fits(name: str, pattern: str | None) -> bool:
    """Whether a port is wanted: its name contains the pattern, or fits it as a whole if it has wildcards.

    Case does not matter. Without a pattern every input is wanted but loop-backs. Ghostnote's own ports are
    wanted only by a pattern that says so, since what is told to a device would come back.
    """
    shown, wanted = display_name(name).lower(), (pattern or "").lower()
    if _OWN.match(shown) and CLIENT not in wanted:
        return False
    if not wanted:
        return not shown.startswith(_LOOPS)
    return fnmatchcase(shown, wanted if any(c in wanted for c in "*?[") else f"*{wanted}*")
