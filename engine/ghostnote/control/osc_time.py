"""OSC time tags on the computer's monotonic clock."""

from __future__ import annotations

import time
from dataclasses import dataclass

MAX_AHEAD_S = 10.0
IMMEDIATELY = 1

_NTP_TO_UNIX_S = 2_208_988_800
_FRACTION = 1 << 32


@dataclass(frozen=True, slots=True)
class Received:
    """When a datagram came in, on both clocks, so that later steps of the wall clock do not matter."""

    monotonic: float
    wall_ns: int

    @classmethod
    def now(cls) -> Received:
        """This moment."""
        return cls(time.monotonic(), time.time_ns())


def seconds_ahead(timetag: int, received: Received) -> float:
    """How far a 64-bit NTP time tag (RFC 5905, era 0) lies after the receipt; negative if before."""
    seconds, wall_ns = divmod(received.wall_ns, 1_000_000_000)
    wall = ((seconds + _NTP_TO_UNIX_S) << 32) + wall_ns * _FRACTION // 1_000_000_000
    return (timetag - wall) / _FRACTION


def timetag_at(wall_s: float) -> int:
    """The NTP time tag of a time in seconds since 1970."""
    return round((wall_s + _NTP_TO_UNIX_S) * _FRACTION)
