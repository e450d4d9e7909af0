"""What is answered later: `/gn/sync`, and commands whose author wants to know when they are done."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from ghostnote.control.inbox import Inbox
from ghostnote.control.osc_clients import Client
from ghostnote.control.osc_replies import Replies
from ghostnote.state.registry import Target
from ghostnote.state.table import ROOT, Command, Value

MAX_WAITING = 64
MAX_NOTICES = 64
_LIMITED = -1

_Answer = tuple[Client, str, int]


class Requests:
    """Answers that wait, first come first served. Thread: the server's, unless a method says otherwise."""

    def __init__(self, inbox: Inbox, replies: Replies, settled: Callable[[float], bool]) -> None:
        self._inbox = inbox
        self._replies = replies
        self._settled = settled
        self._asked: list[_Answer] = []
        self._waiting: deque[tuple[int, float, _Answer]] = deque(maxlen=MAX_WAITING)
        self._notices: deque[tuple[Client, str, str, str, int]] = deque(maxlen=MAX_NOTICES)

    def sync(self, client: Client, number: int) -> None:
        """Answer `/gn/synced number` when all that came before is in effect."""
        self._asked.append((client, "", number))

    def command(self, client: Client, addr: str, request: int) -> None:
        """Answer `/gn/done addr request` when the engine has the command."""
        self._asked.append((client, addr, request))

    def stamp(self, ticket: int, received: float) -> None:
        """What was asked for since the last call came in with `ticket`, at monotonic time `received`."""
        self._waiting.extend((ticket, received, answer) for answer in self._asked)
        self._asked.clear()

    def notify(self, source: str, addr: str, code: str, text: str, request: int) -> None:
        """Answer how a slow command ended: done (`code` empty) or an error. Thread: any."""
        client = self._replies.clients.of_source(source)
        if client is not None:
            self._notices.append((client, addr, code, text, request))

    def answer(self, source: str, messages: Sequence[tuple[str, tuple[Value, ...]]]) -> int:
        """Send messages to an author at once; how many went out, none to who is no OSC peer. Thread: any."""
        client = self._replies.clients.of_source(source)
        if client is None:
            return 0
        return sum(self._replies.reply(client, addr, *args) for addr, args in messages)

    def refuse(self, source: str, addr: str, code: str, text: str) -> None:
        """Answer a message that could not be done, unless its author was told just now. Thread: any."""
        self.notify(source, addr, code, text, _LIMITED)

    def tick(self) -> bool:
        """Send what can be answered; whether something still waits."""
        while self._notices:
            noticed, addr, code, text, request = self._notices.popleft()
            if request == _LIMITED:
                if self._replies.clients.may_tell(noticed, code, time.monotonic()):
                    self._replies.error(noticed, addr, code, text)
            elif code:
                self._replies.error(noticed, addr, code, text, request)
            else:
                self._replies.done(noticed, addr, request, text)
        while self._waiting:
            ticket, received, (client, addr, number) = self._waiting[0]
            if self._inbox.applied < ticket or not (addr or self._settled(received)):
                return True
            self._waiting.popleft()
            if addr:
                self._replies.done(client, addr, number)
            else:
                self._replies.reply(client, f"{ROOT}/synced", number)
        return False


def split_request(target: Target | None, args: tuple[Value, ...]) -> tuple[tuple[Value, ...], int]:
    """Arguments of a command without the request number that may follow all of them (0: none does)."""
    row = None if target is None else target.row
    if not isinstance(row, Command) or row.variadic:
        return args, 0
    if len(args) % 2 == 0 if row.pairs else len(args) != len(row.arguments) + 1:
        return args, 0
    last = args[-1]
    if isinstance(last, str) or not -(2**31) <= last < 2**31 or last != int(last):
        return args, 0
    return args[:-1], int(last)
