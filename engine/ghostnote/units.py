"""Conversions between the units that performers and signal processing use."""

from __future__ import annotations

import math

SILENT_DB = -60.0
"""Gains at or below this many dB are silence."""


def db_to_gain(db: float) -> float:
    """Linear gain of a level in dB; exactly 0 at or below `SILENT_DB`."""
    return 0.0 if db <= SILENT_DB else math.pow(10.0, db / 20.0)


def gain_to_db(gain: float) -> float:
    """Level in dB of a linear gain, not below `SILENT_DB`."""
    return SILENT_DB if gain <= 0.0 else max(SILENT_DB, 20.0 * math.log10(gain))


def semitones_to_ratio(semitones: float) -> float:
    """Frequency ratio of an interval in semitones."""
    return math.pow(2.0, semitones / 12.0)


def clamp(value: float, low: float, high: float) -> float:
    """`value` moved into [low, high]."""
    return min(max(value, low), high)
