"""`ghostnote listen` at a real input port: how long after a sound began its class is on the wire."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench.hits_client import HitsClient
from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.player import child_env
from ghostnote.ears.listener import MILESTONES_S

Float32 = NDArray[np.float32]

GAP_S = (0.55, 0.8)
START_LIMIT_S = 90.0
_NEAR_S = 0.1
_LENGTH_S = 0.4
_LEVEL = 0.5


@dataclass(frozen=True)
class Came:
    """An answer on the wire: when it came and when it says that the sound began (both monotonic)."""

    at: float
    heard: float
    number: int
    age_s: float
    final: bool


@dataclass
class Waits:
    """In ms: first answer after the onset; answers after the sound that they are of was in; how far the time
    tag is off. `missed`: share of sounds without an answer."""

    first: list[float] = field(default_factory=list)
    decision: list[float] = field(default_factory=list)
    time_tag: list[float] = field(default_factory=list)
    missed: float = float("nan")


class Wire:
    """Receives the stream of everything and keeps messages, by default answers, with the times at which they
    came."""

    def __init__(self, wanted: Sequence[str] = ("/gn/in/answer",)) -> None:
        self._wanted = [f"{addr}\0".encode() for addr in wanted]
        self.port, (self._numbers, self._sock) = _two_ports()
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._raw: list[tuple[float, float, bytes]] = []
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)
        self._thread.start()

    def answers(self) -> list[Came]:
        """All answers so far."""
        found = []
        for at, heard, addr, args in self.words():
            if addr.endswith("/answer"):
                number, _, _, age_ms, final, _ = args
                found.append(Came(at, heard, number, age_ms / 1e3, bool(final)))
        return found

    def words(self) -> list[tuple[float, float, str, tuple[Any, ...]]]:
        """When each message came, what time it has (both monotonic), its address and arguments."""
        from pythonosc.osc_bundle import OscBundle

        found = []
        for at, offset, datagram in list(self._raw):
            bundle = OscBundle(datagram)
            for k in range(bundle.num_contents):
                one = bundle.content(k)
                found.append((at, bundle.timestamp - offset, str(one.address), tuple(one.params)))
        return found

    def close(self) -> None:
        """Close the sockets."""
        self._closed = True
        self._thread.join(2.0)
        self._numbers.close()
        self._sock.close()

    def _run(self) -> None:
        self._sock.settimeout(0.2)
        while not self._closed:
            with contextlib.suppress(TimeoutError):
                datagram = self._sock.recv(65536)
                at = time.monotonic()
                if any(addr in datagram for addr in self._wanted):
                    self._raw.append((at, time.time() - time.monotonic(), datagram))


def measure(model: str, stock: Sequence[Float32], rate: int, hits: int, seed: int, realtime: bool) -> Waits:
    """Play `hits` of the sounds (n,), at `rate`, into `ghostnote listen`. Raises UnavailableError."""
    import soxr

    rng = np.random.default_rng(seed)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(JackServer(realtime=realtime))
        wire = Wire()
        stack.callback(wire.close)
        stack.enter_context(_listening(model, server, wire.port))
        client = stack.enter_context(HitsClient(server.name, hits * GAP_S[1] + 30.0))
        client.connect()
        time.sleep(1.0)
        for k in range(hits):
            sound = soxr.resample(stock[k % len(stock)], rate, client.rate)[: round(_LENGTH_S * client.rate)]
            sound = sound * np.float32(_LEVEL / max(1e-6, float(np.abs(sound).max())))
            sound[-480:] *= np.linspace(1.0, 0.0, len(sound[-480:]), dtype=np.float32)
            client.play(sound.astype(np.float32), int(rng.integers(client.block)))
            time.sleep(float(rng.uniform(*GAP_S)))
            server.check()
        return waits(client.time_of(np.array(client.begun, dtype=np.int64)), wire.answers())


def waits(began: NDArray[np.float64], answers: Sequence[Came]) -> Waits:
    """How long answers took, for sounds that began at monotonic times (n,)."""
    out = Waits()
    missed = 0
    for at in began:
        own = [a for a in answers if abs(a.heard - at) < _NEAR_S]
        if not own:
            missed += 1
            continue
        number = min(own, key=lambda a: abs(a.heard - at)).number
        own = sorted((a for a in own if a.number == number), key=lambda a: a.at)
        out.first.append(1e3 * (own[0].at - at))
        out.time_tag.append(1e3 * (own[0].heard - at))
        out.decision += [
            1e3 * (a.at - at - a.age_s) for a in own if not a.final and a.age_s <= MILESTONES_S[-1]
        ]
    out.missed = missed / max(1, len(began))
    return out


@contextlib.contextmanager
def _listening(model: str, server: JackServer, port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "ghostnote", "listen", "--input", "system", "--model", model]
    command += ["--targets", f"127.0.0.1:{port}"]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command,
            env=child_env(server.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        try:
            deadline = time.monotonic() + START_LIMIT_S
            while "listening to" not in _text(said.fileno()):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise UnavailableError(f"ghostnote listen did not start; it said: {_text(said.fileno())}")
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10.0)


def _text(fd: int) -> str:
    return os.pread(fd, 4096, 0).decode("utf-8", "replace").strip()


def _two_ports() -> tuple[int, tuple[socket.socket, socket.socket]]:
    """Sockets at two ports in a row, and the first port."""
    while True:
        first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        first.bind(("127.0.0.1", 0))
        port = int(first.getsockname()[1])
        try:
            second.bind(("127.0.0.1", port + 1))
        except (OSError, OverflowError):
            first.close()
            second.close()
            continue
        return port, (first, second)
