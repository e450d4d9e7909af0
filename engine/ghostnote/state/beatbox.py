"""Parameters of beatbox: what sounds at the input do to the parts."""

from __future__ import annotations

from ghostnote.state.table import PARTS, Parameter

CLASSES = 16
"""So many classes can be given a part by hand."""
MODES = ("off", "play", "learn", "both")

BEATBOX_PARAMETERS = (
    Parameter(
        "beatbox/mode",
        "s",
        MODES[0],
        choices=MODES,
        text="What a sound at the input does to the part of its class: play it at once, be learnt by it when "
        "it is over, or both.",
    ),
    Parameter(
        "beatbox/confidence",
        "f",
        0.4,
        0.0,
        1.0,
        text="How sure a part must be; at less, a better answer is waited for.",
    ),
    Parameter(
        "beatbox/hold",
        "f",
        0.05,
        0.0,
        1.0,
        "time.second",
        text="Least time from one sound that plays to the next.",
    ),
    Parameter(
        "beatbox/guard",
        "f",
        0.05,
        0.0,
        0.5,
        "time.second",
        text="What begins so soon after a hit of the engine is heard is taken for that hit, picked up by the "
        "microphone, and does nothing; 0 (for headphones): never.",
    ),
    Parameter(
        "beatbox/level", "f", -12.0, -60.0, 0.0, "gain.db", text="Peak at the input that makes a full hit."
    ),
    Parameter(
        "beatbox/dynamics",
        "f",
        1.0,
        0.0,
        1.0,
        text="How much of the input's dynamics hits have: 0 makes all of them full.",
    ),
    Parameter(
        "beatbox/spread",
        "f",
        0.2,
        0.0,
        2.0,
        text="Variance that a part without any gets as it learns, so that each hit is another neighbour of "
        "what was heard.",
    ),
    Parameter(
        "beatbox/detail",
        "i",
        0,
        0,
        1,
        text="What is learnt keeps its detail and sounds as it was heard; 0: as the model's own sound there.",
    ),
    *(
        Parameter(
            f"beatbox/class{n}",
            "i",
            -1,
            -1,
            PARTS[-1],
            text=f"Part of the listening model's class {n}; 0: none, −1: as usual (`beatbox/map` tells).",
        )
        for n in range(1, CLASSES + 1)
    ),
)
