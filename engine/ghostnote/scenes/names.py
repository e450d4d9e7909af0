"""Names of scenes, in any script, and the file names that stand for them on any file system."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from ghostnote.errors import SceneError

LONGEST = 64
_SLUG = re.compile(r"[^a-z0-9]+")
_DIGITS = re.compile(r"(\d+)")


def checked(name: str) -> str:
    """The name in its composed form, without space around it.

    Raises SceneError for one that is empty, longer than `LONGEST`, or has slashes or unprintable characters.
    """
    try:
        composed = unicodedata.normalize("NFC", name).strip()
        composed.encode("utf-8")
    except UnicodeEncodeError:
        raise SceneError(f"scene {name[:LONGEST]!a}: not text; choose another name") from None
    if not composed:
        raise SceneError("a scene needs a name, such as 'verse'")
    if len(composed) > LONGEST:
        raise SceneError(f"scene {composed[:24]!r}…: a name has at most {LONGEST} characters")
    if any(c in "/\\" or not c.isprintable() for c in composed):
        raise SceneError(f"scene {composed!r}: a name has no slashes and no control characters")
    return composed


def stem(name: str) -> str:
    """File name without its suffix: what is Latin in the name, for people, and a digest, against mix-ups.

    Names that differ only in case or in other scripts have different stems on every file system.
    """
    latin = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = _SLUG.sub("-", latin).strip("-")[:32] or "scene"
    return f"{slug}-{hashlib.sha256(name.encode('utf-8')).hexdigest()[:12]}"


def order(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sorting key: as people count, so that `2 verse` comes before `10 chorus`; case counts last."""
    pieces = _DIGITS.split(name.casefold())
    key = tuple((0, int(p), "") if p.isdecimal() and p.isascii() else (1, 0, p) for p in pieces if p)
    return key, name
