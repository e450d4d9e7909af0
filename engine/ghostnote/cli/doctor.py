"""`ghostnote doctor`: is this machine ready to play, and if not, what to mend."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ghostnote import __version__
from ghostnote.errors import GhostnoteError

_PACKAGES = (
    "numpy",
    "scipy",
    "onnxruntime",
    "sounddevice",
    "rtmixer",
    "python-rtmidi",
    "python-osc",
    "soundfile",
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: fine, or what is wrong and what to try."""

    what: str
    fine: bool
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ghostnote doctor`."""
    parser.add_argument("--model", default="drums", metavar="NAME", help="model name or folder")
    parser.add_argument("--port", type=int, default=9770, help="UDP port for OSC")


def run(args: argparse.Namespace) -> int:
    """Print findings; status 0 when the instrument can be played here, else 1."""
    print(f"ghostnote {__version__}, Python {platform.python_version()}, {platform.platform()}")
    print(f"{os.cpu_count()} processors; " + ", ".join(f"{n} {_version(n)}" for n in _PACKAGES))
    playable = True
    for finding in findings(args.model, args.port):
        print(f"{'ok ' if finding.fine else 'NO '} {finding.what}: {finding.text}")
        playable &= finding.fine or finding.what in ("sound", "MIDI")
    return 0 if playable else 1


def findings(model: str, port: int) -> Iterator[Finding]:
    """Look at sound, MIDI, OSC, the model and speed, one after the other."""
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("sound", _sound),
        ("MIDI", _midi),
        ("OSC", lambda: _osc(port)),
        ("model", lambda: _model(model)),
        ("speed", lambda: _speed(model)),
    )
    for what, check in checks:
        try:
            yield Finding(what, True, check())
        except GhostnoteError as error:
            yield Finding(what, False, str(error))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _sound() -> str:
    from ghostnote.audio.devices import choose_output

    device = choose_output(None)
    return f"{device.label}, {device.rate} Hz"


def _midi() -> str:
    from ghostnote.control.midi_system import list_ports

    return ", ".join(list_ports()) or "no inputs now; they are picked up as they appear"


def _osc(port: int) -> str:
    from ghostnote.errors import NetworkError

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            text = f"UDP port {port}: {error.strerror}; is ghostnote playing already? Try --port"
            raise NetworkError(text) from None
    return f"UDP port {port} is free"


def _model(name: str) -> str:
    from ghostnote.decode.model import load

    model = load(name)
    return f"{model.manifest.name}: verified, {model.manifest.latent_size} dimensions"


def _speed(name: str) -> str:
    from ghostnote.bench.engine_cost import decode_ms, voices_cost
    from ghostnote.decode.model import load

    model = load(name, lazy=("encoder", "classifier"))
    began = time.perf_counter()
    decode = float(np.median(decode_ms(model, runs=50)))
    cost = voices_cost(model, voices=16, seconds=1.0)
    verdict = "yes" if cost["rtf"] < 0.5 else "fewer voices" if cost["rtf"] < 1.0 else "no"
    return (
        f"a sound decodes in {decode:.1f} ms; 16 voices take {cost['rtf']:.0%} of one core: {verdict} "
        f"(measured in {time.perf_counter() - began:.1f} s)"
    )
