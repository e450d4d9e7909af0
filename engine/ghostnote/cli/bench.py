"""`ghostnote bench`: latency, cost and quality on this machine, each beside a control."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from typing import Any

from ghostnote.errors import UsageError

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one thread is what is measured


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote bench`."""
    parser.add_argument(
        "what",
        nargs="*",
        metavar="WHAT",
        help="decode, voices, phase, segmentation, library, finder, map, scale, engines, ears, beatbox, osc, "
        "midi, knob (these three: latency), morph, tags, feedback, startup, beside, memory, soak; default: "
        "all but map, scale, engines, soak",
    )
    parser.add_argument("--json", action="store_true", help="write JSON on standard output")
    parser.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="length of voices, finder, beatbox, morph, feedback, beside, memory, soak",
    )
    parser.add_argument("--hits", type=int, default=1000, metavar="N", help="hits of a latency measurement")
    parser.add_argument(
        "--realtime-server", action="store_true", help="start jackd with real-time priority (-R)"
    )
    parser.add_argument(
        "--sizes",
        metavar="N,N,…",
        help="sounds of scale (1000,10000,100000,1000000), files of engines (up to 10000)",
    )
    parser.add_argument("--model", default="drums", metavar="NAME", help="model name or folder")


def run(args: argparse.Namespace) -> int:
    """Measure and report; goals that are missed are said, not failed."""
    from rich.console import Console

    from ghostnote.bench import machine
    from ghostnote.bench.options import SIZES, BenchOptions
    from ghostnote.bench.sections import chosen, measure
    from ghostnote.bench.show import show, show_machine

    sizes = SIZES if args.sizes is None else _sizes(args.sizes)
    options = BenchOptions(args.model, args.seconds, args.hits, realtime=args.realtime_server, sizes=sizes)
    names = chosen(args.what)
    facts = machine.describe()
    console = Console(stderr=args.json, highlight=False)
    if not args.json:
        show_machine(console, facts)
    sections = {}
    for name in names:
        with console.status(f"measuring {name} …"):
            section = sections[name] = measure(name, options)
        if not args.json:
            show(console, section)
    if args.json:
        found: dict[str, Any] = {name: section.as_dict() for name, section in sections.items()}
        json.dump(plain({"machine": facts, "sections": found}), sys.stdout, indent=1)
        sys.stdout.write("\n")
    return 0


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--sizes {text}: whole numbers with commas between, as 1000,10000") from None


def plain(value: Any) -> Any:
    """`value` with null for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
