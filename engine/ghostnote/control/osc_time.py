"""OSC time tags on the computer's monotonic clock."""

from __future__ import annotations

import time
from dataclasses import dataclass

MAX_AHEAD_S = 10.0
IMMEDIATELY = 1

_NTP_TO_UNIX_S = 2_208_988_800
_FRACTION = 1 << 32
_TRIES = 4
_APART_S = 5e-6
_STEP_NS = 200_000
_PACE = 0.02


@dataclass(frozen=True, slots=True)
class Received:
    """When a datagram came in, on both clocks, so that later steps of the wall clock do not matter."""

    monotonic: float
    wall_ns: int

    @classmethod
    def now(cls) -> Received:
        """This moment: both clocks are read again if something came between."""
        for _ in range(_TRIES):
            before = time.monotonic()
            wall_ns = time.time_ns()
            if time.monotonic() - before < _APART_S:
                break
        return cls(before, wall_ns)


def seconds_ahead(timetag: int, received: Received) -> float:
    """How far a 64-bit NTP time tag (RFC 5905, era 0) lies after the receipt; negative if before."""
    seconds, wall_ns = divmod(received.wall_ns, 1_000_000_000)
    wall = ((seconds + _NTP_TO_UNIX_S) << 32) + wall_ns * _FRACTION // 1_000_000_000
    return (timetag - wall) / _FRACTION


class WallClock:
    """The wall clock as seen from the monotonic one, the same for all messages of a sender.

    Reading both clocks takes a time that varies, so the difference is averaged; a step of it is a wall clock
    that was set, and holds at once. Thread: the server's.
    """

    def __init__(self) -> None:
        self._offset_ns: int | None = None

    def monotonic_of(self, timetag: int, received: Received) -> float:
        """The monotonic time of a 64-bit NTP time tag, in a message that came in at `received`."""
        monotonic_ns = round(received.monotonic * 1e9)
        seen_ns = received.wall_ns - monotonic_ns
        if self._offset_ns is None or abs(seen_ns - self._offset_ns) > _STEP_NS:
            self._offset_ns = seen_ns
        else:
            self._offset_ns += round((seen_ns - self._offset_ns) * _PACE)
        steady = Received(received.monotonic, monotonic_ns + self._offset_ns)
        return received.monotonic + seconds_ahead(timetag, steady)


def timetag_at(wall_s: float) -> int:
    """The NTP time tag of a time in seconds since 1970."""
    return round((wall_s + _NTP_TO_UNIX_S) * _FRACTION)
