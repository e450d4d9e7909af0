"""The map of a library as a room of the site: its page, its sounds, the way into the instrument's slots."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aiohttp import web

from ghostnote import json_text
from ghostnote.control.osc_guard import MAX_TEXT
from ghostnote.errors import AudioFileError, LibraryError, MessageError, NetworkError
from ghostnote.library.addresses import is_address
from ghostnote.web import guard, map_page
from ghostnote.web.instrument import SLOTS, Instrument
from ghostnote.web.map_source import MOST_NEAR, MapSource

LOOK_S = 1.0
READERS = 2
_GONE = "there is no such sound in this library (any more)"


class MapRoom:
    """Serves one library. Its database is read and written in one thread, sounds are read in others."""

    def __init__(self, source: MapSource, instrument: Instrument) -> None:
        self._source, self._instrument = source, instrument
        self._reader = ThreadPoolExecutor(1, "ghostnote-map")
        self._sounds = ThreadPoolExecutor(READERS, "ghostnote-sound")
        self._there = False
        self._drawing: asyncio.Task[None] | None = None
        self._trouble = ""

    def routes(self) -> Sequence[web.RouteDef]:
        """What it answers."""
        return [
            web.get("/", self._front),
            web.get("/map", self._page),
            web.get("/map/sounds", self._document),
            web.get("/map/state", self._state),
            web.get(r"/map/sound/{number:[0-9]{1,12}}.wav", self._wav),
            web.get(r"/map/near/{number:[0-9]{1,12}}", self._near),
            web.post("/map/slot", self._slot),
            web.post("/map/anew", self._anew),
        ]

    async def run(self) -> None:
        """Look for new sounds and for the instrument, until it is cancelled."""
        try:
            while True:
                await self._in_turn(self._source.refresh)
                self._there = await self._instrument.there()
                await asyncio.sleep(LOOK_S)
        finally:
            self._reader.shutdown(wait=False, cancel_futures=True)
            self._sounds.shutdown(wait=False, cancel_futures=True)

    async def _front(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/map"})

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return web.Response(
            body=map_page.page("ghostnote"),
            content_type="text/html",
            charset="utf-8",
            headers={"Content-Security-Policy": map_page.policy() + "; frame-ancestors 'none'"},
        )

    async def _document(self, request: web.Request) -> web.StreamResponse:
        shown = self._source.shown
        headers = {"ETag": f'"{shown.etag}"', "Cache-Control": "no-cache"}
        known = request.if_none_match or ()
        if any(tag.value == shown.etag for tag in known):
            return web.Response(status=304, headers=headers)
        return web.Response(body=shown.text, content_type="application/json", headers=headers)

    async def _state(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {
                "sounds": self._source.shown.etag,
                "instrument": self._there,
                "drawing": self._drawing is not None and not self._drawing.done(),
                "trouble": self._trouble or self._source.trouble,
            }
        )

    async def _wav(self, request: web.Request) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._sounds, self._source.wav, _number(request))
        except AudioFileError as error:
            return guard.refusal(404, str(error))
        if found is None:
            return guard.refusal(404, _GONE)
        return web.Response(body=found, content_type="audio/wav")

    async def _near(self, request: web.Request) -> web.StreamResponse:
        text = request.query.get("n", "10")
        count = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
        if not 1 <= count <= MOST_NEAR:
            return guard.refusal(400, f"n is a number from 1 to {MOST_NEAR}")
        found = await self._in_turn(self._source.near, _number(request), count)
        if found is None:
            return guard.refusal(404, _GONE)
        return web.json_response(found)

    async def _slot(self, request: web.Request) -> web.StreamResponse:
        asked = await _asked(request, {"slot": str, "sound": int})
        if isinstance(asked, web.Response):
            return asked
        if len(asked["slot"]) != 1 or asked["slot"] not in SLOTS:
            return guard.refusal(400, f"slots are {SLOTS[0]} to {SLOTS[-1]}")
        loop = asyncio.get_running_loop()
        try:
            with tempfile.TemporaryDirectory(prefix="ghostnote-") as folder:
                path = await loop.run_in_executor(self._sounds, self._file_of, asked["sound"], folder)
                if path is None:
                    return guard.refusal(404, _GONE)
                await self._instrument.take(asked["slot"], path)
        except AudioFileError as error:
            return guard.refusal(404, str(error))
        except (NetworkError, MessageError) as error:
            return guard.refusal(502, str(error))
        return web.json_response({"slot": asked["slot"], "sound": asked["sound"]})

    async def _anew(self, request: web.Request) -> web.StreamResponse:
        asked = await _asked(request, {})
        if isinstance(asked, web.Response):
            return asked
        if self._drawing is None or self._drawing.done():
            self._drawing = asyncio.create_task(self._draw())
        return web.json_response({"drawing": True}, status=202)

    async def _draw(self) -> None:
        self._trouble = ""
        try:
            await self._in_turn(self._source.redraw)
        except LibraryError as error:
            self._trouble = str(error)

    def _file_of(self, number: int, folder: str) -> str | None:
        """A file that holds a sound alone: its own; one in `folder` for a part of a recording, and for a file
        that the instrument cannot be told.
        """
        place = self._source.place(number)
        if place is None:
            return None
        if not self._source.shown.library.facts.segmented and _can_be_told(place[0]):
            return place[0]
        # The name is what the slot's origin will say.
        stem = os.path.splitext(os.path.basename(place[0]))[0].encode("utf-8", "replace").decode()
        name = f"{stem[:60]}_{place[1]:.3f}s.wav"
        path = Path(folder) / name
        found = self._source.wav(number)
        assert found is not None
        path.write_bytes(found)
        return str(path)

    async def _in_turn(self, work: Any, *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._reader, work, *args)


def _can_be_told(path: str) -> bool:
    """Whether a path is one of this computer that goes into an OSC message."""
    try:
        return not is_address(path) and len(path.encode()) <= MAX_TEXT
    except UnicodeEncodeError:
        return False


def _number(request: web.Request) -> int:
    return int(request.match_info["number"])


async def _asked(request: web.Request, kinds: dict[str, type]) -> dict[str, Any] | web.Response:
    """The object in a body, of just these names and kinds; or what is wrong with it."""
    try:
        asked = json_text.parse(await guard.body(request), 2)
    except (ValueError, RecursionError) as error:
        return guard.refusal(400, f"this is no JSON that is understood: {str(error)[:100]}")
    if not isinstance(asked, dict) or set(asked) != set(kinds):
        return guard.refusal(400, f"an object with {', '.join(kinds) or 'nothing in it'} is needed")
    for name, kind in kinds.items():
        if type(asked[name]) is not kind:
            return guard.refusal(400, f"{name} is of the wrong kind")
    return asked
