"""An engine on the test bench: events at exact samples, quanta in a row, and what to look at in them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ghostnote.core.control_log import ControlLog, LogEntry
from ghostnote.core.engine import QUANTUM, Applied, Engine
from ghostnote.core.render import RenderOptions, render
from ghostnote.decode.model import Model
from ghostnote.decode.worker import Decoder, InlineDecoder
from ghostnote.state.registry import check, resolve
from ghostnote.state.table import Value
from ghostnote.telemetry import Telemetry

DELAY = 8
RATE = 44100


class Bench:
    """An engine with its telemetry and the list of what was applied."""

    def __init__(self, model: Model, decoder: Decoder | None = None, **more: object) -> None:
        self.telemetry = Telemetry(hold_s=0.0)
        self.applied: list[Applied] = []
        self.engine = Engine(
            model,
            decoder or InlineDecoder(model, self.telemetry),
            decode_delay=DELAY,
            telemetry=self.telemetry,
            applied=self.applied.append,
            **more,
        )
        self.engine.prime(model.decode)

    def at(self, sample: int, addr: str, *args: Value) -> None:
        """Schedule a message."""
        target = resolve(f"/gn/{addr}")
        assert target is not None, addr
        assert self.engine.schedule(sample, target, check(target, args)[0])

    def now(self, addr: str, *args: Value) -> None:
        """Schedule a message for the next quantum."""
        self.at(self.engine.now, addr, *args)

    def quanta(self, count: int) -> np.ndarray:
        """The next quanta, shape (count * QUANTUM, 2)."""
        return np.concatenate([self.engine.render_quantum().copy() for _ in range(count)])

    def seconds(self, seconds: float) -> np.ndarray:
        """The next quanta, at least `seconds` long."""
        return self.quanta(-(-round(seconds * RATE) // QUANTUM))

    @property
    def voices(self) -> list:
        """Notes that have not been ended."""
        return [voice for voice in self.engine.pool.voices if not voice.ended]

    @property
    def counts(self) -> dict[str, float]:
        """Counters and gauges."""
        return self.telemetry.snapshot()


def entry(t: float, addr: str, *args: Value) -> LogEntry:
    """A line of a log; `addr` without its root."""
    target = resolve(f"/gn/{addr}")
    assert target is not None, addr
    return LogEntry(t, target, check(target, args)[0])


def rendered(model: Model, entries: Iterable[LogEntry], seconds: float = 0.25, **options: int) -> np.ndarray:
    """What a log plays, shape (n, 2)."""
    asked = RenderOptions(seconds=seconds, **options)
    return np.concatenate(list(render(model, ControlLog(list(entries)), asked)))


def first_sound(sound: np.ndarray) -> int:
    """Index of the first frame that is not exactly silent."""
    return int(np.flatnonzero(np.any(sound != 0.0, axis=1))[0])


def steepest(sound: np.ndarray) -> float:
    """Largest step between neighbouring samples: a click shows here."""
    return float(np.abs(np.diff(sound, axis=0)).max()) if len(sound) > 1 else 0.0


def level(sound: np.ndarray) -> float:
    """Root mean square over all samples."""
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def centroid_hz(sound: np.ndarray) -> float:
    """Where the spectrum's energy lies on average."""
    power = np.abs(np.fft.rfft(sound[:, 0] * np.hanning(len(sound)))) ** 2
    return float(np.sum(power * np.fft.rfftfreq(len(sound), 1.0 / RATE)) / np.sum(power))
