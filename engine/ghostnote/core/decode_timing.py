"""How far ahead decodes are planned: from how long one takes on this machine, measured at the start."""

from __future__ import annotations

import math
import time

import numpy as np

from ghostnote.core.decode_plan import DecodeTiming
from ghostnote.core.engine import DECODE_SPACING, QUANTUM
from ghostnote.decode.model import Model

MIN_DELAY = 4
MAX_DELAY = 64
RESERVE = 1.25
"""A decode may take so many times what it took at the start."""
SHARE = 0.66
"""Decoding takes at most this share of one core, when knobs move all the time."""
WAKE_S = 0.0005
"""The worker thread's wake-up and the hand-over."""
_RUNS = 6


def timing(decode_s: float, block: int, rate: int, model_rate: int) -> DecodeTiming:
    """Timing for decodes of `decode_s` seconds beside a device that takes `block` frames at `rate` Hz.

    Quanta are rendered in bursts of a block, so that the last of a burst leaves the worker that much less.
    """
    quantum_s = QUANTUM / model_rate
    burst = block / rate / quantum_s
    needed = RESERVE * decode_s / quantum_s
    delay = math.ceil(needed + WAKE_S / quantum_s + burst)
    return DecodeTiming(
        min(max(delay, MIN_DELAY), MAX_DELAY),
        max(DECODE_SPACING, math.ceil(decode_s / SHARE / quantum_s)),
    )


def measure(model: Model) -> float:
    """Seconds that a decode takes on this machine. Not realtime-safe: decodes a few sounds.

    Processor time, since the worker has real-time priority where it can and this thread has not; wall time
    where the system counts the former too coarsely.
    """
    z = np.asarray(model.manifest.latent_mean, dtype=np.float32)
    texture = np.zeros((model.spec.frames, model.spec.bins), dtype=np.float32)
    model.decode(z, texture)
    fastest = math.inf
    began = time.thread_time()
    for _ in range(_RUNS):
        at = time.perf_counter()
        model.decode(z, texture)
        fastest = min(fastest, time.perf_counter() - at)
    return max((time.thread_time() - began) / _RUNS, fastest)
