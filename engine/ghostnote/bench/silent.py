"""A silent client, as a control: a C callback that does nothing, and what its server told it.

`python -m ghostnote.bench.silent` runs until its standard input ends and prints one line of JSON; `at` are
the times between which underflows were counted, in s of `time.monotonic()`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import deque

from ghostnote.audio.devices import choose_output, quiet_stderr

LOOK_S = 0.02
"""Between two looks at the counters."""
ANSWER_LIMIT_S = 2.0
KEPT = 20000


def main() -> int:
    """Run an rtmixer stream without any sound; its callback counts blocks and underflows."""
    with quiet_stderr():
        import rtmixer

        device = choose_output("system")
        mixer = rtmixer.Mixer(device=device.index, samplerate=device.rate, channels=2, blocksize=0, latency=0)
        mixer.start()
    print("ready", flush=True)
    began = looked = time.monotonic()
    blocks = underflows = 0
    spans: deque[tuple[float, float]] = deque(maxlen=KEPT)
    done = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        done.set()

    threading.Thread(target=listen, daemon=True).start()
    over = False
    while not over:
        over = done.wait(LOOK_S)
        asked = mixer.fetch_and_reset_stats()
        limit = time.monotonic() + ANSWER_LIMIT_S
        while asked in mixer.actions and time.monotonic() < limit:
            time.sleep(0.002)
        if asked in mixer.actions:
            break  # the server is gone
        now = time.monotonic()
        blocks += int(asked.stats.blocks)
        if asked.stats.output_underflows:
            underflows += int(asked.stats.output_underflows)
            spans.append((looked, now))
        looked = now
    told = {"blocks": blocks, "underflows": underflows, "seconds": looked - began, "at": list(spans)}
    print(json.dumps(told), flush=True)
    os._exit(0)  # PortAudio with JACK does not end well by itself


if __name__ == "__main__":
    main()
