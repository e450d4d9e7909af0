"""Who may ask what: hosts, origins, sizes and times, and one clear line for each refusal.

A page elsewhere must not reach this server through a browser here: names that are pointed at this computer
(DNS rebinding) fail by the Host header, requests of other pages by the Origin header.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ghostnote.errors import GhostnoteError

LONGEST_BODY = 4096
BODY_S = 5.0
ANSWER_S = 30.0
"""An answer that takes longer is given up, whoever is to blame."""

_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Server": "ghostnote",
}
_REFUSE_ALL = "default-src 'none'; frame-ancestors 'none'"


class Hosts:
    """The names that a server at an address may be called by.

    Those are this computer's; any address as numbers too where it listens to the network, since no name that
    another points here is one.
    """

    def __init__(self, bind: str) -> None:
        self._numbers = not ipaddress.ip_address(bind).is_loopback
        own = socket.gethostname().lower()
        self._names = {"localhost"}
        if self._numbers:
            self._names |= {own, f"{own}.local", own.partition(".")[0]}

    def has(self, header: str | None) -> bool:
        """Whether a Host header names this server."""
        name = _name(header or "")
        try:
            address = ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name.lower().rstrip(".") in self._names
        return self._numbers or address.is_loopback


def _name(host: str) -> str:
    """A host without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def refusal(status: int, text: str) -> web.Response:
    """An answer that says in a line what was wrong."""
    return web.json_response({"error": text}, status=status)


def guarding(hosts: Hosts, tell: Callable[[str], None]) -> Middleware:
    """The middleware that asks all this of each request; `tell` hears of what should not happen."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await _answer(request, handler)
        for name, value in _FIXED.items():
            response.headers[name] = value
        response.headers.setdefault("Content-Security-Policy", _REFUSE_ALL)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not hosts.has(request.headers.get("Host")):
            return refusal(403, "this server is not called by that name; use 127.0.0.1 or localhost")
        if request.method not in ("GET", "HEAD", "POST"):
            return refusal(405, "GET, HEAD and POST are understood")
        if request.method == "POST" and (wrong := _wrong_origin(request)):
            return refusal(403, wrong)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await handler(request)
        except web.HTTPException as error:
            return refusal(error.status, error.reason)
        except TimeoutError:
            return refusal(503, "this took too long; is the computer busy? try again")
        except GhostnoteError as error:
            return refusal(409, str(error))
        except Exception as error:  # whatever a request does, the server goes on
            tell(f"unexpected, answering {request.path[:100]}: {error!r}")
            return refusal(500, "something unexpected went wrong; the terminal says more")

    return guard


def _wrong_origin(request: web.Request) -> str | None:
    """Why a request that changes something is not one of our own pages', if so."""
    if request.headers.get("Origin") != f"{request.scheme}://{request.headers.get('Host')}":
        return "only pages of this server may do that"
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return "only pages of this server may do that"
    if request.content_type != "application/json":
        return "send application/json"
    return None


async def body(request: web.Request) -> str:
    """The body of a request as text. Raises HTTPException for one that is long, slow, or no text."""
    with contextlib.suppress(ConnectionError):
        try:
            async with asyncio.timeout(BODY_S):
                return (await request.read()).decode("utf-8")
        except TimeoutError:
            raise web.HTTPRequestTimeout(reason="the body did not come") from None
        except UnicodeDecodeError:
            raise web.HTTPBadRequest(reason="the body is no UTF-8 text") from None
    raise web.HTTPBadRequest(reason="the connection ended")
