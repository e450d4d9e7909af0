"""The networks: ConvNeXt-style encoder, decoder and classifier over frames.

A block is a depthwise convolution over time, layer normalisation and a two-layer perceptron over channels,
beside a skip (Liu et al., "A ConvNet for the 2020s", 2022, in one dimension), with ReLU since it is the
cheapest to run live.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import bands
from ghostnote_training.graph import Builder, Tensor

Float32 = NDArray[np.float32]

WINDOW_EDGES = (0, 1, 2, 3, 4, 5, 7, 9, 12, 16, 21, 28, 37, 49, 65, 87, 120, 170, 240)
"""First frames of the classifier's windows."""

LOUDEST = 1.1
"""Largest median on the log scale, 10 dB above a full-scale sine."""


@dataclass(frozen=True)
class NetOptions:
    """Sizes. `widths` are channels at 43, 86, 172 and 344 frames (frames / 8, / 4, / 2, / 1)."""

    latent: int = 64
    widths: tuple[int, ...] = (224, 160, 128, 128)
    blocks: tuple[int, ...] = (2, 2, 2, 1)
    encoder_widths: tuple[int, ...] = (224, 160, 128, 96)
    encoder_blocks: tuple[int, ...] = (2, 2, 1, 1)
    expansion: int = 2
    kernel: int = 7
    hidden: int = 256
    coarse: int = 56
    noise_bands: int = 48
    attack_frames: int = 24
    attack_channels: int = 24
    max_noisiness: float = 1.2
    view_bands: int = 64
    classifier_widths: tuple[int, int, int] = (64, 320, 128)
    classifier_dropout: float = 0.4


def block(b: Builder, name: str, x: Tensor, width: int, options: NetOptions) -> Tensor:
    """One ConvNeXt-style block, shape kept."""
    y = b.depthwise(f"{name}_time", x, options.kernel)
    y = b.norm(f"{name}_norm", y)
    y = b.relu(b.dense(f"{name}_up", y, width * options.expansion))
    return b.add(x, b.dense(f"{name}_down", y, width))


def encoder(b: Builder, log_magnitude: Tensor, spec: FeatureSpec, options: NetOptions) -> Tensor:
    """Log magnitudes (batch, frames, bins) → hidden vector (batch, hidden) that `posterior` reads."""
    frames = spec.frames
    levels = len(options.encoder_widths)
    x = b.dense("enc_in", b.scale(log_magnitude, 2.0, -0.6), options.encoder_widths[-1])
    for level in reversed(range(levels)):
        width = options.encoder_widths[level]
        if level < levels - 1:
            frames //= 2
            x = b.reshape(x, (frames, 2 * options.encoder_widths[level + 1]))
            x = b.dense(f"enc_merge{level}", x, width)
        for k in range(options.encoder_blocks[level]):
            x = block(b, f"enc{level}_{k}", x, width, options)
    x = b.norm("enc_norm", x)
    flat = b.dense("enc_squeeze", x, 24)
    flat = b.dense("enc_flat", b.reshape(flat, (frames * 24,)), options.hidden)
    pooled = b.dense("enc_pool", b.mean_and_max(x), options.hidden)
    h = b.norm("enc_hidden_norm", b.relu(b.add(flat, pooled)))
    return b.relu(b.dense("enc_hidden", h, options.hidden))


def posterior_mean(b: Builder, hidden: Tensor, options: NetOptions) -> Tensor:
    """Latent mean (batch, latent)."""
    return b.dense("z_mean", hidden, options.latent)


def posterior_log_variance(b: Builder, hidden: Tensor, options: NetOptions) -> Tensor:
    """Latent log-variance (batch, latent); training only."""
    return b.dense("z_log_variance", hidden, options.latent)


def decoder(b: Builder, z: Tensor, spec: FeatureSpec, options: NetOptions) -> tuple[Tensor, Tensor]:
    """Latents → median log magnitude (batch, frames, bins), unclipped, and noisiness in bands (batch,
    frames, bands).
    """
    levels = len(options.widths)
    frames = spec.frames // 2 ** (levels - 1)
    h = b.relu(b.dense("dec_hidden", z, options.hidden))
    h = b.norm("dec_hidden_norm", h)
    x = b.reshape(b.dense("dec_time", h, frames * options.coarse), (frames, options.coarse))
    x = b.dense("dec_in", x, options.widths[0])
    for level, width in enumerate(options.widths):
        if level:
            x = b.dense(f"dec_split{level}", x, 2 * width)
            frames *= 2
            x = b.reshape(x, (frames, width))
        if level == levels - 1:
            attack = b.dense("dec_attack", h, options.attack_frames * options.attack_channels)
            attack = b.reshape(attack, (options.attack_frames, options.attack_channels))
            attack = b.dense("dec_attack_in", b.relu(attack), width)
            x = b.add(x, b.pad_frames(attack, frames - options.attack_frames))
        for k in range(options.blocks[level]):
            x = block(b, f"dec{level}_{k}", x, width, options)
    x = b.norm("dec_norm", x)
    median = b.dense("dec_median", x, spec.bins)
    noisiness = b.scale(
        b.sigmoid(b.dense("dec_noisiness", x, options.noise_bands)), options.max_noisiness, 0.0
    )
    return median, noisiness


def magnitude(
    b: Builder, median: Tensor, noisiness: Tensor, texture: Tensor, spec: FeatureSpec, options: NetOptions
) -> Tensor:
    """Linear magnitudes: (expand(median) − floor) · exp(noisiness · texture).

    Medians below the floor are true silence, since hum between hits would be heard; they are held under
    `LOUDEST`, so that no latent point, however far out, can deafen anyone.
    """
    span = -math.log(spec.floor)
    above = b.exp(b.scale(b.clip(median, 0.0, LOUDEST), span, 0.0))
    clean = b.scale(b.scale(above, 1.0, -1.0), spec.floor, 0.0)
    spread = b.matrix(noisiness, bands.triangles(options.noise_bands, spec))
    return b.multiply(clean, b.exp(b.multiply(spread, texture)))


def classifier_windows(spec: FeatureSpec) -> Float32:
    """Means over windows that widen with time, shape (windows, frames): drums tell most at their onset."""
    edges = [edge for edge in WINDOW_EDGES if edge < spec.frames] + [spec.frames]
    frame = np.arange(spec.frames)
    rows = [((frame >= low) & (frame < high)) / (high - low) for low, high in pairwise(edges)]
    return np.stack(rows).astype(np.float32)


def classifier_view(b: Builder, log_magnitude: Tensor, spec: FeatureSpec, options: NetOptions) -> Tensor:
    """What the classifier sees: mean log magnitudes in windows and bands (batch, windows, view_bands)."""
    windowed = b.matrix_left(classifier_windows(spec), log_magnitude)
    return b.matrix(windowed, bands.averages(options.view_bands, spec))


def classifier(b: Builder, view: Tensor, classes: int, spec: FeatureSpec, options: NetOptions) -> Tensor:
    """The view → probabilities (batch, classes): a perceptron per window, then one over all."""
    windows, (narrow, wide, last) = len(classifier_windows(spec)), options.classifier_widths
    x = b.relu(b.dense("cls_window", b.scale(view, 3.0, -0.9), narrow))
    x = b.dropout(b.reshape(x, (windows * narrow,)), options.classifier_dropout)
    x = b.dropout(b.relu(b.dense("cls_wide", x, wide)), options.classifier_dropout)
    return b.softmax(b.dense("cls_out", b.relu(b.dense("cls_last", x, last)), classes))
