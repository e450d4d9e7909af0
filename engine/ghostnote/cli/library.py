"""`ghostnote library`: the libraries that there are, what is in them, and whether they are sound."""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING, Any

from ghostnote.cli import library_map
from ghostnote.cli.stores import add_store, server
from ghostnote.cli.texts import as_json, shown
from ghostnote.errors import UsageError

if TYPE_CHECKING:
    from ghostnote.library.status import Status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote library`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the libraries with a name")
    listing.add_argument("--json", action="store_true", help="one JSON array")
    for name, text in (
        ("status", "what a library holds, and files that failed"),
        ("verify", "read everything again and say what is wrong"),
        ("remove", "delete a library, or take a folder or a model out of it; no sound file is touched"),
        ("export", "write all sounds to a table"),
        ("map", "all sounds on a plane, those that are alike near each other"),
    ):
        action = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        action.add_argument("name", nargs="?", default="default", metavar="NAME", help="name or folder")
        if name in ("status", "verify"):
            action.add_argument("--json", action="store_true", help="one JSON array")
        if name in ("remove", "export"):
            action.add_argument("--model", metavar="MODEL", help="of several models, this one's")
        if name == "remove":
            action.add_argument("--folder", metavar="DIR", help="forget this folder")
            add_store(action, "delete the copy on a Qdrant server instead")
        if name == "export":
            action.add_argument("--out", required=True, metavar="OUT.csv", help="csv, jsonl or npz")
        if name == "map":
            library_map.add_arguments(action)


def run(args: argparse.Namespace) -> int:
    """Do what was asked; `verify` ends with status 1 when it finds something."""
    return int(_ACTIONS[args.action](args))


def _list(args: argparse.Namespace) -> int:
    from ghostnote.library import places
    from ghostnote.library.status import status

    rows = [_as_dict(one) for folder in places.libraries() for one in status(folder)]
    for row in rows:
        row.pop("failures")
    if args.json:
        print(as_json(rows))
        return 0
    for row in rows:
        print(_line(row))
    if not rows:
        print("No libraries yet; `ghostnote index DIR` makes one.")
    return 0


def _status(args: argparse.Namespace) -> int:
    from ghostnote.library import places
    from ghostnote.library.status import status

    rows = [_as_dict(one) for one in status(places.existing(args.name))]
    if args.json:
        print(as_json(rows))
        return 0
    for row in rows:
        print(_line(row))
        print(f"  begun {time.strftime('%Y-%m-%d %H:%M', time.localtime(row['begun']))}; {row['database']}")
        for folder in row["folders"]:
            print(f"  folder {shown(folder)}")
        for failure in row["failures"]:
            print(f"  failed: {shown(failure['file'])}: {shown(failure['reason'])}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    from ghostnote.library import places
    from ghostnote.library.status import verify

    found = [trouble for path in places.databases(places.existing(args.name)) for trouble in verify(path)]
    if args.json:
        print(as_json(found))
    else:
        print("\n".join(map(shown, found)) if found else "All is as it was indexed.")
    return 1 if found else 0


def _remove(args: argparse.Namespace) -> int:
    from ghostnote.library import removing

    with server(args) as there:
        if there is not None:
            if args.folder is not None:
                raise UsageError("--folder: a copy forgets a folder when the library is indexed again")
            from ghostnote.library import copying

            for name in copying.remove(args.name, there, args.model):
                print(f"Removed {shown(name)}.")
            return 0
    if args.folder is not None:
        count = removing.forget_folder(args.name, args.folder)
        print(f"{count} files of {shown(args.folder)} were taken out.")
    else:
        removing.remove(args.name, args.model)
        print("Removed.")
    return 0


def _export(args: argparse.Namespace) -> int:
    from ghostnote.library.export import SUFFIXES, export

    if os.path.splitext(args.out)[1].lower() not in SUFFIXES:
        raise UsageError(f"--out {args.out}: end it in {' or '.join(SUFFIXES)}")
    print(f"{export(args.name, args.out, args.model)} sounds were written.")
    return 0


_ACTIONS = {
    "list": _list,
    "status": _status,
    "verify": _verify,
    "remove": _remove,
    "export": _export,
    "map": library_map.run,
}


def _as_dict(one: Status) -> dict[str, Any]:
    return {
        "library": one.library,
        "model": one.facts.model,
        "segmented": one.facts.segmented,
        "files": one.files,
        "segments": one.segments,
        "failed": len(one.failed),
        "quarantined": one.quarantined,
        "bytes": one.bytes,
        "current": one.current,
        "begun": one.facts.begun,
        "database": str(one.path),
        "folders": [os.fsdecode(folder) for folder in one.folders],
        "failures": [{"file": os.fsdecode(path), "reason": why} for path, why in one.failed],
    }


def _line(row: dict[str, Any]) -> str:
    cut = ", cut into sounds" if row["segmented"] else ""
    old = "" if row["current"] else "; its model changed or is gone: run `ghostnote index`"
    lost = f" ({row['quarantined']} crashed a decoder)" if row["quarantined"] else ""
    return (
        f"{shown(row['library'])}: {row['files']} files, {row['segments']} sounds, {row['failed']} "
        f"failed{lost}; model {row['model']}{cut}; {row['bytes'] / 1e6:.1f} MB{old}"
    )
