"""The networks: ConvNeXt-style encoder, decoder and classifier over frames.

A block is a depthwise convolution over time, layer normalisation and a two-layer perceptron over channels,
beside a skip (Liu et al., "A ConvNet for the 2020s", 2022, in one dimension), with ReLU since it is the
cheapest to run live.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import bands
from ghostnote_training.graph import Builder, Tensor

Float32 = NDArray[np.float32]

WINDOW_EDGES = (
    *range(13), 14, 16, 18, 21, 24, 28, 32, 37, 43, 49, 57, 65, 75, 87, 102, 120, 143, 170, 200, 240, 285,
)  # fmt: skip
"""First frames of the classifier's windows: single frames for 70 ms, then a seventh wider each time."""

HEARING = 0.75
"""How far below a sound's loudest window and band the classifier hears, on the log scale (75 dB)."""

SPECTRUM_EDGES = (0, 2, 8, 32)
"""First frames of the windows whose mean spectra the encoder reads directly; the last ends at 128."""

FALLS = (2.0, 8.0, 32.0)
"""Time constants in frames of the spectra that the decoder adds to a steady one and to one that slopes."""

LINEAR_EDGES = (*range(24), *range(24, 48, 2), *range(48, 96, 4))
"""First frames of the windows of the linear maps beside the networks; then every eight frames."""

ENCODER_REACH, DECODER_REACH = 1.0 / 60.0, 1.0 / 8.0
"""What the linear maps' inputs are scaled by, so that one step of the optimiser, which moves each weight
alike, moves their many summed products no more than it moves a network's.
"""

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
    hidden: int = 320
    coarse: int = 56
    spectra: int = 96
    linear_bands: int = 48
    noise_bands: int = 48
    attack_frames: int = 24
    attack_channels: int = 24
    max_noisiness: float = 1.2
    view_bands: int = 64
    classifier_widths: tuple[int, int, int] = (48, 256, 128)
    classifier_dropout: float = 0.4
    classifier_members: int = 1


def block(b: Builder, name: str, x: Tensor, width: int, options: NetOptions) -> Tensor:
    """One ConvNeXt-style block, shape kept."""
    y = b.depthwise(f"{name}_time", x, options.kernel)
    y = b.norm(f"{name}_norm", y)
    y = b.relu(b.dense(f"{name}_up", y, width * options.expansion))
    return b.add(x, b.dense(f"{name}_down", y, width))


def means(edges: Sequence[int], spec: FeatureSpec) -> Float32:
    """Means over windows of frames by their edges, shape (windows, frames)."""
    frame = np.arange(spec.frames)
    rows = [((frame >= low) & (frame < high)) / (high - low) for low, high in pairwise(edges)]
    return np.stack(rows).astype(np.float32)


def spectrum_windows(spec: FeatureSpec) -> Float32:
    """Means over the windows that the encoder reads directly, shape (windows, frames)."""
    return means([*SPECTRUM_EDGES, 128], spec)


def spectrum_shapes(spec: FeatureSpec) -> Float32:
    """How the decoder's spectra go over time, shape (frames, spectra): steady, sloping (on the log scale a
    decay), and falling away after the onset.
    """
    frame = np.arange(spec.frames)
    falls = [np.exp(-frame / fall) for fall in FALLS]
    return np.stack([np.ones(spec.frames), frame / spec.frames, *falls], axis=1).astype(np.float32)


def linear_edges(spec: FeatureSpec) -> list[int]:
    """Edges of the windows of the linear maps."""
    early = [edge for edge in LINEAR_EDGES if edge < spec.frames]
    return [*early, *range(early[-1] + 8, spec.frames, 8), spec.frames]


def linear_view(b: Builder, log_magnitude: Tensor, spec: FeatureSpec, options: NetOptions) -> Tensor:
    """Mean log magnitudes in windows and bands, flat: (batch, windows · linear_bands)."""
    edges = linear_edges(spec)
    windowed = b.matrix_left(means(edges, spec), log_magnitude)
    view = b.matrix(windowed, bands.averages(options.linear_bands, spec))
    return b.reshape(view, ((len(edges) - 1) * options.linear_bands,))


