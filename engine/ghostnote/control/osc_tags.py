"""When a time-tagged bundle is due: late ones, ones too far ahead, and clocks that drift."""

from __future__ import annotations

from ghostnote.control.osc_clients import Client
from ghostnote.control.osc_nodes import Values
from ghostnote.control.osc_replies import Replies
from ghostnote.control.osc_time import IMMEDIATELY, MAX_AHEAD_S, Received, WallClock
from ghostnote.state.table import ROOT
from ghostnote.telemetry import Telemetry

LATE_POLICY = f"{ROOT}/osc/late"


class Tags:
    """Turns time tags into monotonic times, counts what is late or far ahead, and tells each sender once.

    Thread: the server's.
    """

    def __init__(self, replies: Replies, telemetry: Telemetry, values: Values) -> None:
        self._replies = replies
        self._telemetry = telemetry
        self._values = values
        self._wall = WallClock()

    @property
    def drops(self) -> bool:
        """Whether late notes are dropped instead of played at once."""
        return self._values.get(LATE_POLICY) == "drop"

    def due(self, timetag: int, client: Client, received: Received) -> tuple[float | None, bool]:
        """Monotonic time of a time tag, or None for now, and whether it is late.

        Now is what is immediate, late, or too far ahead to be meant.
        """
        if timetag <= IMMEDIATELY:
            return None, False
        due = self._wall.monotonic_of(timetag, received)
        ahead = due - received.monotonic
        if ahead > MAX_AHEAD_S:
            self._telemetry.count("osc_far_ahead")
            self._replies.tell_once(
                client,
                "far_ahead",
                f"time tag {ahead:.0f} s ahead (limit {MAX_AHEAD_S:.0f} s), taken as now: check the clocks",
            )
            return None, False
        if client.clock is not None:
            due = client.clock.due(due, received.monotonic)
        if due > received.monotonic:
            return due, False
        self._telemetry.count("osc_late")
        late_ms = 1000.0 * (received.monotonic - due)
        what = "notes are dropped" if self.drops else "played at once"
        text = f"time tag {late_ms:.0f} ms late, {what}: send earlier, or check the clocks"
        self._replies.tell_once(client, "late", text)
        return None, True
