"""Time-tagged bundles from the datagram to the sample at which they sound."""

from __future__ import annotations

import numpy as np
import pytest

from control.oscdesk import Recorder
from controlkit import bundle
from core.livekit import Stage, VirtualTime
from ghostnote.audio.null_output import NullOutput
from ghostnote.control.osc_meta import ServerInfo
from ghostnote.control.osc_router import OscRouter
from ghostnote.control.osc_send import build
from ghostnote.control.osc_time import Received, timetag_at

WALL_S = 1_790_000_000
SENDERS = [("127.0.0.1", 5000), ("10.0.0.7", 5000)]


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("rate", [44100, 48000])
def test_events_of_a_stream_are_as_far_apart_as_their_tags(model, rng, sender, rate):
    """Within a sample, whatever the network does, and on time against the stream."""
    turn = VirtualTime(2.5)
    made = Stage(model, NullOutput(rate, 128, clock=turn.clock, sleep=turn.sleep), turn.clock)
    info = ServerInfo()
    router = OscRouter(made.inbox, made.telemetry, Recorder(), values=made.engine.values, info=info)
    tags = [0.3 + 0.0173 * k for k in range(110)]

    def send(tag: float) -> None:
        late_look_s = rng.uniform(0.0, 5e-6)
        received = Received(turn.now, round((WALL_S + turn.now + late_look_s) * 1e9))
        data = bundle(build("/gn/play", "gain", -30.0), timetag=timetag_at(WALL_S + tag))
        router.handle(data, sender, received)

    for tag in tags:
        turn.at(tag - 0.2 + rng.uniform(0.0, 0.02), lambda tag=tag: send(tag))
    made.live.start()
    assert turn.over.wait(60.0)
    made.close()
    at = np.array([a.at for a in made.applied if a.addr == "/gn/play"], dtype=float)
    assert len(at) == len(tags)
    apart = np.diff(at) - np.diff(tags) * 44100
    assert np.abs(apart).max() <= 1.0
    assert np.ptp(at - np.array(tags) * 44100) <= 2.0
    assert made.telemetry.snapshot().get("late_events", 0) == 0
