"""`ghostnote render`: a control log to a sound file, the same samples as when it was played."""

from __future__ import annotations

import argparse

from ghostnote.cli.progress import progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote render`."""
    parser.add_argument("log", metavar="LOG.jsonl", help="what `play --log` wrote, or lines of your own")
    parser.add_argument("--out", required=True, metavar="OUT.wav", help="wav, flac or aiff")
    parser.add_argument("--model", metavar="NAME", help="model name or folder (default: the log's, or drums)")
    parser.add_argument("--seed", type=int, metavar="N", help="another seed than the log's")
    parser.add_argument("--rate", type=int, metavar="HZ", help="sample rate (default: the model's)")
    parser.add_argument("--seconds", type=float, metavar="S", help="length (default: until all is silent)")


def run(args: argparse.Namespace) -> int:
    """Render and write."""
    from ghostnote.core.control_log import read_log
    from ghostnote.core.render import RenderOptions, render
    from ghostnote.decode.model import load
    from ghostnote.errors import UsageError
    from ghostnote.features.sound_writer import SoundWriter
    from ghostnote.host.options import RATES, SEEDS

    if args.rate is not None and not RATES[0] <= args.rate <= RATES[1]:
        raise UsageError(f"--rate {args.rate}: must be from {RATES[0]} to {RATES[1]}")
    if args.seed is not None and not SEEDS[0] <= args.seed <= SEEDS[1]:
        raise UsageError(f"--seed {args.seed}: must be from {SEEDS[0]} to {SEEDS[1]}")
    if args.seconds is not None and not 0 < args.seconds <= 24 * 3600:
        raise UsageError(f"--seconds {args.seconds}: must be above 0 and at most a day")
    log = read_log(args.log)
    model = load(args.model or str(log.start.get("model", "drums")))
    options = RenderOptions(args.rate, args.seed, args.seconds)
    rate = args.rate or model.spec.sample_rate
    expected = args.seconds or max((e.t for e in log.entries), default=0.0) + model.spec.duration_s
    with SoundWriter(args.out, rate, channels=2) as out, progress("Rendering", expected) as advance:
        for block in render(model, log, options):
            out.write(block)
            advance(len(block) / rate)
    return 0
