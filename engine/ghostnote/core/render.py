"""Offline: a control log through the same engine, with a virtual clock and a decoder that is never late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.control.events import starts_note
from ghostnote.core.control_log import ControlLog, LogEntry
from ghostnote.core.engine import DECODE_SPACING, QUANTUM, Engine, can_apply
from ghostnote.core.instrument import CHANNELS, Instrument
from ghostnote.core.lateness import Lateness
from ghostnote.decode.model import Model, load
from ghostnote.decode.worker import InlineDecoder
from ghostnote.errors import LogError
from ghostnote.features import audio_file
from ghostnote.features.detail import Blend, Detail
from ghostnote.features.stft import magnitudes
from ghostnote.state.registry import TARGETS, Target, check
from ghostnote.state.table import ROOT, SLOTS, Value
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]

DEFAULT_DECODE_DELAY = 8
"""Quanta from a changed point to its sound where a log does not say (11.6 ms)."""

_SEED = f"{ROOT}/seed"
_TAIL_S = 3.0
_BLOCK = 4096
_PENDING = 1 << 16
"""No decode is refused here: those that were late wait for their time."""


@dataclass(frozen=True)
class RenderOptions:
    """How a log is rendered; None takes what the log says, else the default.

    `as_played`: decodes that were late come late again, as in a recording; otherwise none is.
    """

    rate: int | None = None
    seed: int | None = None
    seconds: float | None = None
    decode_delay: int | None = None
    as_played: bool = False


def build_engine(model: Model, log: ControlLog, options: RenderOptions, telemetry: Telemetry) -> Engine:
    """An engine with the log's events on its timeline, decoded inline.

    Raises LogError for what no engine does, and what loading files raises.
    """
    for entry in log.entries:
        if not can_apply(entry.target):
            raise LogError(
                f"{entry.target.addr}, at {entry.t:g} s: only an instrument that plays can do that; "
                "a log has what it came to"
            )
    delay = options.decode_delay or int(log.start.get("decode_delay", DEFAULT_DECODE_DELAY))
    files = {str(entry.args[0]) for entry in log.entries if entry.target.name == "slot/file"}
    sounds = {path: magnitudes(audio_file.load(path, model.spec), model.spec) for path in sorted(files)}
    engine = Engine(
        model,
        InlineDecoder(None, telemetry, max_pending=_PENDING),
        decode_delay=delay,
        decode_spacing=int(log.start.get("decode_spacing", DECODE_SPACING)),
        telemetry=telemetry,
        load_model=cache(load),
        embed=lambda path, by: _captured(path, sounds[path], by),
    )
    if options.as_played:
        rate = model.spec.sample_rate
        engine.plan.again = Lateness((round(t * rate / QUANTUM), word, n) for t, word, n in log.decodes)
    if options.seed is not None:
        engine.set_value(_SEED, options.seed)
    script = [
        (round(entry.t * model.spec.sample_rate), entry.target, entry.args)
        for entry in sorted(log.entries, key=lambda entry: entry.t)
        if options.seed is None or entry.target.addr != _SEED
    ]
    # What is set at time 0 is set before anything is decoded, as it was when the log was begun.
    settings = [event for event in takewhile(lambda event: event[0] == 0, script) if not _begins(event)]
    for _, target, args in settings:
        engine.apply(target, args)
    engine.prime(model.decode)
    # A log that `play` began has its lines where they took effect; lines of one's own wait for the grid.
    engine.follow((event for event in script if event[0] > 0 or _begins(event)), played=bool(log.start))
    return engine


def _captured(path: str, sound: Float32, model: Model) -> tuple[str, Float32, Blend]:
    z, detail = model.capture(sound)
    return Path(path).name, z, Blend.of(detail)


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


def point_sound(
    model: Model,
    z: Float32,
    detail: Detail | None = None,
    amount: float = 1.0,
    telemetry: Telemetry | None = None,
) -> Float32:
    """What a hit of a latent point plays, shape (n, 2), at the model's rate.

    `detail`: what it has beside the point, of which `amount` (0 to 1) is heard. A point that the model gives
    no sound for is reported to `telemetry`, and silent.
    """
    log = ControlLog(
        [
            _entry("slot/a/z", *(float(x) for x in z)),
            _entry("slot/a/detail", "", "" if detail is None else detail.text),
            _entry("part1/detail", amount),
            *(_entry(f"part1/weight/{slot}", float(slot == "a")) for slot in SLOTS),
            _entry("part1/hit", 1.0),
        ]
    )
    blocks = render(model, log, RenderOptions(seconds=model.spec.duration_s), telemetry)
    return np.concatenate(list(blocks))


def _entry(path: str, *args: Value) -> LogEntry:
    target = TARGETS[f"{ROOT}/{path}"]
    return LogEntry(0.0, target, check(target, args)[0])


def capture(path: str, model: Model) -> tuple[Float32, Detail]:
    """Latent point of a sound file, shape (D,), and its detail. Raises AudioFileError."""
    return model.capture(magnitudes(audio_file.load(path, model.spec), model.spec))
