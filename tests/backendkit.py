"""A small run on whichever backend Keras has: goes on with what is in a folder, and exports it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import cache, checkpoint, classifier, export
from ghostnote_training.augment import Augmentation
from ghostnote_training.classifier import ClassifierOptions
from ghostnote_training.convergence import HeldOut, StopOptions
from ghostnote_training.nets import NetOptions
from ghostnote_training.train import Run, TrainOptions, Watching
from ghostnote_training.vae import LossOptions

SPEC = FeatureSpec(n_fft=64, hop=16, frames=32)
NET = NetOptions(
    latent=4,
    widths=(16, 12),
    blocks=(1, 1),
    encoder_widths=(16, 12),
    encoder_blocks=(1, 1),
    hidden=16,
    coarse=8,
    noise_bands=8,
    attack_frames=6,
    attack_channels=4,
    view_bands=12,
    classifier_widths=(8, 8, 8),
)
CLASSES = 2


def sounds(count: int = 24, seed: int = 0) -> np.ndarray:
    """Decaying log magnitudes, shape (count, frames, bins)."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(0.4, 0.9, (count, 1, SPEC.bins)) - 0.02 * np.arange(SPEC.frames)[None, :, None]
    return np.clip(level, -0.2, 1.0).astype(np.float16)


def listener(folder: Path) -> keras.Model:
    """The classifier of a folder, trained for a few steps where there is none."""
    path = folder / "classifier.npz"
    if path.exists():
        model = classifier.build(CLASSES, SPEC, NET)[1]
        model.set_weights(checkpoint.load(path)[0]["classifier"])
        return model
    rows = sounds()
    views = classifier.to_views(lambda k: rows[k].astype(np.float32), len(rows), SPEC, NET)
    labels = np.arange(len(rows)) % CLASSES
    options = ClassifierOptions(steps=4, batch=8)
    weights = np.full(len(rows), 1 / len(rows))
    model = classifier.train(views, labels, weights, SPEC, NET, options, lambda line: None, CLASSES)
    checkpoint.save(path, {"classifier": model.get_weights()}, {})
    return model


def go_on(folder: Path, steps: int) -> dict[str, object]:
    """Train until there are so many steps; what is there before and after it."""
    heard = listener(folder)
    options = TrainOptions(steps=steps, batch=4, warmup_steps=4, average_every=2, refresh_every=3, seed=2)
    run = Run(folder, SPEC, NET, LossOptions(bands=8, kl_target_nats=5.0, white_term=0.1), options, heard)
    held_out = HeldOut(sounds(4, 5).astype(np.float32), SPEC)
    resumed = run.resume()
    before = held_out.error_db(held_out.regenerate(run.model))
    began = run.step
    watching = Watching(held_out, StopOptions(every_steps=3, patience=99))
    rows = cache.Joined([sounds()])
    run.train(rows, np.full(24, 1 / 24), Augmentation(earliest_gate_frame=2), lambda line: None, watching)
    after = held_out.error_db(held_out.regenerate(run.model))
    run.use_average()
    parity = export.write_all(
        folder, run.model.encoder, run.model.decoder, heard, CLASSES, held_out.sounds, SPEC, NET
    )
    found = {"backend": keras.backend.backend(), "resumed": resumed, "began": began, "step": run.step}
    loaded = [name for name in ("torch", "tensorflow", "jax") if name in sys.modules]
    return found | {"before": before, "after": after, "parity": parity, "loaded": loaded}


if __name__ == "__main__":
    print(json.dumps(go_on(Path(sys.argv[1]), int(sys.argv[2]))))
