"""Beatbox without a clock: what its rules make of sounds and ambiences that go through the listener."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench.ears_accuracy import Known
from ghostnote.ears.beatbox import Judge, Rules, Sighting, likeliest
from ghostnote.ears.listener import MILESTONES_S, Listener
from ghostnote.ears.sounds import Answer, Began, Question
from ghostnote.ears.thinker import Thinker

Float32 = NDArray[np.float32]

CONFIDENCES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
HOLD_S = 0.05
_BLOCK = 128
_BEFORE_S, _AFTER_S = 0.6, (0.3, 0.6)
_BED_DB = -70.0
_LEVEL = 0.5
_NEAR_S = 0.05


@dataclass
class Heard:
    """What the listener said of a stream: when sounds began (samples, by number), and all answers."""

    began: dict[int, int] = field(default_factory=dict)
    answers: list[tuple[Question, Answer]] = field(default_factory=list)


def hear(samples: Float32, thinker: Thinker) -> Heard:
    """Answers to a stream (n,) at the model's rate, as ears would give them."""
    listener, found = Listener(thinker.model.spec), Heard()
    for at in range(0, len(samples), _BLOCK):
        for event in listener.process(samples[at : at + _BLOCK]):
            if isinstance(event, Began):
                found.began[event.number] = event.at
            else:
                found.answers.append((event, thinker.answer(event)))
    return found


def outcomes(
    heard: Heard, parts: Sequence[int], confidence: float, rate: int
) -> tuple[dict[int, tuple[int, float]], dict[int, int]]:
    """By number of a sound: the part that it played and the answer's age, and the part that learnt it."""
    judge, rules = Judge(), Rules(confidence, HOLD_S, 0.0)
    played: dict[int, tuple[int, float]] = {}
    learnt: dict[int, int] = {}
    for question, answer in heard.answers:
        part, sure = likeliest(answer.probabilities, parts)
        at = question.at / rate
        seen = Sighting(at, question.age_s, at, 1.0, question.final, answer.probabilities)
        if judge.judge(seen, sure, rules) == "play":
            played[question.number] = part, question.age_s
        if question.final and sure >= confidence:
            learnt[question.number] = part
    return played, learnt


def shares(
    stock: Sequence[Known], thinker: Thinker, parts: Sequence[int], seed: int
) -> list[dict[str, object]]:
    """A row for each confidence: shares of the sounds, equally loud, one after the other over faint noise."""
    rng, rate = np.random.default_rng(seed), thinker.model.spec.sample_rate
    pieces: list[Float32] = []
    starts, at = [], 0
    for known in stock:
        before, after = round(_BEFORE_S * rate), round(float(rng.uniform(*_AFTER_S)) * rate)
        sound = known.samples * np.float32(_LEVEL / max(1e-6, float(np.abs(known.samples).max())))
        starts.append(at + before)
        pieces.append(np.pad(sound, (before, after)))
        at += len(pieces[-1])
    stream = np.concatenate(pieces)
    stream = stream + (10.0 ** (_BED_DB / 20.0) * rng.standard_normal(len(stream))).astype(np.float32)
    heard = hear(stream, thinker)
    numbers = [_nearest(heard, start, _NEAR_S * rate) for start in starts]
    rows: list[dict[str, object]] = []
    for confidence in CONFIDENCES:
        played, learnt = outcomes(heard, parts, confidence, rate)
        mine = [played.get(number, (0, 0.0)) for number in numbers]
        kept = [learnt.get(number, 0) for number in numbers]
        wanted = [parts[known.index] for known in stock]
        first = [part and age <= MILESTONES_S[0] + 1e-3 for part, age in mine]
        right = [part == want for (part, _), want in zip(mine, wanted, strict=True)]
        rows.append(
            {
                "confidence": confidence,
                "right part after 30 ms": _mean([a and b for a, b in zip(first, right, strict=True)]),
                "any after 30 ms": _mean(first),
                "right part": _mean(right),
                "none": _mean([part == 0 for part, _ in mine]),
                "learnt by the right part": _mean([a == b for a, b in zip(kept, wanted, strict=True)]),
                "by a wrong one": _mean([a not in (0, b) for a, b in zip(kept, wanted, strict=True)]),
            }
        )
    return rows


def false_hits(bed: Float32, thinker: Thinker, parts: Sequence[int], confidence: float) -> tuple[int, int]:
    """Hits and onsets in a bed (n,) at the model's rate, in which nobody plays."""
    heard = hear(bed, thinker)
    return len(outcomes(heard, parts, confidence, thinker.model.spec.sample_rate)[0]), len(heard.began)


def _nearest(heard: Heard, start: int, within: float) -> int:
    """The number of the sound that began nearest to a sample; 0 for none within so many samples."""
    best = min(heard.began, key=lambda number: abs(heard.began[number] - start), default=0)
    return best if best and abs(heard.began[best] - start) <= within else 0


def _mean(given: Sequence[object]) -> float:
    return float(np.mean([bool(x) for x in given])) if given else float("nan")
