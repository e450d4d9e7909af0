"""`ghostnote devices`: where sound can go and what can be played with."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`ghostnote devices` has no arguments."""


def run(args: argparse.Namespace) -> int:
    """Print sound outputs and MIDI inputs, or why there are none."""
    from ghostnote.audio.devices import list_outputs
    from ghostnote.control.midi_system import list_ports

    found = list_outputs()
    print("Sound outputs (choose one with --device and any part of its name):")
    for device in found.devices:
        mark = "*" if device.default else " "
        print(f" {mark} {device.name} ({device.host_api}), {device.channels} channels, {device.rate} Hz")
    if not found.devices:
        print(f"   none: {found.reason}. --device null plays silently.")
    print("MIDI inputs (choose with --midi and a pattern; all are used otherwise):")
    ports = list_ports()
    for port in ports:
        print(f"   {port}")
    if not ports:
        print("   none now; ports are picked up as they appear")
    return 0
