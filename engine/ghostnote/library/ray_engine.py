"""Shards on a Ray cluster: a process of its own talks to that, and may be lost with it."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import util
from pathlib import Path
from typing import Any, TypeVar

from ghostnote.crew import ONE_THREAD, Lost
from ghostnote.errors import LibraryError
from ghostnote.library import ray_driver
from ghostnote.library.engines import LEAST_LIMIT_S, limit_s

Job = TypeVar("Job")
Result = TypeVar("Result")

CONNECT_S = 10.0
START_S = 300.0
CLOSE_S = 30.0
TICK_S = 1.0


class RayEngine:
    """Ray Data on a cluster, or without an `address` on one that is started on this machine for as long as
    the engine lasts, with `workers` processes (None: the cluster's processors; of this machine 8 at most).

    `model`: the folder of the model, which is sent along; `seen`: folders that all machines must have.
    """

    chunk = 65_536

    def __init__(self, address: str | None, workers: int | None, model: str, seen: Sequence[str]) -> None:
        address = address or os.environ.get("RAY_ADDRESS") or ray_driver.LOCAL
        if address != ray_driver.LOCAL:
            _answers(address)
        if util.find_spec("ray") is None or util.find_spec("pyarrow") is None:
            raise LibraryError("--engine ray needs the extra ray (pip install 'ghostnote[ray]')")
        self._asked = ray_driver.Asked(address, workers, model, tuple(seen))
        self.hashes = address != ray_driver.LOCAL
        self._process: Any = None
        self._pipe: Any = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def run(
        self, task: Callable[[Job], Result], jobs: Sequence[Job], *, isolated: bool = True
    ) -> Iterator[tuple[int, Result | Lost]]:
        """See `engines.Engine.run`. Raises LibraryError when the cluster is not there, or is lost."""
        if not jobs:
            return
        if self._process is None:
            self._start()
            self._hear(START_S)
        self._send((pickle.dumps(task), [pickle.dumps(job) for job in jobs], isolated))
        silent_s = START_S + 2.0 * max(LEAST_LIMIT_S, *(limit_s(job) for job in jobs))
        while (heard := self._hear(silent_s)) is not None:
            number, result = heard
            yield number, pickle.loads(result)

    def close(self) -> None:
        """End the process, and a cluster that it started."""
        if self._process is not None:
            with suppress(OSError):
                self._pipe.close()
            self._process.join(CLOSE_S)
            if self._process.exitcode is None:
                self._process.kill()
                self._process.join(CLOSE_S)
            self._process = None
        if self._folder is not None:
            with suppress(OSError):
                self._folder.cleanup()

    def _start(self) -> None:
        # Ray's sockets are below it, and a socket's path must be short.
        root = "/tmp" if os.name == "posix" and os.access("/tmp", os.W_OK) else None
        self._folder = tempfile.TemporaryDirectory(
            prefix=f"gn-ray-{os.getpid()}-", dir=root, ignore_cleanup_errors=True
        )
        context = multiprocessing.get_context("spawn")
        self._pipe, far = context.Pipe()
        self._process = context.Process(
            target=ray_driver.serve, args=(far, self._asked, self._folder.name), daemon=True
        )
        before = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(ONE_THREAD)
        try:
            self._process.start()
        except OSError as error:
            raise LibraryError(f"cannot start a process for Ray ({error}); close other programs") from None
        finally:
            far.close()
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def _send(self, message: object) -> None:
        with suppress(OSError):  # that it has ended is noticed where its answer is read
            self._pipe.send(message)

    def _hear(self, limit: float) -> tuple[int, bytes] | None:
        """What the process says next: a result, or None for the end. Raises LibraryError."""
        try:
            if not self._pipe.poll(limit):
                raise LibraryError(
                    f"{self._asked.named}: nothing came for {limit:.0f} s; are its processors taken by "
                    "others? What was indexed is kept: index again"
                )
            said = self._pipe.recv()
        except (EOFError, OSError):
            raise LibraryError(
                f"{self._asked.named} was lost ({self._last_words()}); what was indexed is kept: index again"
            ) from None
        if isinstance(said, str):
            raise LibraryError(f"{self._asked.named}: {said}")
        return None if said is None else (int(said[0]), bytes(said[1]))

    def _last_words(self) -> str:
        self._process.join(CLOSE_S)
        text = ""
        if self._folder is not None:
            with suppress(OSError):
                text = Path(self._folder.name, ray_driver.LOG).read_text("utf-8", errors="replace")
        if "GCS" in text[-4000:]:
            return "its head does not answer any more"
        return f"the process that talks to it ended with status {self._process.exitcode}"


def _answers(address: str) -> None:
    """Raise LibraryError unless something listens at the address of a cluster's head."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise LibraryError(
            f"--ray-address {address}: give the head as HOST:PORT (its port is 6379 as a rule), local or auto"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise LibraryError(
            f"Ray cluster {address}: cannot be reached ({getattr(error, 'strerror', None) or error}); is it "
            "started (`ray start --head`), and the address its head's?"
        ) from None
