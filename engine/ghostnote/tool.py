"""The Python tool, with the names and arguments of SampleVAE's `SoundSampleTool`, on a ghostnote model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ghostnote.core.render import capture, point_sound
from ghostnote.core.space import likely_point
from ghostnote.decode.model import Model, load
from ghostnote.errors import UsageError
from ghostnote.features import audio_file, sound_writer
from ghostnote.features.detail import Blend, Detail
from ghostnote.features.stft import magnitudes
from ghostnote.latent.mixer import mix, shares
from ghostnote.telemetry import Telemetry

if TYPE_CHECKING:
    from ghostnote.library.search import Library

Float32 = NDArray[np.float32]
PathLike = str | os.PathLike[str]


class SoundSampleTool:
    """Generates, mixes, classifies and finds sounds with a model given by name or folder.

    `library_dir`: a folder of sounds that `find_similar` searches; it is brought into a library of its own
    at once, where only what is new or changed is computed. `library_segmentation`: cut its recordings into
    their sounds. Raises BundleError when the model cannot be used, LibraryError when the folder cannot.
    """

    def __init__(
        self, model: PathLike, library_dir: PathLike | None = None, library_segmentation: bool = False
    ) -> None:
        self._model = load(model)
        self._library: Library | None = None
        if library_dir is not None:
            self._library = _indexed(self._model, Path(library_dir), library_segmentation)

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
        detail: float = 1.0,
        seed: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> Float32:
        """Write a sound and return its samples, shape (n, 2), at the model's rate.

        Without `audio_files` it is a random draw; with them, their latent points mixed by `weights` (all 1
        when left out; may be negative; divided by their sum unless `normalize_weights` is False). `variance`
        moves the point by that much noise. `detail`, 0 to 1: how much is heard of what the files have and
        their points have not. `seed` or `rng` make chance repeatable. The suffix is the format.
        Raises UsageError, AudioFileError.
        """
        if not np.isfinite(variance):
            raise UsageError(f"variance {variance}: a finite number is needed")
        if not 0.0 <= detail <= 1.0:
            raise UsageError(f"detail {detail}: a number from 0 to 1 is needed")
        if seed is not None and seed < 0:
            raise UsageError(f"seed {seed}: a whole number from 0 on is needed")
        rng = rng if rng is not None else np.random.default_rng(seed)
        z, captured = self._point(audio_files, weights, normalize_weights, rng)
        if variance:
            z = z + np.float32(variance) * rng.standard_normal(len(z), dtype=np.float32)
        samples = self.render_point(z, captured, detail)
        sound_writer.write(out_file, samples, self._model.spec.sample_rate)
        return samples

    def predict(self, input_audio: PathLike, offset: float = 0.0) -> tuple[Float32, str]:
        """Class probabilities, shape (C,), and the likeliest class of a sound file from `offset` seconds on.

        Raises AudioFileError; BundleError when the model has no classifier.
        """
        sound = audio_file.load(input_audio, self._model.spec, offset_s=offset)
        probabilities = self._model.classify(magnitudes(sound, self._model.spec))
        return probabilities, self.class_names[int(np.argmax(probabilities))]

    def find_similar(
        self,
        target_file: PathLike | Float32,
        num_similar: int = 10,
        *,
        within: str | Sequence[str] = (),
        weights: str = "",
        itself: bool = False,
    ) -> tuple[list[str], list[float], list[float]]:
        """Files of the library that sound like `target_file`, where in them the sounds begin (s), and how far
        off they are; nearest first.

        In place of a file it takes a latent point, shape (D,), such as `point_of` gives. `within` and
        `weights` as `ghostnote similar` takes them; the target and exact copies of it are left out unless
        `itself`. Raises UsageError without a library, AudioFileError.
        """
        if self._library is None:
            raise UsageError("there is no library: give the tool a library_dir")
        from ghostnote.library.aspects import parse_weights
        from ghostnote.library.filters import parse_filter
        from ghostnote.library.search import query_of

        counted = parse_weights(weights)
        if isinstance(target_file, np.ndarray):
            from ghostnote.host.asked_point import query_of_point

            query = query_of_point(target_file.astype(np.float32), self._model, counted)
        else:
            query = query_of(target_file, self._model)
        found = self._library.find(query, num_similar, parse_filter(within), counted, itself=itself)
        return [n.file for n in found], [n.onset_s for n in found], [n.distance for n in found]

    def point_of(self, name: str) -> Float32:
        """The latent point, shape (D,), of a slot ("a" to "h") or a part ("part3") of the instrument.

        It is that of the one that plays, as it was at most two seconds ago, or of the one that played last.

        Raises UsageError for another name or another model, MessageError for an empty slot.
        """
        from ghostnote.host import last_played

        asked = last_played.question(name) if last_played.is_name(name) else {}
        if "point" not in asked:
            raise UsageError(f"{name!r} is no slot (a to h) and no part (part1 to part8)")
        if asked["digest"] != self._model.manifest.digest:
            raise UsageError(f"{name} is played by another model ({asked['model']}): give the tool that one")
        return np.array(asked["point"], dtype=np.float32)

    def render_point(self, z: Float32, detail: Detail | None = None, amount: float = 1.0) -> Float32:
        """Samples of a latent point as the instrument plays it, shape (n, 2), at the model's rate.

        `detail`: what it has beside the point, of which `amount` (0 to 1) is heard.

        Raises UsageError for a point that the model gives no sound for.
        """
        telemetry = Telemetry()
        samples = point_sound(self._model, z, detail, amount, telemetry)
        for report in telemetry.take_reports():
            raise UsageError(f"this point of the model has no sound: {report.text}")
        return samples

    def _point(
        self,
        audio_files: Sequence[PathLike],
        weights: Sequence[float],
        normalize: bool,
        rng: np.random.Generator,
    ) -> tuple[Float32, Detail | None]:
        if not audio_files:
            if len(weights):
                raise UsageError("weights are for sound files, and none was given")
            epsilon = rng.standard_normal(self._model.manifest.latent_size + 1, dtype=np.float32)
            return likely_point(self._model.manifest, epsilon), None
        given = [float(w) for w in weights] or [1.0] * len(audio_files)
        if len(given) != len(audio_files):
            raise UsageError(f"{len(audio_files)} files need as many weights, got {len(given)}")
        if not np.isfinite(given).all():
            raise UsageError(f"weights must be numbers, got {given}")
        captured = [capture(str(Path(path)), self._model) for path in audio_files]
        weighed = np.asarray(given, dtype=np.float32)
        parts = zip(
            (Blend.of(detail) for _, detail in captured), shares(weighed, normalize).tolist(), strict=True
        )
        blend = Blend.joined(parts)
        z = mix(np.stack([point for point, _ in captured]), weighed, normalize)
        return z, None if blend is None else blend.resolved(self._model.spec)


def _indexed(model: Model, folder: Path, segmented: bool) -> Library:
    """The library of a folder, brought up to date."""
    from ghostnote.library.indexing import IndexOptions, index
    from ghostnote.library.search import open_library

    top = os.fsencode(os.path.abspath(folder))
    name = f"folder-{hashlib.blake2b(top, digest_size=8).hexdigest()}{'-cut' if segmented else ''}"
    index([folder], name, IndexOptions(str(model.folder), segmented))
    return open_library(name, model.manifest)
