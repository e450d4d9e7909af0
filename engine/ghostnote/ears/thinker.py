"""What a sound is, from the part of it that was heard: the model's classifier and its latent space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode.model import Model
from ghostnote.ears.coordinates import Coordinates
from ghostnote.ears.sounds import UNKNOWN, Answer, Question
from ghostnote.errors import BundleError
from ghostnote.features.stft import magnitudes

Float32 = NDArray[np.float32]

UNKNOWN_LABEL = "unknown"


class Thinker:
    """Answers questions with a model. Thread: any, never that of the audio; some 2 ms each.

    Raises BundleError when the model has no classifier.
    """

    def __init__(self, model: Model, unknown: float = 0.4) -> None:
        if not model.has_classifier:
            raise BundleError(
                f"model {model.manifest.name} has no classifier, so that it cannot tell sounds apart;"
                " choose one that was trained with classes (ghostnote models lists them)"
            )
        self.model = model
        self.classes = model.manifest.classes
        self._unknown = unknown
        self._coordinates = Coordinates(model.manifest)
        self.axes = self._coordinates.names
        """Names of the coordinates that `locate` gives."""

    def answer(self, question: Question) -> Answer:
        """What the sound is taken for. Raises what `Model.classify` does."""
        probabilities = self.model.classify(heard_magnitudes(question, self.model))
        index = self.best(probabilities)
        return Answer(
            number=question.number,
            at=question.at,
            age_s=question.age_s,
            index=index,
            label=UNKNOWN_LABEL if index == UNKNOWN else self.classes[index],
            confidence=float(probabilities.max()),
            probabilities=probabilities,
            final=question.final,
        )

    def best(self, probabilities: Float32) -> int:
        """Index of the likeliest class, or `UNKNOWN` when it is not likely enough."""
        best = int(np.argmax(probabilities))
        return best if probabilities[best] >= self._unknown else UNKNOWN

    def locate(self, question: Question) -> Float32:
        """The sound's coordinates on `axes`, in units of the training sounds' spread; some 20 ms."""
        return self._coordinates.of(self.model.encode(heard_magnitudes(question, self.model)))


def heard_magnitudes(question: Question, model: Model) -> Float32:
    """Magnitudes [F, B] of the first `question.frames` frames of a sound; the rest is silence.

    That is what the classifier was trained on when it was taught beginnings. A sound that goes on is taken
    to do so as its mirror image does, so that 30 ms are more than the four frames that they hold.
    """
    spec, samples = model.spec, question.samples
    if not question.final:
        samples = np.concatenate([samples, samples[-2::-1]])
    out = np.zeros((spec.frames, spec.bins), dtype=np.float32)
    out[: question.frames] = magnitudes(samples, spec, question.frames)
    return out
