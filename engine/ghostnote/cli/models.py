"""`ghostnote models`: the bundles that can be played."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ghostnote.errors import BundleError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote models`."""
    parser.add_argument("--json", action="store_true", help="one JSON array")


def run(args: argparse.Namespace) -> int:
    """List what is found; a damaged bundle is listed with what is wrong with it."""
    from ghostnote.decode.bundle import MANIFEST_NAME, Manifest, available

    rows: list[dict[str, Any]] = []
    for folder in available():
        try:
            manifest = Manifest.from_file(folder / MANIFEST_NAME)
        except BundleError as error:
            rows.append({"name": folder.name, "folder": str(folder), "error": str(error)})
            continue
        rows.append(
            {
                "name": manifest.name,
                "folder": str(folder),
                "latent_size": manifest.latent_size,
                "classes": list(manifest.classes),
                "sample_rate": manifest.features.sample_rate,
                "quality": dict(manifest.quality),
            }
        )
    if args.json:
        print(json.dumps(rows, ensure_ascii=False))
        return 0
    for row in rows:
        if "error" in row:
            print(f"{row['name']}: {row['error']}")
        else:
            classes = ", ".join(row["classes"]) or "none"
            print(f"{row['name']}: {row['latent_size']} dimensions; classes: {classes}; in {row['folder']}")
    if not rows:
        print("No models found; GHOSTNOTE_MODELS can name a folder of bundles.")
    return 0
