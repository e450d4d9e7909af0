"""Commands: train and export `models/drums`, measure a bundle."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

THREADS = "2"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ghostnote_training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    drums = commands.add_parser("drums", help="train the drum model and write its bundle")
    drums.add_argument("--out", type=Path, required=True, help="bundle folder to write, such as models/drums")
    drums.add_argument(
        "--run", type=Path, default=Path("runs/drums"), help="folder for checkpoints (default: runs/drums)"
    )
    drums.add_argument("--minutes", type=float, help="training time of the VAE")
    drums.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    drums.add_argument(
        "--part",
        choices=("all", "vae", "classifier", "ship"),
        default="all",
        help="one step only: train the VAE, train and measure the classifier, or export what the run holds",
    )
    evaluate = commands.add_parser("evaluate", help="measure a bundle on sounds it was not trained on")
    evaluate.add_argument("bundle", type=Path)
    evaluate.add_argument("--per-class", type=int, default=12, help="files of each class (default: 12)")
    for command in (drums, evaluate):
        command.add_argument(
            "--data", type=Path, help="sample corpus (default: the environment's GHOSTNOTE_DATA)"
        )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    args = _parser().parse_args(arguments)
    data = args.data or (Path(os.environ["GHOSTNOTE_DATA"]) if "GHOSTNOTE_DATA" in os.environ else None)
    if data is None or not (data / "manifest.csv").is_file():
        print(
            f"no sample corpus at {data}: give --data DIR or set GHOSTNOTE_DATA (a folder with manifest.csv)",
            file=sys.stderr,
        )
        return 2
    if args.command == "evaluate":
        from ghostnote_training import bundle, evaluate

        if not (args.bundle / "decoder.onnx").is_file():
            print(f"{args.bundle}: no bundle there (decoder.onnx is missing)", file=sys.stderr)
            return 2
        evaluate.measure(args.bundle, data, bundle.space_of(args.bundle), args.per_class, progress=_say)
        return 0
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", THREADS)
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", THREADS)
    try:
        import keras  # noqa: F401
    except ImportError as error:
        print(
            f"training needs the extra 'training' (pip install 'ghostnote[training]'): {error}",
            file=sys.stderr,
        )
        return 2
    from ghostnote_training import classify_drums, drums, ship
    from ghostnote_training.classifier import ClassifierOptions

    recipe = drums.Recipe()
    if args.minutes is not None:
        recipe = replace(recipe, train=replace(recipe.train, minutes=args.minutes))
    if args.part in ("all", "vae"):
        drums.train(data, args.run, recipe, args.resume, _say)
    if args.part in ("all", "classifier"):
        classify_drums.train(data, args.run, recipe, ClassifierOptions(), _say)
    if args.part in ("all", "ship"):
        ship.ship(args.run, data, args.out, recipe, progress=_say)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
