"""`ghostnote index`: folders of sounds into a library that can be searched."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from typing import Any

from ghostnote.cli.progress import counting
from ghostnote.cli.stores import add_store, server
from ghostnote.cli.texts import as_json, shown
from ghostnote.errors import UsageError

_TOLD = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote index`."""
    parser.add_argument(
        "folders",
        nargs="*",
        metavar="DIR",
        help="folders, or addresses such as s3://bucket/folder; none: those of the library again",
    )
    parser.add_argument("--library", default="default", metavar="NAME", help="name or folder of the library")
    parser.add_argument(
        "--segment",
        action=argparse.BooleanOptionalAction,
        help="cut recordings into their sounds (default: as the library was begun, a new one without)",
    )
    parser.add_argument(
        "--model", metavar="NAME", help="model name or folder (default: the library's, else drums)"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    parser.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="processes here, or a Ray cluster"
    )
    parser.add_argument(
        "--ray-address",
        metavar="HOST:PORT",
        help="the cluster's head (default: RAY_ADDRESS, else `local`: one on this machine, for this index)",
    )
    parser.add_argument(
        "--shards", metavar="DIR", help="keep results in a folder or at an address, and take from there"
    )
    parser.add_argument("--retry", action="store_true", help="try files again that failed before")
    add_store(parser, "copy the library to a Qdrant server too")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Index; files that cannot be used are named, and do not make it fail."""
    most = 256 if args.engine == "local" else 10_000
    if args.workers is not None and not 1 <= args.workers <= most:
        raise UsageError(f"--workers {args.workers}: from 1 to {most}")
    if args.ray_address is not None and args.engine != "ray":
        raise UsageError("--ray-address goes with --engine ray")
    from ghostnote.library.indexing import IndexOptions, index

    options = IndexOptions(
        args.model, args.segment, args.workers, args.retry, args.engine, args.ray_address, args.shards
    )
    copied = None
    with server(args) as there:  # asked before hours of work
        with counting("indexing") as show:
            report = index(
                args.folders,
                args.library,
                options,
                lambda p: show(p.done, p.total, f"{p.files_per_s:.0f} files/s, {_clock(p.left_s)} left"),
            )
        if there is not None:
            from ghostnote.library.copying import copy

            with counting("copying") as show:
                copied = copy(args.library, there, lambda done, total: show(done, total, "sounds"))
    troubles = {"failures": report.failed, "unread": report.unread}
    listed = {
        name: [{"file": os.fsdecode(path), "reason": why} for path, why in found]
        for name, found in troubles.items()
    }
    if report.trouble:
        print(f"searches take longer than they might: {shown(report.trouble)}", file=sys.stderr)
    if args.json:
        counts: dict[str, Any] = {
            name: getattr(report, name)
            for name in ("library", "model", "files", "segments", "added", "changed", "unchanged", "removed")
        }
        counts |= {"failed": len(report.failed), "seconds": round(report.seconds, 3), **listed}
        print(as_json(counts if copied is None else counts | {"copy": asdict(copied)}))
        return 0
    for name, told in (("failures", "failed"), ("unread", "not read")):
        for row in listed[name][:_TOLD]:
            print(f"{told}: {shown(row['file'])}: {shown(row['reason'])}", file=sys.stderr)
        if len(listed[name]) > _TOLD:
            more = len(listed[name]) - _TOLD
            print(f"{told}: {more} more; `ghostnote library status` lists them", file=sys.stderr)
    print(
        f"library {shown(report.library)}: {report.files} files, {report.segments} sounds, "
        f"{len(report.failed)} failed; {report.added} new, {report.changed} changed, {report.removed} gone, "
        f"{report.unchanged} unchanged; {report.seconds:.1f} s"
    )
    if copied is not None:
        print(
            f"copy {shown(copied.collection)}: {copied.sounds} sounds; {copied.sent} points sent, "
            f"{copied.deleted} deleted"
        )
    return 0


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
