"""The `ghostnote` command: arguments, and one clear line for whatever is wrong with them."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any

from ghostnote import __version__
from ghostnote.errors import GhostnoteError

_COMMANDS = {
    "play": "play live: MIDI and OSC in, sound out",
    "render": "render a control log to a sound file",
    "generate": "make a sound: a random one, or a mixture of files",
    "classify": "say what kind of sound files are",
    "listen": "tell what is heard at an input, live, to visuals and patches",
    "index": "make a library of folders of sounds, or bring it up to date",
    "similar": "find the sounds of a library that are like a file",
    "library": "list, check, export and remove libraries",
    "devices": "list sound devices and MIDI ports",
    "midi": "list MIDI ports, watch them, learn controls",
    "models": "list the models that can be played",
    "train": "learn a model from a folder of sounds",
    "params": "list every parameter and command",
    "doctor": "check this machine and say what to mend",
    "bench": "measure latency, cost and quality on this machine",
}

_HANDED_ON: dict[str, dict[str, Any]] = {"train": {"add_help": False, "prefix_chars": "\0"}}
"""Commands of other programs: nothing among their arguments is an option of this one, not even --help."""


def build_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of all commands; only commands named in `argv` are imported, for a quick start."""
    parser = argparse.ArgumentParser(prog="ghostnote", description="A neural sampler that is played live.")
    parser.add_argument("--version", action="version", version=f"ghostnote {__version__}")
    parser.add_argument("--debug", action="store_true", help="show where in the program an error arose")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in _COMMANDS.items():
        command = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", **_HANDED_ON.get(name, {})
        )
        if name in argv:
            module = importlib.import_module(f"ghostnote.cli.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def _joined(argv: Sequence[str]) -> list[str]:
    """`--weights -1,2` as `--weights=-1,2`, since argparse takes what begins with a minus for an option."""
    joined: list[str] = []
    for argument in argv:
        if joined and joined[-1] == "--weights":
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0, or 2 when the person asked for something that cannot be."""
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser(argv).parse_args(_joined(argv))
    try:
        return int(args.run(args))
    except GhostnoteError as error:
        if args.debug:
            raise
        print(f"ghostnote: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if args.debug:
            raise
        print(f"ghostnote: unexpected: {error!r}; --debug shows where", file=sys.stderr)
        return 2
