"""`ghostnote similar`: the sounds of a library that are like a file, nearest first."""

from __future__ import annotations

import argparse

from ghostnote.cli.stores import add_store, server
from ghostnote.cli.texts import as_json, shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote similar`."""
    parser.add_argument("file", metavar="FILE", help="a sound file, from the library or not")
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
    from ghostnote.library.aspects import parse_weights
    from ghostnote.library.filters import parse_filter
    from ghostnote.library.search import Searchable, model_of, open_library, query_of

    within, weights = parse_filter(args.within), parse_weights(args.weights)
    library: Searchable
    with server(args) as there:
        if there is None:
            library = open_library(args.library, args.model, often=False)
        else:
            from ghostnote.library.remote import open_remote

            library = open_remote(args.library, there, args.model)
        query = query_of(args.file, model_of(library))
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
