"""The Python tool, with the names and arguments of SampleVAE's `SoundSampleTool`, on a ghostnote model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.core.control_log import ControlLog, LogEntry
from ghostnote.core.render import RenderOptions, embed, render
from ghostnote.core.space import likely_point
from ghostnote.decode.model import load
from ghostnote.errors import UsageError
from ghostnote.features import audio_file, sound_writer
from ghostnote.features.stft import magnitudes
from ghostnote.latent.mixer import mix
from ghostnote.state.registry import check, resolve
from ghostnote.state.table import ROOT, Value
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]
PathLike = str | os.PathLike[str]


class SoundSampleTool:
    """Generates, mixes and classifies sounds with a model given by name or folder.

    Raises BundleError when the model cannot be used.
    """

    def __init__(self, model: PathLike) -> None:
        self._model = load(model)

    @property
    def class_names(self) -> list[str]:
        """The model's classes, in the order of the probabilities; empty for a model without a classifier."""
        return list(self._model.manifest.classes)

    def generate(
        self,
        out_file: PathLike,
        audio_files: Sequence[PathLike] = (),
        weights: Sequence[float] = (),
        normalize_weights: bool = True,
        variance: float = 0.0,
        *,
        seed: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> Float32:
        """Write a sound and return its samples, shape (n, 2), at the model's rate.

        Without `audio_files` it is a random draw; with them, their latent points mixed by `weights` (all 1
        when left out; may be negative; divided by their sum unless `normalize_weights` is False). `variance`
        moves the point by that much noise. `seed` or `rng` make chance repeatable. The suffix is the format.
        Raises UsageError, AudioFileError.
        """
        if not np.isfinite(variance):
            raise UsageError(f"variance {variance}: a finite number is needed")
        if seed is not None and seed < 0:
            raise UsageError(f"seed {seed}: a whole number from 0 on is needed")
        rng = rng if rng is not None else np.random.default_rng(seed)
        z = self._point(audio_files, weights, normalize_weights, rng)
        if variance:
            z = z + np.float32(variance) * rng.standard_normal(len(z), dtype=np.float32)
        samples = self.render_point(z)
        sound_writer.write(out_file, samples, self._model.spec.sample_rate)
        return samples

    def predict(self, input_audio: PathLike, offset: float = 0.0) -> tuple[Float32, str]:
        """Class probabilities, shape (C,), and the likeliest class of a sound file from `offset` seconds on.

        Raises AudioFileError; BundleError when the model has no classifier.
        """
        sound = audio_file.load(input_audio, self._model.spec, offset_s=offset)
        probabilities = self._model.classify(magnitudes(sound, self._model.spec))
        return probabilities, self.class_names[int(np.argmax(probabilities))]

    def render_point(self, z: Float32) -> Float32:
        """Samples of a latent point as the instrument plays it, shape (n, 2), at the model's rate.

        Raises UsageError for a point that the model gives no sound for.
        """
        log = ControlLog(
            [
                _entry("/slot/a/z", *(float(x) for x in z)),
                *(_entry(f"/part1/weight/{slot}", float(slot == "a")) for slot in "abcdefgh"),
                _entry("/part1/hit", 1.0),
            ]
        )
        telemetry = Telemetry()
        samples = np.concatenate(
            list(render(self._model, log, RenderOptions(seconds=self._model.spec.duration_s), telemetry))
        )
        for report in telemetry.take_reports():
            raise UsageError(f"this point of the model has no sound: {report.text}")
        return samples

    def _point(
        self,
        audio_files: Sequence[PathLike],
        weights: Sequence[float],
        normalize: bool,
        rng: np.random.Generator,
    ) -> Float32:
        if not audio_files:
            if len(weights):
                raise UsageError("weights are for sound files, and none was given")
            epsilon = rng.standard_normal(self._model.manifest.latent_size, dtype=np.float32)
            return likely_point(self._model.manifest, epsilon)
        given = [float(w) for w in weights] or [1.0] * len(audio_files)
        if len(given) != len(audio_files):
            raise UsageError(f"{len(audio_files)} files need as many weights, got {len(given)}")
        if not np.isfinite(given).all():
            raise UsageError(f"weights must be numbers, got {given}")
        points = np.stack([embed(str(Path(path)), self._model) for path in audio_files])
        return mix(points, np.asarray(given, dtype=np.float32), normalize)


def _entry(path: str, *args: Value) -> LogEntry:
    target = resolve(ROOT + path)
    assert target is not None
    return LogEntry(0.0, target, check(target, args)[0])
