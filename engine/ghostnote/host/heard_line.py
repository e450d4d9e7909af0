"""A sound that is over, as a line for people or as JSON."""

from __future__ import annotations

from typing import Any

from ghostnote.host.hearing import Heard


def as_dict(heard: Heard, classes: tuple[str, ...]) -> dict[str, Any]:
    """Number, beginning in s, class, answers by age, and the probabilities of the last one."""
    last = heard.answers[-1]
    answers = [
        {"age_s": round(a.age_s, 4), "class": a.label, "confidence": round(a.confidence, 4)}
        for a in heard.answers
    ]
    return {
        "number": heard.number,
        "at_s": round(heard.at_s, 4),
        "class": last.label,
        "confidence": round(last.confidence, 4),
        "answers": answers,
        "probabilities": {c: round(float(p), 4) for c, p in zip(classes, last.probabilities, strict=True)},
    }


def as_text(sound: dict[str, Any]) -> str:
    """One line for people of what `as_dict` gives."""
    said = f"{sound['at_s']:9.3f} s  {sound['class']} ({sound['confidence']:.0%})"
    first = sound["answers"][0]
    if first["class"] != sound["class"]:
        said += f", after {1000.0 * first['age_s']:.0f} ms {first['class']} ({first['confidence']:.0%})"
    return said
