"""What sound costs the processor: decoding, and many voices whose knobs never rest."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench.stats import Summary
from ghostnote.core.decode_timing import measure, timing
from ghostnote.core.engine import Engine
from ghostnote.core.instrument import CHANNELS, Instrument
from ghostnote.decode import detailed
from ghostnote.decode.decoder import Decoder, DecoderModel
from ghostnote.decode.model import Model
from ghostnote.decode.worker import DecodeWorker
from ghostnote.features.detail import Blend, Detail
from ghostnote.features.detail_grid import grid_of
from ghostnote.host.priority import DECODE, DECODING, RENDER
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import PARTS, ROOT
from ghostnote.synth.texture import TextureBank
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

RATE = 48000
BLOCK = 128
"""Frames that are asked for at a time, as by a server at 128 frames (2.67 ms)."""

_AUDIBLE_FLOOR = 1e-3
_WARM_UP_S = 0.3
_CONTROL_EVERY = 8
_BREATH_S = 0.001


@contextmanager
def as_render_thread() -> Iterator[None]:
    """Give the calling thread the priority of the engine's render thread for a while, where it is granted.

    Threads that decode get theirs too.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(RENDER))
        for thread in threading.enumerate():
            if thread.name == DECODE and thread.native_id is not None:
                os.sched_setscheduler(thread.native_id, os.SCHED_FIFO, os.sched_param(DECODING))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, policy, param)


class ReadyDecoder:
    """A `Decoder` that costs nothing: hands out sounds that were decoded before, one after the other."""

    def __init__(self, sounds: list[Float32]) -> None:
        self._sounds = sounds

    def submit(self, job_id: int, z: Float32, texture: Float32, model: DecoderModel | None = None) -> bool:
        """See `Decoder.submit`."""
        return True

    def collect(self, job_id: int) -> Float32 | None:
        """See `Decoder.collect`."""
        return self._sounds[job_id % len(self._sounds)]

    def discard(self, job_id: int) -> None:
        """See `Decoder.discard`."""

    def failed(self, job_id: int) -> bool:
        """See `Decoder.failed`."""
        return False

    @property
    def stalled(self) -> bool:
        """See `Decoder.stalled`."""
        return False

    def close(self) -> None:
        """See `Decoder.close`."""


class Yardstick:
    """A fixed piece of work (FFTs of 64 windows of 1024) whose time shows what the machine is doing."""

    def __init__(self) -> None:
        self._frames = np.random.default_rng(1).standard_normal((64, 1024)).astype(np.float32)
        self.ms()

    def ms(self) -> float:
        """Do the work once; how long it took."""
        began = time.perf_counter()
        np.fft.irfft(np.fft.rfft(self._frames, axis=-1), axis=-1)
        return 1e3 * (time.perf_counter() - began)


def decode_ms(model: Model, runs: int) -> Float64:
    """Milliseconds of `runs` decodes of a whole sound on one thread, at random points, shape (runs,)."""
    return decode_beside_control(model, runs)[0]


def decode_beside_control(model: Model, runs: int) -> tuple[Float64, Float64]:
    """Milliseconds of `runs` decodes, and of the yardstick's work between them, each of shape (runs,).

    At the priority of the engine's render thread, where it is granted.
    """
    points, textures = _points(model, min(runs, 64)), TextureBank(model.spec, seed=0)
    yardstick = Yardstick()
    model.decode(points[0], textures.take(0))
    spent, control = np.zeros(runs), np.zeros(runs)
    with as_render_thread():
        for i in range(runs):
            texture = textures.take(i % textures.offsets)
            began = time.perf_counter()
            model.decode(points[i % len(points)], texture)
            spent[i] = 1e3 * (time.perf_counter() - began)
            control[i] = yardstick.ms()
            time.sleep(_BREATH_S)
    return spent, control


def _ready(magnitudes: Float32, z: Float32, texture: Float32) -> Float32:
    """A decode that has been done."""
    return magnitudes


def detail_ms(model: Model, runs: int) -> Float64:
    """Milliseconds by which `runs` decodes take longer for a detail, a mixture of two, shape (runs,)."""
    spec, textures = model.spec, TextureBank(model.spec, seed=0)
    rng, size = np.random.default_rng(0), grid_of(model.spec).size
    pair = [
        Detail(spec.frames, spec.bins, rng.integers(-20, 21, size).astype(np.int8).tobytes())
        for _ in range(2)
    ]
    detail, decoded = Blend(tuple(pair), (0.5, 0.5)), model.decode(_points(model, 1)[0], textures.take(0))
    spent = np.zeros(runs)
    with as_render_thread():
        for i in range(runs):
            magnitudes, texture = decoded.copy(), textures.take(i % textures.offsets)
            began = time.perf_counter()
            detailed.decode(partial(_ready, magnitudes), decoded, texture, detail, spec)
            spent[i] = 1e3 * (time.perf_counter() - began)
            time.sleep(_BREATH_S)
    return spent


