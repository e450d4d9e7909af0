"""A JACK client in a process of its own that says what it hears: a JSON line per 20 ms of sound.

Argument: the server's name. It connects itself to whatever ghostnote plays, now or later, and ends with its
input or with the server.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time

import jack
import numpy as np

WINDOW_S = 0.02


def main() -> None:
    jack.set_error_function(lambda text: None)
    jack.set_info_function(lambda text: None)
    client = jack.Client("ear", servername=sys.argv[1], no_start_server=True)
    ear = client.inports.register("in")
    blocks: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
    over = threading.Event()
    client.set_process_callback(lambda frames: blocks.put(ear.get_array().copy()))
    client.set_shutdown_callback(lambda status, reason: over.set())
    client.activate()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    print(json.dumps({"rate": client.samplerate}), flush=True)
    heard, frames = [], 0
    while not over.is_set():
        for port in client.get_ports(is_audio=True, is_output=True):
            if not port.name.startswith(("system:", "ear:")) and not ear.is_connected_to(port):
                try:
                    client.connect(port, ear)
                except jack.JackError:
                    continue
        while not blocks.empty():
            heard.append(blocks.get())
            frames += len(heard[-1])
            if frames >= WINDOW_S * client.samplerate:
                sound = np.concatenate(heard)
                power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
                hz = np.fft.rfftfreq(len(sound), 1.0 / client.samplerate)
                told = {"level": float(np.sqrt(np.mean(sound**2))), "peak": float(np.abs(sound).max())}
                told["centroid_hz"] = float(power @ hz / max(power.sum(), 1e-12))
                print(json.dumps(told), flush=True)
                heard, frames = [], 0
        time.sleep(0.01)


if __name__ == "__main__":
    main()
