"""Server, instrument, probe and bare control, wired together for one measurement."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.player import Player, child_env, free_port
from ghostnote.bench.probe import Probe
from ghostnote.bench.stalls import Span

ENGINE, BARE = 0, 1
"""Inputs of the probe."""


@dataclass(frozen=True)
class Rig:
    """What a measurement works with."""

    server: JackServer
    probe: Probe
    player: Player
    click: Bare


class Bare:
    """The bare path (see `ghostnote.bench.bare`) in a process of its own."""

    def __init__(self, env: Mapping[str, str], device: str = "system") -> None:
        self.counted: dict[str, float] = {}
        self.late: list[Span] = []
        """When its render loop was late, known after `close`."""
        self._port = free_port()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ghostnote.bench.bare", str(self._port), device],
            env=child_env(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def wait(self) -> None:
        """Wait until it plays; UnavailableError when it ends instead."""
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            raise UnavailableError("the control process could not play through PortAudio")

    def strike(self) -> None:
        """Ask for one click."""
        self._socket.sendto(b"click", ("127.0.0.1", self._port))

    def mark(self) -> None:
        """Count dropouts from now on."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write("mark\n")
            self._process.stdin.flush()

    def close(self) -> None:
        """End it; `counted` then holds what it counted since `mark`."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired, ValueError):
            said, _ = self._process.communicate(timeout=5.0)
            counted = json.loads(said)
            self.late.extend((at, to) for at, to in counted.pop("late"))
            self.counted.update(counted)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._socket.close()


@contextmanager
def rig(model: str, seconds: float, options: Sequence[str] = (), *, realtime: bool = False) -> Iterator[Rig]:
    """Everything started and connected, for up to `seconds` of recording. Raises UnavailableError."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(JackServer(realtime=realtime))
        # python-rtmidi in this process looks for the server here.
        stack.enter_context(environment(server.env))
        probe = stack.enter_context(Probe(server.name, 2, seconds + 60.0))
        known = probe.sources()
        player = stack.enter_context(Player(model, server.env, options))
        probe.connect(probe.wait_for_source(known), ENGINE)
        known = probe.sources()
        click = Bare(server.env)
        stack.callback(click.close)
        click.wait()
        probe.connect(probe.wait_for_source(known), BARE)
        yield Rig(server, probe, player, click)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set this process's environment for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
