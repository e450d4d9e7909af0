"""Messages about the conversation itself, as data: what a peer may say, and what only we answer."""

from __future__ import annotations

from dataclasses import dataclass

from ghostnote.control.osc_subscriptions import DEFAULT_LEASE_S, MAX_HZ, MAX_LEASE_S, TICK_HZ
from ghostnote.state.table import ROOT, Argument


@dataclass(frozen=True)
class Saying:
    """A message of the conversation. `answers`: what comes back (empty for answers themselves)."""

    path: str
    arguments: tuple[Argument, ...] = ()
    answers: str = ""
    text: str = ""

    @property
    def addr(self) -> str:
        """The full address."""
        return f"{ROOT}/{self.path}"

    @property
    def usage(self) -> str:
        """The arguments, those that may be left out in brackets: `[i:port] [s:pattern]`."""
        shown = (f"{a.kind}:{a.name}" for a in self.arguments)
        return " ".join(f"[{s}]" if a.optional else s for s, a in zip(shown, self.arguments, strict=True))


_PORT = Argument("port", "i", 1, 65535, default=0)
_PATTERN = Argument("pattern", "s", default="")
_NUMBER = Argument("number", "i", default=0)
_ADDRESS = Argument("address", "s")
_REQUEST = Argument("request", "i")
_TEXT = Argument("text", "s")

_SAID = (
    Saying(
        "hello",
        (Argument("name", "s", default=""), Argument("reply_port", "i", 1, 65535, default=0)),
        "hello/reply",
        "Says who speaks, and where its answers go from now on; either or both.",
    ),
    Saying("ping", (_NUMBER,), "pong", "Asks for a sign of life."),
    Saying("sync", (_NUMBER,), "synced", "Asks to be told when all that came before is in effect."),
    Saying(
        "subscribe",
        (
            _PORT,
            _PATTERN,
            Argument("max_hz", "f", 0.1, TICK_HZ, default=MAX_HZ),
            Argument("lease_s", "f", 0.0, MAX_LEASE_S, default=DEFAULT_LEASE_S),
        ),
        "the present values, then changes",
        "Asks to be told of changes, at the port (else where replies go).",
    ),
    Saying("renew", (_PORT,), "", "Begins the leases of a port anew."),
    Saying("unsubscribe", (_PORT, _PATTERN), "", "Ends the subscription to a pattern, or all of a port."),
    Saying(
        "refresh",
        (_PORT, _PATTERN),
        "the present values",
        "Asks once for the values of a pattern; without one, for all that is subscribed to.",
    ),
)

_ANSWERED = (
    Saying(
        "hello/reply",
        (
            Argument("version", "s"),
            Argument("protocol", "i"),
            Argument("osc_port", "i"),
            Argument("http_port", "i"),
            Argument("session", "s"),
        ),
        text="Who answers; a port of 0: nothing listens there.",
    ),
    Saying("pong", (Argument("number", "i"),), text="The number of the ping."),
    Saying("synced", (Argument("number", "i"),), text="All that came before the sync is in effect."),
    Saying(
        "library/neighbour",
        (
            Argument("rank", "i"),
            Argument("file", "s"),
            Argument("onset_s", "f"),
            Argument("distance", "f"),
            Argument("class", "s"),
            _REQUEST,
        ),
        text="A sound of the library like the query, 1 the nearest; its class may be empty.",
    ),
    Saying(
        "library/found",
        (Argument("count", "i"), _REQUEST),
        text="So many neighbours were told before; the query's request number (0: none).",
    ),
    Saying("done", (_ADDRESS, _REQUEST, _TEXT), text="A command is done; its request number (0: none)."),
    Saying(
        "error",
        (_ADDRESS, Argument("code", "s"), _TEXT, _REQUEST),
        text="A message could not be carried out: which, a code, and what to try.",
    ),
)

SAYINGS: dict[str, Saying] = {saying.addr: saying for saying in _SAID}
"""What a peer may say, by address."""

ANSWERS: dict[str, Saying] = {saying.addr: saying for saying in _ANSWERED}
"""What is only ever answered, by address; from a peer it is ignored."""
