"""Reads an input by blocking reads and prints, as JSON, what it heard: its peak, and how it ended.

Arguments: part of the input's name, a peak to wait for, a limit in seconds.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from ghostnote.audio.blocking_input import BlockingInput
from ghostnote.audio.devices import choose_input


def main() -> None:
    source = BlockingInput(choose_input(sys.argv[1]))
    print(json.dumps({"rate": source.rate, "channels": source.channels}), flush=True)
    peak, deadline = 0.0, time.monotonic() + float(sys.argv[3])
    while peak < float(sys.argv[2]) and time.monotonic() < deadline:
        peak = max(peak, float(np.abs(source.read()).max(initial=0.0)))
        time.sleep(0.002)
    source.close()
    print(json.dumps({"peak": peak, "state": source.state.value, **source.counters()}), flush=True)


if __name__ == "__main__":
    main()
