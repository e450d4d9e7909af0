"""The bounded table of OSC peers: where replies go and how often a peer was told of an error."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from ghostnote.control.sender_clock import SenderClock

Address = tuple[str, int]

MAX_CLIENTS = 64
ERROR_INTERVAL_S = 1.0
ERRORS_PER_SECOND = 10


@dataclass(slots=True)
class Client:
    """One sender; `reply_to` is where it wants its answers (its own source port unless it named another).

    `clock` follows the clock of another computer (None: it is ours). `told`: troubles that are told once.
    """

    sender: Address
    reply_to: Address
    source: str
    name: str = ""
    clock: SenderClock | None = None
    told: set[str] = field(default_factory=set)
    errors_told: dict[str, float] = field(default_factory=dict)


class Clients:
    """The peers seen last, at most `MAX_CLIENTS`; the one silent for longest is forgotten first.

    Thread: OSC receive thread only, unless a method says otherwise.
    """

    def __init__(self) -> None:
        self._clients: OrderedDict[Address, Client] = OrderedDict()
        self._window = float("-inf")
        self._window_errors = 0

    def get(self, sender: Address) -> Client:
        """The client of a source address, made if it is new."""
        client = self._clients.get(sender)
        if client is None:
            clock = None if sender[0].startswith("127.") else SenderClock()
            client = Client(sender, sender, f"osc:{sender[0]}:{sender[1]}", clock=clock)
            self._clients[sender] = client
            if len(self._clients) > MAX_CLIENTS:
                self._clients.popitem(last=False)
        else:
            self._clients.move_to_end(sender)
        return client

    def of_source(self, source: str) -> Client | None:
        """The client whose events carry `source`, if it is still known. Thread: any."""
        return next((c for c in list(self._clients.values()) if c.source == source), None)

    def may_tell(self, client: Client, code: str, now: float) -> bool:
        """Whether an error may be sent: one per client, code and second, 10 per second to all together."""
        if now - client.errors_told.get(code, float("-inf")) < ERROR_INTERVAL_S:
            return False
        if now - self._window >= 1.0:
            self._window, self._window_errors = now, 0
        if self._window_errors >= ERRORS_PER_SECOND:
            return False
        self._window_errors += 1
        client.errors_told[code] = now
        return True

    def __len__(self) -> int:
        return len(self._clients)
