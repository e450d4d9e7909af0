"""A served map for tests: a site in a thread, questions to it, and an instrument that answers as told."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ghostnote.control.osc_guard import parse
from ghostnote.control.osc_send import build
from ghostnote.web.connections import Connections
from ghostnote.web.serving import Room, open_socket, serving

WAIT_S = 60.0


def until(condition: Callable[[], Any], what: str) -> Any:
    """The first true value of a condition."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {WAIT_S:.0f} s for: {what}")


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Site:
    """Rooms served by a thread, on a free port of this computer."""

    rooms: Sequence[Room]
    bind: str = "127.0.0.1"
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sock = open_socket(self.bind, 0)
        self.port = self._sock.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.connections: Connections | None = None
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        until(lambda: self.connections, "the site to be served")

    async def _run(self) -> None:
        async with serving(self._sock, self.rooms, self.told.append) as self.connections:
            await self._ended.wait()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()
        self._loop.close()
        self._sock.close()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> Answer:
        """Ask; headers in place of the usual ones, `None` for none at all, `_` for `-` in names."""
        wanted = {"Host": self.host} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            if body is not None:
                wanted.setdefault("Content-Length", str(len(body)))
            for name, value in wanted.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body)
            found = connection.getresponse()
            return Answer(found.status, {k.lower(): v for k, v in found.getheaders()}, found.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str | None) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, value: Any, **headers: str | None) -> Answer:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        usual = {"Origin": f"http://{self.host}", "Content_Type": "application/json"}
        return self.ask("POST", path, body, **{**usual, **headers})

    def raw(self, data: bytes, *, end: bool = False) -> bytes:
        """Send bytes as they are (and `end` there); what comes back until the other side closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S) as sock:
            got = b""
            try:
                sock.sendall(data)
                if end:
                    sock.shutdown(socket.SHUT_WR)
                while part := sock.recv(65536):
                    got += part
            except OSError:
                return got
            return got


class FakeInstrument:
    """Answers at a UDP port; `say` gives what it answers to an address and its arguments (None: nothing)."""

    def __init__(self, say: Callable[[str, tuple[Any, ...]], bytes | None]) -> None:
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self._say = say
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self._sock.settimeout(0.1)
        self.port = self._sock.getsockname()[1]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                data, peer = self._sock.recvfrom(8192)
            except OSError:
                continue
            message = parse(data).groups[0].messages[0]
            answer = build("/gn/pong", message.args[0]) if message.addr == "/gn/ping" else None
            if message.addr != "/gn/ping":
                self.asked.append((message.addr, message.args))
                answer = self._say(message.addr, message.args)
            if answer is not None:
                self._sock.sendto(answer, peer)

    def close(self) -> None:
        self._ended.set()
        self._thread.join(WAIT_S)
        self._sock.close()
