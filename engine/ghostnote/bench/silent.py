"""A silent client, as a control: a C callback that does nothing, and what its server told it.

`python -m ghostnote.bench.silent` runs until its standard input ends and prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time

from ghostnote.audio.devices import choose_output, quiet_stderr


def main() -> int:
    """Run an rtmixer stream without any sound; its callback counts blocks and underflows."""
    with quiet_stderr():
        import rtmixer

        device = choose_output("system")
        mixer = rtmixer.Mixer(device=device.index, samplerate=device.rate, channels=2, blocksize=0, latency=0)
        mixer.start()
    print("ready", flush=True)
    began = time.monotonic()
    sys.stdin.read()
    asked = mixer.fetch_and_reset_stats()
    mixer.wait(asked)
    told = {
        "blocks": int(asked.stats.blocks),
        "underflows": int(asked.stats.output_underflows),
        "seconds": time.monotonic() - began,
    }
    print(json.dumps(told), flush=True)
    os._exit(0)  # PortAudio with JACK does not end well by itself


if __name__ == "__main__":
    main()
