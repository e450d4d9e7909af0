"""The core process as it is, with an eye on its ring.

`python -m ghostnote.bench.watched_core` is started instead of `ghostnote.host.core` and speaks as it does;
its beats carry besides what `ghostnote.bench.watch` saw since the last one.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import asdict
from typing import Any

from ghostnote.audio.output import Output, open_output
from ghostnote.bench.watch import WatchedOutput
from ghostnote.host import core
from ghostnote.host.pipe import Message

RENDER_THREAD = "ghostnote-render"


class WatchedCore(core.Core):
    """A core whose beats say when its ring ran short, and which thread (its native id) renders."""

    def beat(self) -> Message:
        """See `Core.beat`; `shortfalls`: those noticed since the last one, oldest first."""
        message = super().beat()
        assert isinstance(self.output, WatchedOutput)
        noticed = []
        while self.output.shortfalls:
            noticed.append(asdict(self.output.shortfalls.popleft()))
        threads = [t.native_id for t in threading.enumerate() if t.name == RENDER_THREAD]
        return {**message, "shortfalls": noticed, "render_thread": threads[0] if threads else 0}


def _open_watched(*args: Any, **options: Any) -> Output:
    watched: Output = WatchedOutput(open_output(*args, **options))
    return watched


def main() -> int:
    """Run as the core does."""
    vars(core).update(Core=WatchedCore, open_output=_open_watched)
    return core.main()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # a thread may still wait for standard input
