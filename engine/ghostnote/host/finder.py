"""The finder process: beside the instrument and not in its way, it holds a library and answers questions.

Whatever starting, loading and searching take, they take here, at a low priority. If it dies, the sound goes
on and the parent starts another.
"""

from __future__ import annotations

import os
import queue
import sys
import threading

from ghostnote.crew import ONE_THREAD
from ghostnote.host.pipe import Message, PipeWriter, ignore_signals, read_messages

NICE = 5
"""It gives way to the instrument, as an index does."""
MAX_WAITING = 64
_SWITCH_INTERVAL_S = 0.0005


def main() -> int:
    """Run as a child: which library on standard input, then questions, then `quit`."""
    ignore_signals()
    os.environ.update(ONE_THREAD)
    if hasattr(os, "nice"):
        os.nice(NICE)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders complain there, over the performer's screen
    out = PipeWriter(sys.stdout.buffer)
    waiting: queue.Queue[Message | None] = queue.Queue()

    def handle(message: Message) -> None:
        if message.get("type") == "quit":
            waiting.put(None)
        elif message.get("type") == "find" and waiting.qsize() >= MAX_WAITING:
            text = "too much is being searched for at once; ask again"
            out.send({"type": "found", "id": message.get("id"), "code": "busy", "text": text})
        else:
            waiting.put(message)

    def listen() -> None:
        read_messages(sys.stdin.buffer, handle)
        waiting.put(None)

    threading.Thread(target=listen, name="ghostnote-supervised", daemon=True).start()
    from ghostnote.host.answering import Finder  # NumPy and all: at the low priority, on one thread

    finder: Finder | None = None
    while (message := waiting.get()) is not None:
        if message["type"] == "start":
            finder = Finder(message["library"], out)
        elif finder is not None and message["type"] == "open":
            finder.open(message["model"])
        elif finder is not None and message["type"] == "find":
            finder.answer(message)
    out.close()
    return 0


if __name__ == "__main__":
    os._exit(main())
