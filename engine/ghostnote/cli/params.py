"""`ghostnote params`: every parameter, command and reading, as the table has them."""

from __future__ import annotations

import argparse
import json
import math

from ghostnote.state.commands import COMMANDS
from ghostnote.state.parameters import PARAMETERS
from ghostnote.state.readings import READINGS
from ghostnote.state.table import PARTS, ROOT, SLOTS, Command, Parameter, Reading


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote params`."""
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    if args.json:
        table = {
            "root": ROOT,
            "parts": list(PARTS),
            "slots": list(SLOTS),
            "parameters": [_parameter(row) for row in PARAMETERS],
            "commands": [_command(row) for row in COMMANDS],
            "readings": [_reading(row) for row in READINGS],
        }
        print(json.dumps(table, ensure_ascii=False))
        return 0
    for row in PARAMETERS:
        unit = f" {row.unit}" if row.unit else ""
        limits = " | ".join(row.choices) if row.kind == "s" else f"{row.low:g} … {row.high:g}{unit}"
        print(f"{ROOT}/{row.path:<24} {row.kind}  {limits:<28} default {row.default}\n    {row.text}")
    for command in COMMANDS:
        arguments = " ".join(
            f"[{a.name}]" if a.optional or command.pairs else a.name for a in command.arguments
        )
        print(f"{ROOT}/{command.path:<24} {arguments}\n    {command.text}")
    for reading in READINGS:
        unit = f" {reading.unit}" if reading.unit else ""
        print(f"{ROOT}/{reading.path:<24} {reading.kinds}{unit}  (to be asked for)\n    {reading.text}")
    return 0


def _reading(row: Reading) -> dict[str, object]:
    return {"address": f"{ROOT}/{row.path}", "types": row.kinds, "unit": row.unit, "text": row.text}


def _parameter(row: Parameter) -> dict[str, object]:
    return {
        "address": f"{ROOT}/{row.path}",
        "type": row.kind,
        "default": row.default,
        "range": None if row.kind == "s" else [row.low, row.high],
        "choices": list(row.choices),
        "unit": row.unit,
        "curve": row.curve,
        "smoothing_s": row.smoothing_s,
        "text": row.text,
    }


def _command(row: Command) -> dict[str, object]:
    return {
        "address": f"{ROOT}/{row.path}",
        "arguments": [
            {
                "name": a.name,
                "type": a.kind,
                "range": [a.low, a.high] if math.isfinite(a.low) and math.isfinite(a.high) else None,
                "default": a.default,
            }
            for a in row.arguments
        ],
        "variadic": row.variadic,
        "pairs": row.pairs,
        "trigger": row.trigger,
        "text": row.text,
    }
