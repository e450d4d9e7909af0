"""What a decoder is to the engine: jobs in, magnitudes out, failures kept in a ledger."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode.session import DeadlineError, OutputError, one_line
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]

MAX_PENDING = 64
"""Jobs that may wait at a time."""
MAX_FAILED = 1024
"""Failed jobs that are remembered."""
FAILURES_TO_STALL = 3
"""Failures in a row after which a decoder counts as stalled."""


class DecoderModel(Protocol):
    """What a decoder needs of a `Model`."""

    def decode(self, z: Float32, texture: Float32, *, deadline_s: float) -> Float32:
        """Magnitudes [F, B] of latent point [D] and texture [F, B]."""
        ...

    def live_deadline_s(self, graph: str = "decoder") -> float:
        """Seconds after which a live run is given up."""
        ...


class Decoder(Protocol):
    """Decodes jobs, each known by an id that its owner uses once. Thread: the methods are for one thread."""

    def submit(self, job_id: int, z: Float32, texture: Float32, model: DecoderModel | None = None) -> bool:
        """Take a job: `z` [D] (copied), `texture` [F, B] (kept; must not change until the job is done).

        `model` decodes it; None is the one that the decoder was made with. False, counted, when there is no
        room or no model. Never waits.
        """
        ...

    def collect(self, job_id: int) -> Float32 | None:
        """Magnitudes [F, B] of a finished job, float32, C-contiguous, now the caller's; None when not ready.

        A job can be collected once. A job that failed, was refused or discarded gives None for ever.
        """
        ...

    def discard(self, job_id: int) -> None:
        """Forget a job, whether it waits, runs, is done or unknown."""
        ...

    def failed(self, job_id: int) -> bool:
        """Whether a job failed, so that waiting for it is useless (the last `MAX_FAILED` are known)."""
        ...

    @property
    def stalled(self) -> bool:
        """Whether decoding is stuck: a run past its deadline, or several failures in a row."""
        ...

    def close(self) -> None:
        """Give up what waits and end."""
        ...


@dataclass(frozen=True, eq=False)
class Job:
    """One sound to decode: latent point [D], texture [F, B], and what decodes it."""

    z: Float32
    texture: Float32
    model: DecoderModel


class Ledger:
    """Failures: which jobs, how many in a row, and the report of them."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._ids: set[int] = set()
        self._order: deque[int] = deque()
        self.streak = 0

    def success(self, seconds: float) -> None:
        """A job was decoded in `seconds`."""
        self.streak = 0
        self._telemetry.count("decode.jobs")
        self._telemetry.gauge("decode.last_ms", seconds * 1e3)

    def failure(self, job_id: int, error: Exception) -> None:
        """A job failed: count it, and tell it once per cause."""
        self.streak += 1
        self.mark(job_id)
        if isinstance(error, DeadlineError):
            key = "decode.deadline"
        else:
            key = "decode.not_finite" if isinstance(error, OutputError) else "decode.error"
        self._telemetry.trouble(key, f"decoding a sound failed, the old one goes on: {one_line(error)}")

    def mark(self, job_id: int) -> None:
        """Note that a job will never have a result."""
        self._ids.add(job_id)
        self._order.append(job_id)
        if len(self._order) > MAX_FAILED:
            self._ids.discard(self._order.popleft())

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._ids
