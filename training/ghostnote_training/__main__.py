"""Commands: train a model from a folder or a shipped one by its recipe, measure a bundle, find its
named axes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from ghostnote.errors import UsageError
from ghostnote_training import command

PROGRAM = "python -m ghostnote_training"
RECIPES = {
    "drums": "drums, nine classes",
    "general": "instruments, voices, noises and drums, no classes",
    "kits": "from which kit or instrument a sound comes; with the sounds of general",
}
"""The recipes as the help has them; they are in `ghostnote_training.recipes`, which needs Keras."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command.add_arguments(
        commands.add_parser("train", help="the same as `ghostnote train`: from a folder of sounds")
    )
    recipes = []
    for name, what in RECIPES.items():
        recipe = commands.add_parser(name, help=f"train a model and write its bundle: {what}")
        recipe.add_argument(
            "--out", type=Path, required=True, help=f"bundle folder to write, such as models/{name}"
        )
        recipe.add_argument(
            "--run",
            type=Path,
            default=Path("runs") / name,
            help=f"folder for checkpoints (default: runs/{name}); features and other runs are beside it",
        )
        recipe.add_argument("--minutes", type=float, help="training time of the VAE")
        recipe.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
        recipe.add_argument(
            "--part",
            choices=("all", "vae", "classifier", "ship", "reclassify"),
            default="all",
            help="one step only: train the VAE, train and measure the classifier, export the run, or put the "
            "run's classifier into the bundle that is there",
        )
        recipes.append(recipe)
    evaluate = commands.add_parser("evaluate", help="measure a bundle on sounds it was not trained on")
    evaluate.add_argument("bundle", type=Path)
    evaluate.add_argument("--per-class", type=int, default=12, help="files of each class (default: 12)")
    evaluate.add_argument(
        "--judge", type=Path, help="another bundle whose classifier says what is heard (default: its own)"
    )
    axes = commands.add_parser("axes", help="measure a bundle's named axes, or find them anew")
    axes.add_argument("bundle", type=Path)
    axes.add_argument("--write", action="store_true", help="find them anew, for bundle and card")
    detail = commands.add_parser(
        "detail", help="measure what comes back of sounds whose slots keep their detail"
    )
    detail.add_argument("bundle", type=Path)
    detail.add_argument("--per-class", type=int, default=12, help="files of each class (default: 12)")
    detail.add_argument("--write", action="store_true", help="for bundle and card")
    onsets = commands.add_parser("onsets", help="teach the engine's live onset detector")
    onsets.add_argument("--out", type=Path, required=True, help="file of weights to write")
    onsets.add_argument("--scenes", type=int, help="constructed scenes to learn from (default: 640)")
    onsets.add_argument("--steps", type=int, help="steps to learn for (default: 5000)")
    onsets.add_argument("--seed", type=int, help="where chance starts (default: 0)")
    onsets.add_argument(
        "--without",
        action="append",
        metavar="WORD",
        help="leave out files whose path has this word; may be repeated",
    )
    onsets.add_argument("--workers", type=int, default=2, help="processes that make scenes (default: 2)")
    for one in (*recipes, evaluate, detail, onsets):
        one.add_argument(
            "--data", type=Path, help="sample corpus (default: the environment's GHOSTNOTE_DATA)"
        )
    return parser


