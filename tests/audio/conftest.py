"""What the audio tests share: time that only passes when a test says so."""

from __future__ import annotations

import pytest


class VirtualTime:
    """A clock and its sleep."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def virtual() -> VirtualTime:
    """A virtual clock at 100 s."""
    return VirtualTime()
