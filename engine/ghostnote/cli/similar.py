"""`ghostnote similar`: the sounds of a library that are like a file, or like what plays, nearest first."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ghostnote.cli.stores import add_store, server
from ghostnote.cli.texts import as_json, shown
from ghostnote.errors import UsageError

if TYPE_CHECKING:
    from ghostnote.decode.manifest import Manifest
    from ghostnote.library.aspects import Weights
    from ghostnote.library.qdrant import Server
    from ghostnote.library.search import Query, Searchable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote similar`."""
    parser.add_argument(
        "query",
        metavar="FILE|SLOT",
        help="a sound file, from the library or not, or what the instrument plays or played last: "
        "a slot (a to h), a part (part3), heard",
    )
    parser.add_argument("--library", default="default", metavar="NAME", help="name or folder of the library")
    parser.add_argument("-n", type=int, default=10, metavar="N", help="how many (10)")
    parser.add_argument(
        "--within",
        action="append",
        default=[],
        metavar="FILTER",
        help="only among some: class=kick|snare,length<0.5,loudness>-30,folder=808",
    )
    parser.add_argument(
        "--weights",
        default="",
        metavar="latent=1,loudness=0",
        help="what counts: latent, class, loudness, centroid, pitch, attack, length, noisiness",
    )
    parser.add_argument("--model", metavar="NAME", help="of a library with several models, the one to use")
    parser.add_argument("--itself", action="store_true", help="also the file itself and exact copies of it")
    add_store(parser, "search the copy of the library on a Qdrant server")
    parser.add_argument("--json", action="store_true", help="one JSON array")


def run(args: argparse.Namespace) -> int:
    """Search and print."""
    from ghostnote.host import last_played
    from ghostnote.library.aspects import parse_weights
    from ghostnote.library.filters import parse_filter

    within, weights = parse_filter(args.within), parse_weights(args.weights)
    with server(args) as there:
        library, query = (_played if last_played.is_name(args.query) else _file)(args, there, weights)
        found = library.find(query, args.n, within, weights, itself=args.itself)
    if args.json:
        rows = [
            {
                "file": n.file,
                "onset_s": round(n.onset_s, 6),
                "distance": n.distance,
                "class": n.class_name or None,
            }
            for n in found
        ]
        print(as_json(rows))
        return 0
    for neighbour in found:
        at = f" at {neighbour.onset_s:.3f} s" if library.facts.segmented else ""
        print(f"{neighbour.distance:8.3f}  {neighbour.class_name:14} {shown(neighbour.file)}{at}")
    if not found:
        print("Nothing: no other sound of the library meets the filter.")
    return 0


def _file(args: argparse.Namespace, there: Server | None, weights: Weights) -> tuple[Searchable, Query]:
    from ghostnote.library.search import model_of, query_of

    library = _opened(args, there, args.model)
    return library, query_of(args.query, model_of(library))


def _played(args: argparse.Namespace, there: Server | None, weights: Weights) -> tuple[Searchable, Query]:
    """What plays, searched by the model that plays it."""
    import numpy as np

    from ghostnote.decode.model import load
    from ghostnote.host.asked_point import query_of_point
    from ghostnote.host.last_played import question
    from ghostnote.library.search import query_of

    if args.model is not None:
        raise UsageError(f"--model {args.model}: {args.query} is searched by the model that plays it")
    asked = question(args.query)
    model = load(asked["model"], warm_up=False, lazy=("encoder", "decoder", "classifier"))
    library = _opened(args, there, model.manifest)
    if "file" in asked:
        return library, query_of(asked["file"], model)
    point = np.array(asked["point"], dtype=np.float32)
    return library, query_of_point(point, model, weights, asked["detail"])


def _opened(args: argparse.Namespace, there: Server | None, model: str | Manifest | None) -> Searchable:
    """The library on this machine, or its copy on a server."""
    if there is None:
        from ghostnote.library.search import open_library

        return open_library(args.library, model, often=False)
    from ghostnote.library.remote import open_remote

    return open_remote(args.library, there, model)
