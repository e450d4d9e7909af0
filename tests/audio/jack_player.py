"""Child process of the JACK tests: plays a 440 Hz tone through an output and prints what happened as JSON.

Arguments: kind (`rtmixer`, `blocking` or `supervised`), seconds, and how many times to starve the ring. It
waits for a line on standard input before it plays.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from ghostnote.audio.blocking_output import BlockingOutput
from ghostnote.audio.devices import choose_output
from ghostnote.audio.output import Output, open_output
from ghostnote.audio.rtmixer_output import RtmixerOutput
from ghostnote.telemetry import Telemetry

HZ, LEVEL, GRANULE = 440.0, 0.5, 64
STARVE_S = 0.04


def open_kind(kind: str, telemetry: Telemetry) -> Output:
    if kind == "supervised":
        return open_output("system", telemetry=telemetry)
    chosen = RtmixerOutput if kind == "rtmixer" else BlockingOutput
    return chosen(choose_output("system"), rate=48_000, block=128)


def main() -> None:
    kind, seconds, starvings = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    telemetry = Telemetry()
    out = open_kind(kind, telemetry)
    opened = {"rate": out.rate, "block": out.block, "ring": out.ring_frames, "latency": out.latency_frames}
    print(json.dumps(opened), flush=True)
    sys.stdin.readline()
    began, written, starved, waits = time.monotonic(), 0, 0, 0
    busy = time.process_time()
    step = 2.0 * np.pi * HZ / out.rate
    while time.monotonic() - began < seconds:
        if out.writable() >= GRANULE:
            wave = LEVEL * np.sin(step * (written + np.arange(GRANULE)))
            out.write(np.repeat(wave[:, None], 2, axis=1).astype(np.float32))
            written += GRANULE
        else:
            out.wait()
            waits += 1
        if starved < starvings and time.monotonic() - began > 0.5 + 0.2 * starved:
            starved += 1
            time.sleep(STARVE_S)
    busy = time.process_time() - busy
    closing = time.monotonic()
    state = out.state.value
    taken = out.position()[0]
    out.close()
    report = {
        "written": written,
        "taken": taken,
        "state": state,
        "busy_s": busy,
        "waits": waits,
        "closing_s": time.monotonic() - closing,
        "reports": [entry.key for entry in telemetry.take_reports()],
        **out.counters(),
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
