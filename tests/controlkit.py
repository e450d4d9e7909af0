"""What the control tests build: events, and OSC datagrams of any shape, well formed or not."""

from __future__ import annotations

import struct
import time

import pytest

from ghostnote.control.events import Event, next_batch


def event(addr: str, *args: float | int | str, received: float = 1.0, due: float | None = None) -> Event:
    """One event in a batch of its own."""
    return Event(addr, args, "test", received, due, next_batch())


def text(value: bytes) -> bytes:
    """An OSC string: terminated, padded to four bytes."""
    return value + b"\0" * (4 - len(value) % 4)


def message(addr: bytes, tags: bytes = b"", body: bytes = b"") -> bytes:
    """An OSC message, well formed or not."""
    return text(addr) + text(b"," + tags) + body


def bundle(*elements: bytes, timetag: int = 1) -> bytes:
    """An OSC bundle of elements with their true sizes."""
    sized = b"".join(struct.pack(">i", len(e)) + e for e in elements)
    return b"#bundle\0" + struct.pack(">Q", timetag) + sized


def wait_for(condition, limit_s: float = 60.0):
    """The condition's first true value; fails the test if there is none within a generous limit."""
    deadline = time.monotonic() + limit_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"{condition} did not come true within {limit_s:.0f} s")
        time.sleep(0.005)
    return value