def _lacking(args: argparse.Namespace) -> str:
    """What a command lacks to begin, in words; empty when nothing does."""
    if args.command != "axes" and (args.data is None or not (args.data / "manifest.csv").is_file()):
        return (
            f"no sample corpus at {args.data}: give --data DIR or set GHOSTNOTE_DATA "
            "(a folder with manifest.csv)"
        )
    if args.command in (*RECIPES, "onsets"):
        return ""
    needed = [(args.bundle, "decoder.onnx"), (args.bundle, "model.json")]
    if args.command == "evaluate" and args.judge is not None:
        needed.append((args.judge, "classifier.onnx"))
    for folder, part in needed:
        if not (folder / part).is_file():
            return f"{folder}: no bundle there ({part} is missing)"
    return ""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    args = _parser().parse_args(arguments)
    if args.command == "train":
        return command.carry_out(args, f"{PROGRAM} train")
    if "data" in args and args.data is None and "GHOSTNOTE_DATA" in os.environ:
        args.data = Path(os.environ["GHOSTNOTE_DATA"])
    if lacking := _lacking(args):
        print(lacking, file=sys.stderr)
        return 2
    command.prepare()
    try:
        import keras  # noqa: F401
    except ImportError as error:
        print(
            f"training needs the extra 'training' (pip install 'ghostnote[training]'): {error}",
            file=sys.stderr,
        )
        return 2
    run = {"evaluate": _evaluate, "axes": _axes, "detail": _detail, "onsets": _onsets}.get(
        args.command, _train
    )
    try:
        run(args)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _axes(args: argparse.Namespace) -> None:
    from ghostnote.features.spec import FeatureSpec
    from ghostnote_training import axes, ship

    found = (axes.add if args.write else axes.measure_bundle)(args.bundle, FeatureSpec())
    for name, figures in found.items():
        _say(f"{name}: {json.dumps(figures)}")
    if args.write:
        ship.write_card(args.bundle)


def _onsets(args: argparse.Namespace) -> None:
    from ghostnote_training.onsets.make import OnsetRecipe, make

    given = {name: getattr(args, name) for name in ("scenes", "steps", "seed", "without")}
    given["without"] = tuple(given["without"]) if given["without"] else None
    recipe = replace(OnsetRecipe(), **{name: value for name, value in given.items() if value is not None})
    make(args.data, args.out, recipe, args.workers, _say)


def _detail(args: argparse.Namespace) -> None:
    from ghostnote_training import captured, ship
    from ghostnote_training.recipe import measured_sets
    from ghostnote_training.recipes import RECIPES as KNOWN
    from ghostnote_training.recipes import of_bundle

    sets = measured_sets(of_bundle(args.bundle) or KNOWN["drums"], args.data)
    captured.add(args.bundle, sets, args.per_class, args.write, _say)
    if args.write:
        ship.write_card(args.bundle)


def _evaluate(args: argparse.Namespace) -> None:
    from ghostnote_training import bundle, evaluate
    from ghostnote_training.recipe import measured_sets
    from ghostnote_training.recipes import RECIPES as KNOWN
    from ghostnote_training.recipes import of_bundle

    recipe = of_bundle(args.bundle) or KNOWN["drums"]
    evaluate.measure(
        args.bundle,
        measured_sets(recipe, args.data),
        bundle.space_of(args.bundle),
        args.per_class,
        progress=_say,
        judge=args.judge,
        classes=bundle.classes_of(args.judge or args.bundle),
    )


def _train(args: argparse.Namespace) -> None:
    from ghostnote_training import classify_drums, classify_labels, recipe, reclassify, ship
    from ghostnote_training.classifier import ClassifierOptions
    from ghostnote_training.recipes import RECIPES as KNOWN

    chosen = KNOWN[args.command]
    if args.minutes is not None:
        chosen = replace(chosen, train=replace(chosen.train, minutes=args.minutes))
    maker, run = chosen, args.run
    if chosen.maker:
        maker, run = replace(KNOWN[chosen.maker], train=chosen.train), args.run.parent / chosen.maker
    if args.part in ("all", "vae") and not (chosen.maker and recipe.trained(run)):
        recipe.train(args.data, run, maker, args.resume, _say)
    if args.part in ("all", "classifier"):
        if chosen.classifier == "machines":
            classify_drums.train(args.data, args.run, chosen, ClassifierOptions(), _say)
        elif chosen.classifier == "labels":
            classify_labels.train(args.data, args.run, chosen, ClassifierOptions(), _say)
    if args.part in ("all", "ship"):
        ship.ship(args.run, args.data, args.out, chosen, progress=_say, maker_run=run)
    if args.part == "reclassify":
        reclassify.reclassify(args.run, args.data, args.out, chosen, progress=_say)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
