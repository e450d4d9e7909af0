"""The detail of a captured sound: what a model's decoder lacks to give the recording back, as small numbers.

Three tables (`detail_grid`), in the order of their bytes: a fine spectrum in coarse time and a coarse
spectrum in fine time, which add up to what is missing in the logarithm of the magnitudes, and how noisy the
sound is beside what the model thinks.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import MessageError
from ghostnote.features.detail_grid import grid_of
from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]
Int8 = NDArray[np.int8]

STEP = math.log(10.0) / 20.0
"""A level's least difference in the natural logarithm: 1 dB."""
NOISE_STEP = 1.0 / 64.0
"""Least difference of the noisiness beside the model's, which is from 0 to almost 3 times it."""
MOST = 127
FORM = "d1:"
"""Stands before the text form; its number is the form's version."""
MAX_TEXT = 32 << 10
"""Letters that the text form of a detail may have."""


@dataclass(frozen=True, eq=False)
class Layers:
    """A detail, or a mixture of details, in the units in which it is applied.

    `fine`: shape (windows, B) and `coarse`: shape (windows, bands), natural logarithm; `noise`: shape
    (windows, bands), by how much of the texture more or less is drawn.
    """

    fine: Float32
    coarse: Float32
    noise: Float32

    def scaled(self, amount: float) -> Layers:
        """So much of it, 0 to 1."""
        by = np.float32(amount)
        return Layers(self.fine * by, self.coarse * by, self.noise * by)


@dataclass(frozen=True)
class Detail:
    """The detail of one sound, for magnitudes of `frames` by `bins`. `values`: whole numbers as bytes, −127
    to 127. Equal details are equal objects of their values. Thread: any.
    """

    frames: int
    bins: int
    values: bytes

    @classmethod
    def of(cls, layers: Layers, spec: FeatureSpec) -> Detail:
        """The nearest detail to layers."""
        steps = ((layers.fine, STEP), (layers.coarse, STEP), (layers.noise, NOISE_STEP))
        whole = [
            np.clip(np.rint(table / step), -MOST, MOST).astype(np.int8).tobytes() for table, step in steps
        ]
        return cls(spec.frames, spec.bins, b"".join(whole))

    @classmethod
    def of_text(cls, text: str, spec: FeatureSpec) -> Detail:
        """The detail in a text form, for a geometry.

        Raises MessageError (`range`) for a text that is damaged, of another version or for another geometry.
        Bounded: no more is unpacked than a detail has.
        """
        if len(text) > MAX_TEXT or not text.startswith(FORM):
            raise MessageError(
                "range", f"not a detail: it begins with {FORM!r} and has at most {MAX_TEXT} letters"
            )
        size = 4 + grid_of(spec).size
        try:
            packed = base64.b64decode(text[len(FORM) :], validate=True)
            unpack = zlib.decompressobj()
            data = unpack.decompress(packed, size + 1)
        except (binascii.Error, ValueError, zlib.error) as error:
            raise MessageError("range", f"a detail is damaged ({error})") from None
        frames, bins = (int.from_bytes(data[k : k + 2], "little") for k in (0, 2))
        if (frames, bins) != (spec.frames, spec.bins):
            raise MessageError(
                "range",
                f"a detail of {frames} x {bins} magnitudes does not fit {spec.frames} x {spec.bins}",
            )
        if len(data) != size or not unpack.eof or unpack.unused_data or b"\x80" in data[4:]:
            raise MessageError("range", "a detail is damaged (not as many numbers as it should have)")
        return cls(frames, bins, data[4:])

    @cached_property
    def text(self) -> str:
        """The text form: letters, digits and `+/=:`; the same detail gives the same text."""
        head = self.frames.to_bytes(2, "little") + self.bins.to_bytes(2, "little")
        return FORM + base64.b64encode(zlib.compress(head + self.values, 6)).decode("ascii")

    @cached_property
    def layers(self) -> Layers:
        """The tables in the units in which they are applied; not to be changed."""
        shapes = grid_of(FeatureSpec(frames=self.frames, n_fft=2 * (self.bins - 1))).shapes
        sizes = [rows * columns for rows, columns in shapes]
        tables = np.split(np.frombuffer(self.values, dtype=np.int8), np.cumsum(sizes)[:-1])
        steps = (STEP, STEP, NOISE_STEP)
        fine, coarse, noise = (
            t.reshape(shape).astype(np.float32) * np.float32(step)
            for t, shape, step in zip(tables, shapes, steps, strict=True)
        )
        return Layers(fine, coarse, noise)


@dataclass(frozen=True, eq=False)
class Blend:
    """A weighted sum of details of one geometry, not computed yet, so that nobody who plays waits for it."""

    details: tuple[Detail, ...]
    weights: tuple[float, ...]

    @classmethod
    def of(cls, detail: Detail) -> Blend:
        """A detail as it is."""
        return cls((detail,), (1.0,))

    @classmethod
    def joined(cls, parts: Iterable[tuple[Blend | None, float]], amount: float = 1.0) -> Blend | None:
        """The sum of blends by their weights, times `amount`; None where nothing is left of any."""
        pairs = [
            (detail, weight * share * amount)
            for blend, share in parts
            if blend is not None and share * amount
            for detail, weight in zip(blend.details, blend.weights, strict=True)
        ]
        return cls(*zip(*pairs, strict=True)) if pairs else None

    def resolved(self, spec: FeatureSpec) -> Detail:
        """The nearest detail; about 0.1 ms."""
        if self.weights == (1.0,):
            return self.details[0]
        return Detail.of(self.layers, spec)

    @property
    def layers(self) -> Layers:
        """The sum."""
        return mix(self.details, self.weights)


def mix(details: Sequence[Detail], weights: Sequence[float]) -> Layers:
    """Weighted sum of at least one detail; no table goes beyond what a detail can hold."""
    if len(details) == 1 and weights[0] == 1.0:
        return details[0].layers
    parts = [detail.layers for detail in details]
    most, noisiest = np.float32(MOST * STEP), np.float32(MOST * NOISE_STEP)
    return Layers(
        _sum([part.fine for part in parts], weights, most),
        _sum([part.coarse for part in parts], weights, most),
        _sum([part.noise for part in parts], weights, noisiest),
    )


def _sum(tables: Sequence[Float32], weights: Sequence[float], most: np.float32) -> Float32:
    made = np.zeros_like(tables[0])
    for table, weight in zip(tables, weights, strict=True):
        made += np.float32(weight) * table
    return np.clip(made, -most, most)
