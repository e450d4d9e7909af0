"""Offline: a control log through the same engine, with a virtual clock and a decoder that is never late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from ghostnote.core.actions import starts_note
from ghostnote.core.control_log import ControlLog
from ghostnote.core.engine import DECODE_SPACING, QUANTUM, Engine
from ghostnote.core.instrument import CHANNELS, Instrument
from ghostnote.decode.model import Model, load
from ghostnote.decode.worker import InlineDecoder
from ghostnote.features import audio_file
from ghostnote.features.stft import magnitudes
from ghostnote.state.registry import Target, resolve
from ghostnote.state.table import ROOT, Value
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]

DEFAULT_DECODE_DELAY = 8
"""Quanta from a changed point to its sound where a log does not say (11.6 ms)."""

_SEED = f"{ROOT}/seed"
_TAIL_S = 3.0
_BLOCK = 4096


@dataclass(frozen=True)
class RenderOptions:
    """How a log is rendered; None takes what the log says, else the default."""

    rate: int | None = None
    seed: int | None = None
    seconds: float | None = None
    decode_delay: int | None = None


def build_engine(model: Model, log: ControlLog, options: RenderOptions, telemetry: Telemetry) -> Engine:
    """An engine with the log's events on its timeline, decoded inline. Raises what loading files raises."""
    delay = options.decode_delay or int(log.start.get("decode_delay", DEFAULT_DECODE_DELAY))
    engine = Engine(
        model,
        InlineDecoder(model, telemetry),
        decode_delay=delay,
        decode_spacing=int(log.start.get("decode_spacing", DECODE_SPACING)),
        telemetry=telemetry,
        load_model=lambda name: _load(name, telemetry),
    )
    if options.seed is not None:
        engine.set_value(_SEED, options.seed)
    script = [
        (round(entry.t * model.spec.sample_rate), *_embedded(entry.target, entry.args, model))
        for entry in sorted(log.entries, key=lambda entry: entry.t)
        if options.seed is None or entry.target.addr != _SEED
    ]
    # What is set at time 0 is set before anything is decoded, as it was when the log was begun.
    settings = [event for event in takewhile(lambda event: event[0] == 0, script) if not _begins(event)]
    for _, target, args in settings:
        engine.apply(target, args)
    engine.prime(model.decode)
    engine.follow(event for event in script if event[0] > 0 or _begins(event))
    return engine


def _begins(event: tuple[int, Target, tuple[Value, ...]]) -> bool:
    return starts_note(event[1], event[2])


def render(
    model: Model,
    log: ControlLog,
    options: RenderOptions = RenderOptions(),
    telemetry: Telemetry | None = None,
) -> Iterator[Float32]:
    """Blocks of shape (n, 2) of what the log plays; they end when `seconds` are over or all has died away."""
    telemetry = telemetry or Telemetry()
    engine = build_engine(model, log, options, telemetry)
    rate = options.rate or model.spec.sample_rate
    instrument = Instrument(engine, rate)
    last = max((entry.t for entry in log.entries), default=0.0)
    frames = None if options.seconds is None else round(options.seconds * rate)
    while frames is None or instrument.frames < frames:
        if frames is None and engine.idle and instrument.frames > (last + QUANTUM / rate) * rate:
            break
        if frames is None and instrument.frames > (last + _TAIL_S + model.spec.duration_s) * rate:
            break
        size = _BLOCK if frames is None else min(_BLOCK, frames - instrument.frames)
        block = np.empty((size, CHANNELS), dtype=np.float32)
        instrument.read(block)
        yield block


def embed(path: str, model: Model) -> Float32:
    """Latent point of a sound file, shape (D,). Raises AudioFileError."""
    return model.encode(magnitudes(audio_file.load(path, model.spec), model.spec))


Loader = Callable[[str], tuple[Model, InlineDecoder]]


def _load(name: str, telemetry: Telemetry) -> tuple[Model, InlineDecoder]:
    model = load(name)
    return model, InlineDecoder(model, telemetry)


def _embedded(target: Target, args: tuple[Value, ...], model: Model) -> tuple[Target, tuple[Value, ...]]:
    if target.name != "slot/file":
        return target, args
    point = resolve(f"{ROOT}/slot/{target.slot}/z")
    assert point is not None
    return point, tuple(float(x) for x in embed(str(args[0]), model))
