"""`ghostnote render`: a control log to a sound file, the same samples as when it was played."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ghostnote.cli.progress import progress

if TYPE_CHECKING:
    from ghostnote.core.control_log import ControlLog
    from ghostnote.decode.model import Model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote render`."""
    parser.add_argument("log", metavar="LOG.jsonl", help="what `play --log` wrote, or lines of your own")
    parser.add_argument("--out", required=True, metavar="OUT.wav", help="wav, flac or aiff")
    parser.add_argument("--model", metavar="NAME", help="model name or folder (default: the log's, or drums)")
    parser.add_argument("--seed", type=int, metavar="N", help="another seed than the log's")
    parser.add_argument("--rate", type=int, metavar="HZ", help="sample rate (default: the model's)")
    parser.add_argument("--seconds", type=float, metavar="S", help="length (default: until all is silent)")
    parser.add_argument(
        "--recording",
        nargs="?",
        const="",
        metavar="FILE",
        help="just what is in a recording, by default the log's last one",
    )


def run(args: argparse.Namespace) -> int:
    """Render and write; what is not as the log says is told, and no hindrance."""
    from ghostnote.core.control_log import read_log
    from ghostnote.core.render import RenderOptions, render
    from ghostnote.errors import UsageError
    from ghostnote.features.sound_writer import SoundWriter
    from ghostnote.host.options import RATES, SEEDS
    from ghostnote.telemetry import Telemetry

    if args.rate is not None and not RATES[0] <= args.rate <= RATES[1]:
        raise UsageError(f"--rate {args.rate}: must be from {RATES[0]} to {RATES[1]}")
    if args.seed is not None and not SEEDS[0] <= args.seed <= SEEDS[1]:
        raise UsageError(f"--seed {args.seed}: must be from {SEEDS[0]} to {SEEDS[1]}")
    if args.seconds is not None and not 0 < args.seconds <= 24 * 3600:
        raise UsageError(f"--seconds {args.seconds}: must be above 0 and at most a day")
    log = read_log(args.log)
    skip = 0
    if args.recording is not None:
        take = log.take(args.recording)
        args.rate, skip = take.rate, take.begins_at
        if take.frames is not None:
            args.seconds = (take.begins_at + take.frames) / take.rate
    model = _model(args, log)
    if log.clipped:
        _tell(f"{args.log}: {log.clipped} values were out of range and are clipped")
    telemetry = Telemetry()
    options = RenderOptions(args.rate, args.seed, args.seconds, as_played=args.recording is not None)
    rate = args.rate or model.spec.sample_rate
    expected = args.seconds or max((e.t for e in log.entries), default=0.0) + model.spec.duration_s
    with SoundWriter(args.out, rate, channels=2) as out, progress("Rendering", expected) as advance:
        for block in render(model, log, options, telemetry):
            out.write(block[skip:])
            skip = max(0, skip - len(block))
            advance(len(block) / rate)
    for report in telemetry.take_reports():
        _tell(report.text)
    return 0


def _model(args: argparse.Namespace, log: ControlLog) -> Model:
    """The model that was asked for, or the log's."""
    from ghostnote.decode.model import load
    from ghostnote.errors import BundleError, LogError

    if args.model is not None:
        return load(args.model)
    name, digest = str(log.start.get("model", "drums")), log.start.get("sha256")
    try:
        model = load(name)
    except BundleError as error:
        raise LogError(f"{args.log}: its model cannot be used: {error}. Name another with --model") from None
    if digest not in (None, model.manifest.digest):
        _tell(f"{args.log}: played with another version of model {name!r}, so it does not sound the same")
    return model


def _tell(text: str) -> None:
    print(f"ghostnote: {text}", file=sys.stderr)
