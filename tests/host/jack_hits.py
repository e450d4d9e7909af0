"""A JACK client in a process of its own that plays sounds into whatever listens.

Arguments: the server's name, a sound file at the server's rate. It connects itself to every program's input,
now or later, plays the file at each line of its input, and ends with its input or with the server.
"""

from __future__ import annotations

import sys
import threading
import time

import jack
import numpy as np
import soundfile


def main() -> None:
    jack.set_error_function(lambda text: None)
    jack.set_info_function(lambda text: None)
    client = jack.Client("hits", servername=sys.argv[1], no_start_server=True)
    out = client.outports.register("out")
    sound = soundfile.read(sys.argv[2], dtype="float32", always_2d=True)[0].mean(axis=1)
    over = threading.Event()
    waiting: list[np.ndarray] = []

    def process(frames: int) -> None:
        buffer = out.get_array()
        buffer[:] = 0.0
        if waiting:
            part = waiting[0][:frames]
            buffer[: len(part)] = part
            waiting[0] = waiting[0][frames:]
            if not len(waiting[0]):
                waiting.pop(0)

    def obey() -> None:
        for _ in sys.stdin:
            waiting.append(sound)
        over.set()

    client.set_process_callback(process)
    client.set_shutdown_callback(lambda status, reason: over.set())
    client.activate()
    threading.Thread(target=obey, daemon=True).start()
    told = False
    while not over.is_set():
        for port in client.get_ports(is_audio=True, is_input=True, is_physical=False):
            if not out.is_connected_to(port):
                try:
                    client.connect(out, port)
                except jack.JackError:
                    continue
        if not told and out.connections:
            told = True
            print("connected", flush=True)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
