"""Answers to OSC peers: replies, and errors that are told neither too often nor to nobody."""

from __future__ import annotations

from functools import lru_cache

from ghostnote.control.osc_clients import Address, Client, Clients
from ghostnote.control.osc_conversation import SAYINGS
from ghostnote.control.osc_nodes import MIRROR
from ghostnote.control.osc_send import OscSender
from ghostnote.errors import MessageError
from ghostnote.state.registry import nearest
from ghostnote.state.table import ROOT, Value
from ghostnote.telemetry import Telemetry

MAX_TEXT = 512


@lru_cache(maxsize=256)
def _nearest(addr: str) -> str:
    """The address that was meant, perhaps."""
    if addr.startswith(MIRROR):
        return MIRROR + nearest(f"{ROOT}/{addr.removeprefix(MIRROR)}").removeprefix(f"{ROOT}/")
    return nearest(addr, SAYINGS)


class Replies:
    """Who asked, and what they are told. Thread: the server's, unless a method says otherwise."""

    def __init__(self, sender: OscSender, telemetry: Telemetry, clients: Clients | None = None) -> None:
        self.clients = clients or Clients()
        self._sender = sender
        self._telemetry = telemetry

    def client(self, sender: Address) -> Client:
        """The peer behind a source address."""
        return self.clients.get(sender)

    def reply(self, client: Client, addr: str, *args: Value) -> bool:
        """Send one message to where the peer wants its answers; whether it went out. Thread: any."""
        return self._sender.send(client.reply_to, addr, *args)

    def done(self, client: Client, addr: str, request: int, text: str = "") -> None:
        """Tell that a command is done."""
        self.reply(client, f"{ROOT}/done", addr, request, text[:MAX_TEXT])

    def error(self, client: Client, addr: str, code: str, text: str, request: int = 0) -> None:
        """Tell of an error, whatever was told before."""
        self.reply(client, f"{ROOT}/error", addr, code, text[:MAX_TEXT], request)

    def tell(self, client: Client, addr: str, error: MessageError, now: float, request: int = 0) -> None:
        """Count an error, and tell sender and player about it unless they were told just now."""
        if not self.clients.may_tell(client, error.code, now):
            self._telemetry.count(f"osc_{error.code}")
            return
        text = str(error)
        if error.code == "unknown_address" and addr == text:
            text = f"no such address; the nearest is {_nearest(addr)}"
        about = text if addr in text else f"{addr}: {text}"
        self._telemetry.trouble(f"osc_{error.code}", f"OSC from {client.source[4:]}: {about}")
        self.error(client, addr, error.code, text, request)

    def tell_once(self, client: Client, what: str, text: str) -> None:
        """Tell sender and player of a trouble with a peer's time tags, once for each peer."""
        if what not in client.told:
            client.told.add(what)
            self._telemetry.trouble(f"osc_clock_{what}", f"OSC from {client.sender[0]}: {text}")
            self.error(client, "", "range", text)
