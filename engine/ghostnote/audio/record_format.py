"""The shape of the ring to a recording, for processes that have no need of NumPy."""

from __future__ import annotations

CHANNELS = 2
"""Left and right, as the instrument plays."""
FRAMES = 1 << 19
"""Frames that the ring holds: 10.9 s at 48 kHz."""
FIELDS = 8
"""Numbers in the ring's header."""
GAPS = 64
"""Gaps that it can tell of at once."""


def ring_bytes(channels: int = CHANNELS) -> int:
    """Size of the shared memory that a ring needs."""
    return 8 * (FIELDS + 2 * GAPS) + 4 * FRAMES * channels
