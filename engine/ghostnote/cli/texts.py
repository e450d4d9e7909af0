"""Paths and JSON on the terminal, also for names that are no text."""

from __future__ import annotations

import json
from typing import Any


def shown(text: str) -> str:
    """A path as it can be printed: bytes that are no text as `\\udcff`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def as_json(value: Any) -> str:
    """JSON in the letters of any script; with escapes only where a name is no text."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value)
    return text