def linear_frames(spec: FeatureSpec) -> Float32:
    """Interpolation from the windows of the linear maps to frames, shape (frames, windows)."""
    edges = np.array(linear_edges(spec))
    centres = 0.5 * (edges[:-1] + edges[1:] - 1)
    frame = np.arange(spec.frames)
    rows = [np.interp(frame, centres, row) for row in np.eye(len(centres))]
    return np.stack(rows, axis=1).astype(np.float32)


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
    spectra = b.dense("enc_spectra", b.matrix_left(spectrum_windows(spec), log_magnitude), 48)
    spectra = b.reshape(spectra, (len(SPECTRUM_EDGES) * 48,))
    flat = b.dense("enc_squeeze", x, 24)
    flat = b.dense("enc_flat", b.reshape(flat, (frames * 24,)), options.hidden)
    pooled = b.dense("enc_pool", b.mean_and_max(x), options.hidden)
    direct = b.add(flat, b.dense("enc_direct", spectra, options.hidden))
    h = b.norm("enc_hidden_norm", b.relu(b.add(direct, pooled)))
    return b.relu(b.dense("enc_hidden", h, options.hidden))


def posterior_mean(
    b: Builder, hidden: Tensor, log_magnitude: Tensor, spec: FeatureSpec, options: NetOptions
) -> Tensor:
    """Latent mean (batch, latent): a linear map of the sound, and what the network adds."""
    view = b.scale(linear_view(b, log_magnitude, spec, options), ENCODER_REACH, 0.0)
    return b.add(b.dense("z_mean", hidden, options.latent), b.dense("z_linear", view, options.latent))


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
    h = b.add(h, b.relu(b.dense("dec_hidden2", b.norm("dec_hidden_norm", h), options.hidden)))
    h = b.norm("dec_hidden2_norm", h)
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
    shapes = spectrum_shapes(spec)
    spectra = b.dense("dec_spectra", h, shapes.shape[1] * options.spectra)
    spectra = b.reshape(spectra, (shapes.shape[1], options.spectra))
    spectra = b.dense("dec_spectra_bins", spectra, spec.bins)
    median = b.add(b.dense("dec_median", x, spec.bins), b.matrix_left(shapes, spectra))
    windows = len(linear_edges(spec)) - 1
    linear = b.dense("dec_linear", b.scale(z, DECODER_REACH, 0.0), windows * options.linear_bands)
    linear = b.matrix_left(linear_frames(spec), b.reshape(linear, (windows, options.linear_bands)))
    median = b.add(median, b.matrix(linear, bands.triangles(options.linear_bands, spec)))
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
    return means([*(edge for edge in WINDOW_EDGES if edge < spec.frames), spec.frames], spec)


def classifier_view(b: Builder, log_magnitude: Tensor, spec: FeatureSpec, options: NetOptions) -> Tensor:
    """What the classifier sees: mean log magnitudes in windows and bands (batch, windows, view_bands)."""
    windowed = b.matrix_left(classifier_windows(spec), log_magnitude)
    return b.matrix(windowed, bands.averages(options.view_bands, spec))


def classifier_members(
    b: Builder, view: Tensor, classes: int, spec: FeatureSpec, options: NetOptions
) -> list[Tensor]:
    """The view → probabilities (batch, classes) of each member: a perceptron per window, one over all."""
    windows, (narrow, wide, last) = len(classifier_windows(spec)), options.classifier_widths
    scaled, found = b.scale(b.below_peak(view, HEARING), 3.0, 0.4 * 3.0 * HEARING), []
    for k in range(options.classifier_members):
        x = b.relu(b.dense(f"cls{k}_window", scaled, narrow))
        x = b.dropout(b.reshape(x, (windows * narrow,)), options.classifier_dropout)
        x = b.dropout(b.relu(b.dense(f"cls{k}_wide", x, wide)), options.classifier_dropout)
        x = b.relu(b.dense(f"cls{k}_last", x, last))
        found.append(b.softmax(b.dense(f"cls{k}_out", x, classes)))
    return found


def mean_of(b: Builder, tensors: Sequence[Tensor]) -> Tensor:
    """Mean of tensors of one shape."""
    total = tensors[0]
    for tensor in tensors[1:]:
        total = b.add(total, tensor)
    return b.scale(total, 1.0 / len(tensors), 0.0)


def classifier(b: Builder, view: Tensor, classes: int, spec: FeatureSpec, options: NetOptions) -> Tensor:
    """The view → probabilities (batch, classes), the mean over members."""
    return mean_of(b, classifier_members(b, view, classes, spec, options))
