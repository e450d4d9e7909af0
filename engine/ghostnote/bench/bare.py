"""The bare path, as a control: a UDP datagram in, a click out through the same ring, and nothing else.

`python -m ghostnote.bench.bare PORT [DEVICE]` plays into the default JACK server, or into another device,
until its standard input ends, and then prints what was counted since the line "mark", and when its render
loop was late (`late`: from and to in s of `time.monotonic()`, of each of its steps that took longer than a
block; by itself none comes near that).
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import threading
import time

import numpy as np

from ghostnote.audio.output import open_output
from ghostnote.bench.watch import WatchedOutput
from ghostnote.control.clock import StreamClock
from ghostnote.core.live import EARLY
from ghostnote.host.priority import raise_priorities
from ghostnote.telemetry import Telemetry

CLICK = 0.5


def main(port: int, device: str = "system") -> int:
    """Play clicks; prints one line when ready. Shares ring and clock with the engine, nothing else."""
    output = WatchedOutput(open_output(device, telemetry=Telemetry()))
    arrivals: list[float] = []
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    done = threading.Event()

    def receive() -> None:
        while not done.is_set():
            sock.recv(64)
            arrivals.append(time.monotonic())

    def render() -> None:
        clock = StreamClock(output.rate)
        deadline = output.ring_frames - EARLY * output.block
        written = 0
        due: list[float] = []
        while not done.is_set():
            wanted = output.writable()
            if not wanted:
                output.wait()
                continue
            clock.observe(*output.position())
            while arrivals:
                due.append(clock.frames_at(arrivals.pop(0)) + deadline)
            block = np.zeros((wanted, output.channels), dtype=np.float32)
            for frame in [f for f in due if f < written + wanted]:
                block[max(0, int(frame) - written)] = CLICK
                due.remove(frame)
            output.write(block)
            written += wanted

    gc.disable()
    threads = [
        threading.Thread(target=render, name="ghostnote-render", daemon=True),
        threading.Thread(target=receive, name="ghostnote-osc", daemon=True),
    ]
    for thread in threads:
        thread.start()
    raise_priorities()
    sys.setswitchinterval(0.0005)
    print("ready", flush=True)
    before: dict[str, float] = {}
    for line in sys.stdin:
        if line.strip() == "mark":
            before = output.counters()
    done.set()
    counted = {name: value - before.get(name, 0.0) for name, value in output.counters().items()}
    late = [(slow.began, slow.ended) for slow in list(output.late)]
    print(json.dumps({**counted, "late": late}), flush=True)
    output.close()
    os._exit(0)  # PortAudio with JACK does not end well by itself


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
