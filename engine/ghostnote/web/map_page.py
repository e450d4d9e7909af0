"""The page of a map: one HTML file with all that it needs, served, or saved with its sounds' places."""

from __future__ import annotations

import base64
import hashlib
import html
from functools import cache
from importlib import resources

_SCRIPTS = ("map-data.js", "map-draw.js", "map-sound.js", "map-page.js", "map-input.js")
_POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


@cache
def _part(name: str) -> str:
    return resources.files("ghostnote.web").joinpath("parts", name).read_text(encoding="utf-8")


@cache
def _script() -> str:
    return "\n" + "\n".join(_part(name) for name in _SCRIPTS)


@cache
def policy() -> str:
    """The content security policy: this script, this style, and answers of the same server."""
    return _POLICY.format(script=_hash(_script()), style=_hash("\n" + _part("map.css")))


def page(title: str, data: bytes | None = None) -> bytes:
    """The page; with `data` (a document) it needs no server, without it asks the server for it."""
    meta = ""
    if data is not None:
        meta = f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy())}">'
    text = _part("map.html")
    for mark, value in (
        ("<!--policy-->", meta),
        ("<!--title-->", html.escape(title)),
        ("/*style*/", "\n" + _part("map.css")),
        ("/*script*/", _script()),
        # Last, since names in it may look like marks; nothing in it may end the element.
        ("/*data*/", "" if data is None else data.decode().replace("<", "\\u003c")),
    ):
        before, _, after = text.partition(mark)
        text = before + value + after
    return text.encode()


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
