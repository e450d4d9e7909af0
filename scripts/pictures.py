"""Draws the pictures of the README: `python scripts/pictures.py`, with `morph` or `screen` just those.

It needs matplotlib (and Pillow, which comes with it).
"""

from __future__ import annotations

import contextlib
import socket
import sys
import tempfile
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from pythonosc.osc_message_builder import OscMessageBuilder
from terminal import Terminal
from terminal import draw as draw_terminal

from ghostnote.core.control_log import ControlLog, LogEntry
from ghostnote.core.render import RenderOptions, render
from ghostnote.decode.model import Model, load
from ghostnote.features.stft import magnitudes
from ghostnote.state.registry import check, resolve

OUT = Path(__file__).parent.parent / "docs" / "pictures"
HITS = 9
SPACING_S = 0.4
FROM, TO = "a", "b"

BPM = 124.0
PATTERN = {
    1: "x..x..x.x...x...",
    2: "....x.......x..x",
    3: "x.x.x.x.x.x.x.x.",
    4: "......x.......x.",
    5: "..........x.x.x.",
}
"""What the parts play in sixteenths for the pictures of the screen."""

Float32 = NDArray[np.float32]


def entry(t: float, addr: str, *args: float) -> LogEntry:
    """A log entry by address."""
    target = resolve(addr)
    assert target is not None, addr
    return LogEntry(t, target, check(target, args)[0])


def morph(model: Model) -> Float32:
    """Nine hits of one part on its way from slot a to slot b, shape (n, 2)."""
    entries = []
    for hit in range(HITS):
        share = hit / (HITS - 1)
        before = max(0.0, hit * SPACING_S - 0.1)
        entries.append(entry(before, f"/gn/part1/weight/{FROM}", 1.0 - share))
        entries.append(entry(before, f"/gn/part1/weight/{TO}", share))
        entries.append(entry(hit * SPACING_S, "/gn/part1/hit", 0.9))
    return np.concatenate(list(render(model, ControlLog(entries), RenderOptions(seconds=HITS * SPACING_S))))


def draw(samples: Float32, model: Model, path: Path) -> None:
    """A spectrogram of the left channel, 60 dB deep, with a logarithmic frequency axis."""
    spec = model.spec
    frames = len(samples) // spec.hop
    level = 20.0 * np.log10(np.maximum(magnitudes(samples[:, 0], spec, frames), 1e-4))
    times = np.arange(frames) * spec.hop / spec.sample_rate
    bins = np.arange(1, spec.bins) * spec.sample_rate / spec.n_fft
    figure, axes = plt.subplots(figsize=(10, 3.2), layout="constrained")
    top = level.max()
    axes.pcolormesh(times, bins, level[:, 1:].T, vmin=top - 60, vmax=top, cmap="magma", shading="auto")
    axes.set(yscale="log", ylim=(43, 18000), xlabel="seconds", ylabel="Hz")
    axes.set_yticks([100, 1000, 10000], ["100", "1 k", "10 k"])
    figure.savefig(path, dpi=100)
    plt.close(figure)


class Player:
    """Plays a performance over OSC, as somebody with a sequencer and a knob would."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._step = 0

    def send(self, addr: str, *args: float | str) -> None:
        """One message, `addr` without its root."""
        builder = OscMessageBuilder(f"/gn/{addr}")
        for arg in args:
            builder.add_arg(arg)
        self._socket.sendto(builder.build().dgram, ("127.0.0.1", self._port))

    def prepare(self) -> None:
        """Three scenes, of which the first one plays."""
        self.send("clock/tempo", BPM)
        self.send("part4/weight/a", -0.25)
        self.send("part8/mute", 1)
        for part, gain in enumerate((0.0, -2.0, -6.0, -14.0, -4.0), start=1):
            self.send(f"part{part}/gain", gain)
        for name, snare, hat in (("intro", 1.0, 1.0), ("peak", 0.4, 0.7), ("rest", 0.8, 0.2)):
            self.send("part2/weight/b", snare)
            self.send("part2/weight/g", 1.0 - snare)
            self.send("part3/weight/c", hat)
            self.send("part3/weight/d", 1.0 - hat)
            self.send("scene/store", name)
            time.sleep(0.5)
        self.send("scene/recall", "intro", 0.0)
        self.send("clock/position", 0.0)

    def play(self, steps: int) -> None:
        """So many sixteenths; a knob turns all the while."""
        due = time.monotonic()
        for _ in range(steps):
            for part, pattern in PATTERN.items():
                if pattern[self._step % len(pattern)] == "x":
                    self.send(f"part{part}/hit", 0.95 if self._step % 4 == 0 else 0.6)
            self.send("part1/axis/d1", round(self._step % 32 / 20, 2))
            self._step += 1
            due += 15.0 / BPM
            time.sleep(max(0.0, due - time.monotonic()))


def draw_screen(folder: Path) -> None:
    """`ghostnote play` in a terminal of 140 and of 80 columns, in the middle of a set."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        given = ["--device", "null", "--port", str(port), "--record", "set.wav"]
        terminal = Terminal(Path(home), {"GHOSTNOTE_HOME": home}, *given)
        try:
            terminal.resize(140, 31)
            terminal.wait_for("null device")
            player = Player(port)
            player.prepare()
            player.play(32)
            player.send("scene/recall", "peak", 5.0)
            player.play(24)
            draw_terminal(terminal.rows(), folder / "screen.png")
            terminal.resize(80, 24)
            player.play(16)
            draw_terminal(terminal.rows(), folder / "screen-80.png")
        finally:
            with contextlib.suppress(OSError):
                terminal.close()


def main() -> None:
    """Draw the pictures that are named, or all."""
    wanted = sys.argv[1:] or ["morph", "screen"]
    OUT.mkdir(parents=True, exist_ok=True)
    if "morph" in wanted:
        model = load("drums")
        draw(morph(model), model, OUT / "morph.png")
    if "screen" in wanted:
        draw_screen(OUT)


if __name__ == "__main__":
    main()
