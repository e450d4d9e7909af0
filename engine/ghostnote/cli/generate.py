"""`ghostnote generate`: one sound, drawn at random or mixed from files."""

from __future__ import annotations

import argparse

from ghostnote.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote generate`."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="sound files to mix; none: a random draw")
    parser.add_argument("--out", required=True, metavar="OUT.wav", help="wav, flac or aiff")
    parser.add_argument("--weights", metavar="1,2", help="one weight for each file; may be negative")
    parser.add_argument("--no-normalize", action="store_true", help="do not divide the weights by their sum")
    parser.add_argument("--variance", type=float, default=0.0, metavar="V", help="how far to stray by chance")
    parser.add_argument(
        "--detail",
        type=float,
        default=1.0,
        metavar="D",
        help="how much is heard of what the files have and the model lacks, 0 to 1 (default)",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="makes chance repeatable")
    parser.add_argument("--model", default="drums", metavar="NAME", help="model name or folder")


def run(args: argparse.Namespace) -> int:
    """Generate and write."""
    weights = _weights(args.weights)
    from ghostnote.tool import SoundSampleTool

    SoundSampleTool(args.model).generate(
        args.out,
        args.files,
        weights,
        not args.no_normalize,
        args.variance,
        detail=args.detail,
        seed=args.seed,
    )
    return 0


def _weights(text: str | None) -> list[float]:
    if text is None:
        return []
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(
            f"--weights {text}: numbers with commas between them are needed, as in 1,0.5"
        ) from None
