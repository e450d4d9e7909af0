"""`ghostnote listen`: what is heard at an input or in a file, told to visuals and written line by line."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote listen`."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--input", metavar="NAME", help="part of an input's name (default: the system's)")
    source.add_argument("--file", metavar="WAV", help="listen to a sound file instead of an input")
    parser.add_argument(
        "--targets",
        nargs="+",
        action="extend",
        metavar="HOST:PORT",
        help="OSC: numbers go to PORT and everything to the port after it (input: 127.0.0.1:9771; "
        "file: nowhere, unless given: then the file is played in its own time)",
    )
    parser.add_argument("--model", default="drums", metavar="NAME", help="model name or folder")
    parser.add_argument("--json", action="store_true", help="a JSON object per sound")
    parser.add_argument("--seconds", type=float, metavar="S", help="end after S seconds")
    parser.add_argument("--threshold", type=float, default=-60.0, metavar="DB", help="quieter is none (−60)")
    parser.add_argument(
        "--sensitivity", type=float, default=0.5, metavar="X", help="0: clear attacks only, 1: all (0.5)"
    )
    parser.add_argument("--hold", type=float, default=50.0, metavar="MS", help="least time between two (50)")
    parser.add_argument(
        "--unknown", type=float, default=0.4, metavar="P", help="less likely classes are unknown (0.4)"
    )


def run(args: argparse.Namespace) -> int:
    """Listen until the end."""
    from ghostnote.ears.options import ListenOptions
    from ghostnote.host.heard_line import as_text
    from ghostnote.host.listening import Request, listen

    options = ListenOptions(args.threshold, args.sensitivity, args.hold / 1000.0, args.unknown)
    request = Request(
        model=args.model,
        input=args.input,
        file=args.file,
        targets=None if args.targets is None else tuple(args.targets),
        seconds=args.seconds,
    )

    def heard(sound: dict[str, Any]) -> None:
        print(json.dumps(sound, ensure_ascii=False) if args.json else as_text(sound), flush=True)

    def say(text: str) -> None:
        print(f"ghostnote: {text}", file=sys.stderr, flush=True)

    return listen(request, options, heard, say)
