"""The watched core with garbage collected all the time: for the soak.

`python -m ghostnote.bench.collected_core`, as `ghostnote.bench.watched_core`.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time

from ghostnote.bench import watched_core

COLLECT_EVERY_S = 0.5


def _collect() -> None:
    while True:
        time.sleep(COLLECT_EVERY_S)
        gc.collect()


def main() -> int:
    """Run as the core does. Collecting begins at once, the engine's own policy (frozen, then off) stays."""
    threading.Thread(target=_collect, name="forced-collection", daemon=True).start()
    return watched_core.main()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # a thread may still wait for standard input
