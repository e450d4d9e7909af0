"""What the control tests share: an inbox with its telemetry."""

from __future__ import annotations

import pytest

from ghostnote.control.inbox import Inbox
from ghostnote.telemetry import Telemetry


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(hold_s=0.0)


@pytest.fixture
def inbox(telemetry: Telemetry) -> Inbox:
    return Inbox(telemetry)
