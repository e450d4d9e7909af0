"""A JACK MIDI keyboard in a process of its own: sends each line of its input, bytes in hexadecimal."""

from __future__ import annotations

import sys

import rtmidi


def main() -> None:
    keys = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="keys")
    keys.open_virtual_port("out")
    print("ready", flush=True)
    for line in sys.stdin:
        keys.send_message(list(bytes.fromhex(line)))
        print("sent", flush=True)


if __name__ == "__main__":
    main()
