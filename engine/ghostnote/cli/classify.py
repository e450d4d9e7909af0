"""`ghostnote classify`: what kind of sounds files hold."""

from __future__ import annotations

import argparse
import json
import sys

from ghostnote.errors import AudioFileError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote classify`."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="sound files")
    parser.add_argument("--json", action="store_true", help="a JSON object per line")
    parser.add_argument("--model", default="drums", metavar="NAME", help="model name or folder")


def run(args: argparse.Namespace) -> int:
    """Classify each file; a file that cannot be used is named, and the others are still done."""
    from ghostnote.tool import SoundSampleTool

    tool = SoundSampleTool(args.model)
    status = 0
    for name in args.files:
        try:
            probabilities, best = tool.predict(name)
        except AudioFileError as error:
            print(f"ghostnote: {error}", file=sys.stderr)
            status = 2
            continue
        table = {c: round(float(p), 4) for c, p in zip(tool.class_names, probabilities, strict=True)}
        if args.json:
            print(json.dumps({"file": name, "class": best, "probabilities": table}, ensure_ascii=False))
        else:
            print(f"{name}: {best} ({table[best]:.0%})")
    return status
