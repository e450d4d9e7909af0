"""`ghostnote train`: the door to the training package, which is another program with needs of its own."""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys

from ghostnote.errors import UsageError

PROGRAM = "ghostnote_training.command"
NEEDS = ("ghostnote_training", "keras", "onnx")
BACKENDS = ("tensorflow", "jax")
INSTALL = "pip install 'ghostnote[training]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All arguments are handed on as they are: the training package knows them."""
    parser.add_argument("arguments", nargs=argparse.REMAINDER)


def run(args: argparse.Namespace) -> int:
    """Become the training program; where a process cannot become another, wait for it."""
    if missing := _missing():
        raise UsageError(f"training needs the extra 'training', {missing} is missing: {INSTALL}")
    command = [sys.executable, "-P", "-m", PROGRAM, *(["--debug"] if args.debug else []), *args.arguments]
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(sys.executable, command)
    with subprocess.Popen(command) as program:
        while True:
            try:
                return program.wait()
            except KeyboardInterrupt:  # the program has it too, and ends in its own way
                continue


def _missing() -> str:
    """What is not installed, "" when nothing is; nothing is imported to find out."""
    absent = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    chosen = os.environ.get("KERAS_BACKEND")
    backends = (chosen,) if chosen in BACKENDS else BACKENDS
    if not any(importlib.util.find_spec(name) for name in backends):
        absent.append(" or ".join(backends))
    return ", ".join(absent)
