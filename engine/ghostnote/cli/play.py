"""`ghostnote play`: the instrument, live."""

from __future__ import annotations

import argparse

from ghostnote.host.options import PlayOptions
from ghostnote.host.supervisor import play


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote play`."""
    defaults = PlayOptions()
    parser.add_argument("--model", default=defaults.model, metavar="NAME", help="model name or folder")
    parser.add_argument("--device", metavar="NAME", help='part of a device\'s name, or "null" for none')
    parser.add_argument("--rate", type=int, metavar="HZ", help="sample rate (default: the device's)")
    parser.add_argument("--block", type=int, metavar="N", help="frames per block (default: the device's)")
    parser.add_argument("--midi", metavar="PATTERN", help="MIDI inputs to use, as in 'nano*' (default: all)")
    parser.add_argument(
        "--map",
        dest="maps",
        action="append",
        default=[],
        metavar="FILE",
        help="MIDI map of a controller (also several times)",
    )
    parser.add_argument("--midi-virtual", action="store_true", help="offer MIDI ports of its own")
    parser.add_argument("--port", type=int, default=defaults.port, help="UDP port for OSC")
    parser.add_argument("--bind", default=defaults.bind, metavar="ADDR", help="address to listen on")
    parser.add_argument(
        "--dirt", type=int, metavar="PORT", help="UDP port for TidalCycles' /dirt/play (SuperDirt has 57120)"
    )
    parser.add_argument(
        "--listen",
        nargs="?",
        const="",
        metavar="INPUT",
        help="tell visuals by OSC what is played, and what is heard at an input (part of its name)",
    )
    parser.add_argument(
        "--targets",
        nargs="+",
        action="extend",
        default=[],
        metavar="HOST:PORT",
        help="whom --listen tells: numbers to PORT, everything to the next (127.0.0.1:9771)",
    )
    parser.add_argument(
        "--ears", metavar="NAME", help="model by which --listen tells sounds apart (default: that of --model)"
    )
    parser.add_argument(
        "--library",
        metavar="NAME",
        help="name or folder of the library to find similar sounds in (default, once it is asked for); its "
        "map is served at the TCP port that has the number of --port",
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="end after S seconds")
    parser.add_argument("--log", metavar="FILE.jsonl", help="write down everything that takes effect")
    parser.add_argument("--record", metavar="FILE", help="record what is heard, as .wav or .flac, 24 bits")
    parser.add_argument("--session", metavar="FILE.txt", help="write down what happens, for people")
    parser.add_argument("--quiet", action="store_true", help="say nothing but what is wrong")
    parser.add_argument("--seed", type=int, default=defaults.seed, metavar="N", help="seed of all chance")
    parser.add_argument(
        "--restore", metavar="WHAT", help='"last" (all as it was, its model too), or the name of a scene'
    )
    parser.add_argument(
        "--mode", choices=("quality", "low_latency"), default=defaults.mode, help="phase mode"
    )


def run(args: argparse.Namespace) -> int:
    """Play until the end."""
    options = {name: getattr(args, name) for name in PlayOptions.__dataclass_fields__}
    return play(PlayOptions(**options))
