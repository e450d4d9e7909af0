"""`ghostnote library map`: a library as a map, on which sounds that are alike lie near each other."""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ghostnote.cli.progress import counting
from ghostnote.cli.texts import as_json, shown
from ghostnote.errors import UsageError

if TYPE_CHECKING:
    from ghostnote.library.search import Library
    from ghostnote.library.sound_map import SoundMap

SUFFIXES = (".json", ".csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote library map`, beside the name."""
    parser.add_argument("--model", metavar="MODEL", help="of several models, this one's")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--json", action="store_true", help="one JSON array: file, onset, x, y, class")
    what.add_argument("--out", metavar="OUT.json", help="write it to a file: json or csv")
    parser.add_argument(
        "--anew",
        action="store_true",
        help="draw it anew: every sound may get another place",
    )


def run(args: argparse.Namespace) -> int:
    """Place what is new, and show the map or write it."""
    if args.out is not None and os.path.splitext(args.out)[1].lower() not in SUFFIXES:
        raise UsageError(f"--out {args.out}: end it in {' or '.join(SUFFIXES)}")
    from ghostnote.library import map_files

    library, drawn = _drawn(args)
    if args.json:
        print(as_json(map_files.table(library, drawn)))
    elif args.out is not None:
        rows = map_files.table(library, drawn)
        csv = args.out.lower().endswith(".csv")
        map_files.write(Path(args.out), map_files.as_csv(rows) if csv else map_files.as_json(rows))
        print(f"{len(rows)} sounds were written.")
    else:
        print(_line(library, drawn))
    if drawn.worn:
        print(
            f"ghostnote: {drawn.added} sounds came since this map was drawn, and it has no good places for "
            "them; --anew draws it anew",
            file=sys.stderr,
        )
    return 0


def _drawn(args: argparse.Namespace) -> tuple[Library, SoundMap]:
    from ghostnote.library.search import open_library
    from ghostnote.library.sound_map import map_of

    library = open_library(args.name, args.model, often=False)
    with counting("drawing") as show:
        return library, map_of(library, anew=args.anew, tell=lambda done, total: show(done, total, ""))


def _line(library: Library, drawn: SoundMap) -> str:
    from ghostnote.library import places

    name = shown(places.named(library.path.parent))
    said = f"library {name}: {len(library)} sounds on the map, {drawn.fresh} of them placed just now"
    if not math.isnan(drawn.kept_fitted):
        said += f"; of ten that are near in sound {10 * drawn.kept_fitted:.1f} are so on the map"
    return said
