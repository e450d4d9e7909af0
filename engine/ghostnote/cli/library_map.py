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

SUFFIXES = (".html", ".json", ".csv")
_SERVING = ("port", "bind", "instrument")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote library map`, beside the name."""
    parser.add_argument("--model", metavar="MODEL", help="of several models, this one's")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--json", action="store_true", help="one JSON array: file, onset, x, y, class")
    what.add_argument("--out", metavar="OUT.html", help="write it to a file: a page (html), json or csv")
    what.add_argument("--serve", action="store_true", help="serve it as a page that sounds, until Ctrl-C")
    parser.add_argument("--port", type=int, metavar="N", help="TCP port of the page (9770; 0: a free one)")
    parser.add_argument("--bind", metavar="ADDR", help="address of the page (127.0.0.1: this computer only)")
    parser.add_argument(
        "--instrument", type=int, metavar="N", help="OSC port of the instrument whose slots it fills (9770)"
    )
    parser.add_argument("--anew", action="store_true", help="draw it anew: every sound may get another place")


def run(args: argparse.Namespace) -> int:
    """Place what is new, and show the map, write it, or serve it."""
    suffix = os.path.splitext(args.out or "")[1].lower()
    if args.out is not None and suffix not in SUFFIXES:
        raise UsageError(f"--out {args.out}: end it in {' or '.join(SUFFIXES)}")
    for name in _SERVING:
        if getattr(args, name) is not None and not args.serve:
            raise UsageError(f"--{name} is for --serve: add that")
    if args.instrument is not None and not 1 <= args.instrument <= 65535:
        raise UsageError(f"--instrument {args.instrument}: ports are 1…65535")
    if args.serve:
        return _serve(args)
    from ghostnote.library import map_files

    library, drawn = _drawn(args)
    if args.json:
        print(as_json(map_files.table(library, drawn)))
    elif args.out is not None:
        map_files.write(Path(args.out), _text(library, drawn, suffix))
        print(f"{len(library)} sounds were written.")
    else:
        print(_line(library, drawn))
    if drawn.worn:
        _say(
            f"{drawn.added} sounds came since this map was drawn, and it has no good places for them; "
            "--anew draws it anew"
        )
    return 0


def _drawn(args: argparse.Namespace) -> tuple[Library, SoundMap]:
    from ghostnote.library.search import open_library
    from ghostnote.library.sound_map import map_of

    library = open_library(args.name, args.model, often=False)
    with counting("drawing") as show:
        return library, map_of(library, anew=args.anew, tell=lambda done, total: show(done, total, ""))


def _text(library: Library, drawn: SoundMap, suffix: str) -> str:
    from ghostnote.library import map_files

    if suffix == ".csv":
        return map_files.as_csv(map_files.table(library, drawn))
    if suffix == ".json":
        return map_files.as_json(map_files.table(library, drawn))
    from ghostnote.web import map_page
    from ghostnote.web.map_document import as_bytes, document

    found = document(library, drawn, points=True)
    return map_page.page(found["library"], as_bytes(found)).decode()


def _serve(args: argparse.Namespace) -> int:
    from ghostnote.web import serving
    from ghostnote.web.instrument import PORT, Instrument
    from ghostnote.web.map_room import MapRoom
    from ghostnote.web.map_source import MapSource

    port = serving.DEFAULT_PORT if args.port is None else args.port
    # The port first: it is quick to say that it is taken.
    with serving.open_socket(args.bind or serving.LOOPBACK, port) as sock:
        _drawn(args)
        room = MapRoom(MapSource(args.name, args.model), Instrument(args.instrument or PORT))
        print(f"The map is at {serving.address(sock)} until Ctrl-C.", flush=True)
        if serving.is_open(sock):
            _say("--bind: everyone in the network can look, listen, and fill the instrument's slots")
        serving.serve(sock, [room], _say)
    return 0


def _say(text: str) -> None:
    print(f"ghostnote: {text}", file=sys.stderr, flush=True)


def _line(library: Library, drawn: SoundMap) -> str:
    from ghostnote.library import places

    name = shown(places.named(library.path.parent))
    said = f"library {name}: {len(library)} sounds on the map, {drawn.fresh} of them placed just now"
    if not math.isnan(drawn.kept_fitted):
        said += f"; of ten that are near in sound {10 * drawn.kept_fitted:.1f} are so on the map"
    return said
