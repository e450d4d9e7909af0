"""`ghostnote train`: its arguments, and one clear line for whatever goes wrong."""

from __future__ import annotations

import argparse
import errno
import importlib.util
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import fields
from pathlib import Path

from ghostnote.errors import GhostnoteError, UsageError
from ghostnote_training import asking, stopping
from ghostnote_training.asking import Request

PRESETS = {
    "small": "ready in 20 minutes from 500 sounds on two cores",
    "standard": "an hour or two, for a model to keep",
    "large": "a night, as large as the engine still plays well",
}
CUTS = {
    "usual": "at onsets, cymbals stay whole",
    "clear": "at clear attacks only, for rolls, swells and rooms",
    "fine": "at everything that rises, for soft playing",
    "never": "each file is one sound",
}
BACKENDS = ("tensorflow", "jax")
MOST_THREADS = 8
HINTS = dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free some space; ") | dict.fromkeys(
    (errno.EACCES, errno.EPERM, errno.EROFS), "change its permissions; "
)
"""What to try, by the system's number of what went wrong."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote train`."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of sounds, sub-folders and all")
    parser.add_argument("--name", required=True, metavar="NAME", help="what the model will be called")
    parser.add_argument(
        "--classes", choices=("folders", "none"), help="sub-folders are classes, or none are (default)"
    )
    sizes = "; ".join(f"{name}: {text}" for name, text in PRESETS.items())
    parser.add_argument("--preset", choices=tuple(PRESETS), help=f"{sizes} (default: standard)")
    parser.add_argument("--minutes", type=float, metavar="M", help="another time limit than the preset's")
    parser.add_argument("--seed", type=int, metavar="N", help="makes chance repeatable (default: 1)")
    parser.add_argument(
        "--synthesis",
        type=float,
        metavar="SHARE",
        help="how much of what it learns from is synthesised drums, from 0 (default) to 0.9",
    )
    parser.add_argument(
        "--cut",
        choices=tuple(CUTS),
        help="where recordings that are longer than a sound are cut: "
        + "; ".join(f"{name}: {text}" for name, text in CUTS.items())
        + " (default: usual)",
    )
    parser.add_argument("--licence", metavar="TEXT", help="licence of the sounds, for the model's card")
    parser.add_argument("--credit", metavar="TEXT", help="whom the sounds are from, for the model's card")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the model (default: the user's models)"
    )
    parser.add_argument(
        "--run", type=Path, metavar="DIR", help="folder of checkpoints (default: the user's data)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with a run that was interrupted")
    parser.add_argument("--fresh", action="store_true", help="begin anew, though there is an interrupted run")
    parser.add_argument(
        "--export", action="store_true", help="make the model of what a run has learnt so far"
    )
    parser.add_argument(
        "--replace", action="store_true", help="put it in the place of a better model, which is kept aside"
    )
    parser.add_argument("--plain", action="store_true", help="lines instead of a live display")
    parser.add_argument("--debug", action="store_true", help="show where in the program an error arose")


def _request(args: argparse.Namespace) -> Request:
    return Request(**{field.name: getattr(args, field.name) for field in fields(Request)})


def prepare() -> None:
    """Environment of Keras and its backend, before either is imported. Raises UsageError for a backend that
    cannot be had.
    """
    present = [name for name in BACKENDS if importlib.util.find_spec(name) is not None]
    chosen = os.environ.setdefault("KERAS_BACKEND", (present or BACKENDS)[0])
    if chosen not in BACKENDS:
        raise UsageError(f"KERAS_BACKEND={chosen}: learning runs on {' or '.join(BACKENDS)}; leave it out")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = str(min(cores, MOST_THREADS))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", threads)
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", threads)


@contextmanager
def silence() -> Iterator[None]:
    """Nothing on standard error, whoever writes there: backends greet at their import, over every setting."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _tell(text: str) -> None:
    """A line on standard error, if anybody can still read it."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def _line(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, GhostnoteError):
        return str(error)
    if isinstance(error, OSError):
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        hint = HINTS.get(error.errno or 0, "")
        return f"{where}{error.strerror or error}; {hint}nothing that was saved is lost: go on with --resume"
    if isinstance(error, ImportError):
        return f"training needs the extra 'training' ({error}): pip install 'ghostnote[training]'"
    if isinstance(error, MemoryError):
        return "there is not enough memory; close other programs, or take a smaller --preset"
    return f"unexpected: {error!r}; --debug shows where"


def carry_out(args: argparse.Namespace, program: str = "ghostnote train") -> int:
    """Train; the exit status: 0, 2 when something was wrong (told in one line), 130 when it was stopped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names are in any script, terminals are not
    try:
        with stopping.interrupting():
            request = _request(args)
            asking.check(request)
            prepare()
            with nullcontext() if args.debug else silence():
                from ghostnote_training import make_model
                from ghostnote_training.show import shown

            with shown(plain=request.plain) as show:
                return make_model.make(request, show, program)
    except KeyboardInterrupt:
        _tell(f"{program}: stopped before anything was learnt; nothing is changed")
        return asking.STOPPED
    except Exception as error:
        if args.debug:
            raise
        _tell(f"{program}: {_line(error)}")
        return 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse and carry out; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="ghostnote train",
        description="Learn a model from a folder of sounds, and put it among the user's models.",
    )
    add_arguments(parser)
    return carry_out(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
