"""How the instrument is doing, as readable addresses: load, dropouts, what came late or was dropped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from ghostnote.audio.output import Output, OutputState
from ghostnote.core.engine import Engine
from ghostnote.core.live import Live
from ghostnote.state.table import ROOT, Value
from ghostnote.telemetry import Telemetry

DEGRADED_S = 2.0
"""So long a dropout is remembered in `status/state`."""

_LATE = ("osc_late", "late_events")
_CLAMPED = ("osc_far_ahead",)
_DROPPED = (
    "osc_dropped",
    "dirt_dropped",
    "osc_late_dropped",
    "inbox_dropped",
    "events_dropped",
    "late_dropped",
)


def status_of(
    live: Live, output: Output, engine: Engine, telemetry: Telemetry
) -> Mapping[str, Callable[[], Value]]:
    """What each `/gn/status/…` is now, by address. Thread: any, but one at a time."""
    status = _Status(live, output, engine, telemetry)
    named: dict[str, Callable[[], Value]] = {
        "state": status.state,
        "load": lambda: float(live.load),
        "peak_load": lambda: float(live.peak_load),
        "xruns": status.xruns,
        "late": lambda: status.counted(_LATE),
        "clamped": lambda: status.counted(_CLAMPED),
        "dropped": lambda: status.counted(_DROPPED),
        "voices": lambda: len(engine.pool.voices),
        "latency": lambda: 1000.0 * output.latency_frames / output.rate,
        "uptime": lambda: int(time.monotonic() - status.began),
    }
    return {f"{ROOT}/status/{name}": value for name, value in named.items()}


class _Status:
    def __init__(self, live: Live, output: Output, engine: Engine, telemetry: Telemetry) -> None:
        self._live = live
        self._output = output
        self._telemetry = telemetry
        self.began = time.monotonic()
        self._xruns = 0
        self._degraded_until = float("-inf")

    def xruns(self) -> int:
        return int(self._output.counters().get("shortfalls", 0))

    def counted(self, names: tuple[str, ...]) -> int:
        counts = self._telemetry.snapshot()
        return int(sum(counts.get(name, 0) for name in names))

    def state(self) -> str:
        if not self._live.alive:
            return "starting"
        if self._output.state is not OutputState.RUNNING:
            return "lost"
        xruns, now = self.xruns(), time.monotonic()
        if xruns > self._xruns:
            self._degraded_until = now + DEGRADED_S
        self._xruns = xruns
        return "degraded" if now < self._degraded_until else "ok"