def voices_cost(
    model: Model, voices: int, seconds: float, *, decoding: bool = False, paced: bool = True
) -> dict[str, float]:
    """Cost of `voices` notes with all knobs moving, at 48 kHz in blocks of 128 frames.

    Every part's axes move all the time (750 changes a second over the eight parts), each block goes through
    phase, mix, resampler and safety chain at its time, as in a performance; not `paced`, one block follows
    the other at once, as in a render. (A core that has slept comes back with cold caches, so paced blocks
    cost more.) Notes that have died away are struck again. Without `decoding` the spectrograms are ready
    beforehand; with it they come from the model through its worker thread, and the times include whatever
    the worker takes away. Threads have the priorities that they have in the engine.

    Returns `rtf` (processor time of the render thread as a share of one core), `wall_rtf` (the same by the
    clock on the wall, other programs' work included), `process_rtf` (processor time of all threads),
    `p50_ms`, `p95_ms`, `p99_ms`, `max_ms` (wall time of a block of `block_ms`), `blocks`, `hits`,
    `late_decodes`, and the yardstick as `control_p50_ms`, `…_p95_ms`, `…_p99_ms`, `…_max_ms`.
    """
    telemetry = Telemetry()
    decoder: Decoder = DecodeWorker(model, telemetry) if decoding else ReadyDecoder(_lasting_sounds(model))
    try:
        planned = timing(measure(model), BLOCK, RATE, model.spec.sample_rate)
        engine = Engine(
            model,
            decoder,
            decode_delay=planned.delay,
            decode_spacing=planned.spacing,
            telemetry=telemetry,
        )
        engine.set_value(f"{ROOT}/synth/voices", min(voices, 16))
        if decoding:
            engine.prime(model.decode)
        else:
            ready = _lasting_sounds(model)
            engine.prime(lambda z, texture: ready[0])
        with as_render_thread():
            return _drive(engine, voices, seconds, telemetry, paced)
    finally:
        decoder.close()


def _drive(
    engine: Engine, voices: int, seconds: float, telemetry: Telemetry, paced: bool
) -> dict[str, float]:
    instrument = Instrument(engine, RATE)
    block = np.zeros((BLOCK, CHANNELS), dtype=np.float32)
    move = _Knobs(engine)
    yardstick = Yardstick()
    blocks = max(1, round(seconds * RATE / BLOCK))
    warm_up = round(_WARM_UP_S * RATE / BLOCK)
    spent: list[float] = []
    control: list[float] = []
    hits = 0
    thread_s = process_s = 0.0
    start = time.perf_counter()
    for i in range(-warm_up, blocks):
        if i == 0:
            control, hits = [], 0
            thread_s = 0.0
            process_s = time.process_time()
        began, began_cpu = time.perf_counter(), time.thread_time()
        sounding = sum(not v.ended for v in engine.pool.voices)
        # Struck one after the other, so that they do not all start in the same block.
        if sounding < voices and i % 2 == 0:
            engine.hit(PARTS[hits % len(PARTS)], engine.now, 0.5)
            hits += 1
        move.step(2)
        instrument.read(block)
        thread_s += time.thread_time() - began_cpu
        if i >= 0:
            spent.append(1e3 * (time.perf_counter() - began))
        if i % _CONTROL_EVERY == 0:
            control.append(yardstick.ms())
        if paced:
            time.sleep(max(0.0, start + (i + warm_up + 1) * BLOCK / RATE - time.perf_counter()))
    process_s = time.process_time() - process_s
    cost, beside = Summary.of(spent), Summary.of(control)
    counted = telemetry.snapshot()
    sounded_s = blocks * BLOCK / RATE
    return {
        "rtf": thread_s / sounded_s,
        "wall_rtf": 1e-3 * sum(spent) / sounded_s,
        "process_rtf": process_s / sounded_s,
        "p50_ms": cost.p50,
        "p95_ms": cost.p95,
        "p99_ms": cost.p99,
        "max_ms": cost.max,
        "block_ms": 1e3 * BLOCK / RATE,
        "blocks": float(blocks),
        "hits": float(hits),
        "late_decodes": float(counted.get("decode_late", 0.0)),
        "control_p50_ms": beside.p50,
        "control_p95_ms": beside.p95,
        "control_p99_ms": beside.p99,
        "control_max_ms": beside.max,
    }


class _Knobs:
    """Moves the first axes of all parts up and down for ever, one part after the other."""

    def __init__(self, engine: Engine) -> None:
        names = [f"d{k}" for k in range(1, 1 + max(1, min(4, len(engine.models.main.axes.names))))]
        self._targets = [TARGETS[f"{ROOT}/part{part}/axis/{name}"] for name in names for part in PARTS]
        self._engine = engine
        self._moved = 0

    def step(self, count: int) -> None:
        for _ in range(count):
            target = self._targets[self._moved % len(self._targets)]
            value = float(np.sin(0.0031 * self._moved))
            self._engine.schedule(self._engine.now, target, (value,))
            self._moved += 1


def _points(model: Model, count: int) -> Float32:
    mean = np.asarray(model.manifest.latent_mean, dtype=np.float32)
    noise = np.random.default_rng(7).standard_normal((count, model.manifest.latent_size))
    return mean + noise.astype(np.float32)


def _lasting_sounds(model: Model) -> list[Float32]:
    """Decoded sounds that stay audible to their end: what phase costs does not depend on the sound."""
    textures = TextureBank(model.spec, seed=0)
    return [np.maximum(model.decode(z, textures.take(0)), _AUDIBLE_FLOOR) for z in _points(model, 8)]
