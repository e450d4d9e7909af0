"""A folder of sounds and the smallest of presets, so that a whole training takes seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from ghostnote_training.axes import AxisOptions
from ghostnote_training.classifier import ClassifierOptions
from ghostnote_training.convergence import StopOptions
from ghostnote_training.nets import NetOptions
from ghostnote_training.presets import PRESETS, Preset
from ghostnote_training.vae import LossOptions

RATE = 22050

TINY_NET = NetOptions(
    latent=6,
    widths=(16, 12, 8, 8),
    blocks=(1, 1, 1, 1),
    encoder_widths=(16, 12, 8, 8),
    encoder_blocks=(1, 1, 1, 1),
    hidden=24,
    coarse=6,
    spectra=8,
    noise_bands=8,
    attack_frames=6,
    attack_channels=4,
    view_bands=16,
    classifier_widths=(8, 16, 8),
)


def tiny(steps: int = 24) -> Preset:
    """A preset for tests: a few thousand parameters, a few steps."""
    small = PRESETS["small"]
    return replace(
        small,
        net=TINY_NET,
        loss=LossOptions(bands=16, kl_target_nats=6.0, draws=2),
        train=replace(small.train, steps=steps, batch=4, warmup_steps=4, save_every_s=0.0),
        stop=StopOptions(every_steps=8),
        classifier=ClassifierOptions(steps=12, batch=16),
        axes=AxisOptions(points=4, measured=3, steps=3),
        draws=4,
        per_class=2,
    )


def write_sounds(folder: Path, classes: tuple[str, ...] = ("low", "высокий"), count: int = 6) -> Path:
    """`count` decaying tones or noises for each class, no two alike."""
    rng = np.random.default_rng(1)
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for k in range(count):
            t = np.arange(RATE // 4) / RATE
            hz = 110.0 * 2.0 ** (3 * number + rng.uniform(0.0, 1.0))
            wave = np.sin(2 * np.pi * hz * t) + 0.1 * number * rng.standard_normal(len(t))
            sound = 0.5 * wave * np.exp(-t / rng.uniform(0.03, 0.1))
            soundfile.write(folder / name / f"{chr(97 + k)} sound.wav", sound.astype(np.float32), RATE)
    return folder
