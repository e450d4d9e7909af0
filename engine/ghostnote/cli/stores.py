"""The options of commands that write or search a library's copy on a server: `--store qdrant --url URL`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ghostnote.errors import UsageError

if TYPE_CHECKING:
    from ghostnote.library.qdrant import Server

STORES = ("sqlite", "qdrant")


def add_store(parser: argparse.ArgumentParser, text: str) -> None:
    """`--store` and `--url`; `text`: what is done with a server."""
    parser.add_argument("--store", choices=STORES, default="sqlite", help=f"qdrant: {text} (default: sqlite)")
    parser.add_argument("--url", metavar="URL", help="address of the server, as http://localhost:6333")


@contextmanager
def server(args: argparse.Namespace) -> Iterator[Server | None]:
    """The server that was named, None where none was. Raises UsageError, LibraryError, NetworkError."""
    if args.store == "sqlite":
        if args.url is not None:
            raise UsageError("--url is for --store qdrant")
        yield None
        return
    if args.url is None:
        raise UsageError("--store qdrant needs --url, as in --url http://localhost:6333")
    from ghostnote.library.qdrant import Server

    found = Server(args.url)
    try:
        yield found
    finally:
        found.close()
