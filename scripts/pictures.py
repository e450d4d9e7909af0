"""Draws the pictures of the README from sounds of the shipped model: `python scripts/pictures.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from ghostnote.core.control_log import ControlLog, LogEntry
from ghostnote.core.render import RenderOptions, render
from ghostnote.decode.model import Model, load
from ghostnote.features.stft import magnitudes
from ghostnote.state.registry import check, resolve

OUT = Path(__file__).parent.parent / "docs" / "pictures"
HITS = 9
SPACING_S = 0.4
FROM, TO = "a", "b"

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


def main() -> None:
    """Draw all pictures."""
    model = load(sys.argv[1] if len(sys.argv) > 1 else "drums")
    OUT.mkdir(parents=True, exist_ok=True)
    draw(morph(model), model, OUT / "morph.png")


if __name__ == "__main__":
    main()
