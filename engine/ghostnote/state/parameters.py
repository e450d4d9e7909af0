"""Every parameter: what can be set, asked for, mapped to a knob and stored."""

from __future__ import annotations

from ghostnote.state.beatbox import BEATBOX_PARAMETERS
from ghostnote.state.table import AXES, NAMED_AXES, SLOTS, Parameter


def _number(
    path: str, default: float, low: float, high: float, unit: str, text: str, **more: object
) -> Parameter:
    return Parameter(path, "f", default, low, high, unit, text=text, **more)  # type: ignore[arg-type]


def _switch(path: str, text: str, default: int = 0) -> Parameter:
    return Parameter(path, "i", default, 0, 1, text=text)


def _word(path: str, choices: tuple[str, ...], text: str) -> Parameter:
    return Parameter(path, "s", choices[0], choices=choices, text=text)


GLOBAL_PARAMETERS = (
    _number(
        "master/gain", 0.0, -60.0, 6.0, "gain.db", "Level of everything; −60 is silence.", smoothing_s=0.02
    ),
    _switch("master/mute", "Silences the output, with a short ramp."),
    _switch("master/dim", "Turns the output down by 20 dB."),
    Parameter(
        "synth/mode",
        "s",
        "quality",
        choices=("quality", "low_latency"),
        text="Phase reconstruction of new notes.",
    ),
    Parameter(
        "osc/late",
        "s",
        "play",
        choices=("play", "drop"),
        text="Notes whose time tag has passed are played at once or dropped; anything else still acts.",
    ),
    Parameter("synth/voices", "i", 16, 1, 16, text="Notes that may sound at once; the oldest gives way."),
    Parameter(
        "seed", "i", 0, 0, 2**31 - 1, text="Seed of all chance; the same seed and log give the same samples."
    ),
    _number(
        "scene/fade",
        0.0,
        0.0,
        600.0,
        "",
        "How long recalls morph, in `scene/unit`; 0: at once.",
        curve="cube",
    ),
    _word("scene/unit", ("seconds", "beats"), "What fades of recalls are counted in."),
    _word("clock/source", ("internal", "midi"), "Whose beat counts; it never changes by itself."),
    _number("clock/tempo", 120.0, 20.0, 300.0, "time.bpm", "Beats a minute."),
    _switch("clock/running", "Whether the beat runs.", 1),
    _number("clock/quantum", 4.0, 1.0, 64.0, "beats", "Beats of a bar."),
    _word(
        "clock/quantise",
        ("off", "1/16", "1/8", "1/4", "1/2", "1/1"),
        "Grid on which notes and recalls begin; 1/4 is a beat, 1/1 a bar of `clock/quantum` beats.",
    ),
)

PART_PARAMETERS = (
    _number("part{part}/gain", 0.0, -60.0, 6.0, "gain.db", "Level of the part.", smoothing_s=0.01),
    _number("part{part}/pan", 0.0, -1.0, 1.0, "", "Place between left (−1) and right (1).", smoothing_s=0.01),
    _switch("part{part}/mute", "Silences the part, with a short ramp."),
    _switch("part{part}/solo", "Silences every part that has no solo; a mute still holds."),
    *(
        Parameter(
            "part{part}/weight/" + slot, "f", 0.0, -2.0, 2.0, text=f"How much of slot {slot} is in the part."
        )
        for slot in SLOTS
    ),
    _switch("part{part}/normalize", "Divides the weights by their sum, so that they mix instead of add.", 1),
    *(
        Parameter(
            "part{part}/axis/" + axis,
            "f",
            0.0,
            -4.0,
            4.0,
            text=f"Shift along axis {axis}, in spreads of the sounds learnt.",
        )
        for axis in (*AXES, *NAMED_AXES)
    ),
    _number(
        "part{part}/variance", 0.0, 0.0, 2.0, "", "How far each hit strays from the part's point, by chance."
    ),
    _number(
        "part{part}/detail",
        1.0,
        0.0,
        1.0,
        "",
        "How much of what was captured is heard beside the point: 1 the file's sound, 0 the point alone.",
    ),
    _number(
        "part{part}/glide",
        0.0,
        0.0,
        10.0,
        "time.second",
        "Time in which the part's continuous parameters reach a new value.",
        curve="cube",
    ),
    Parameter(
        "part{part}/model", "s", "", text="Model that the part plays, of those loaded; empty: the main one."
    ),
    Parameter(
        "part{part}/mode",
        "s",
        "oneshot",
        choices=("oneshot", "hold", "loop"),
        text="Whether a note plays out, ends with its release, or repeats until its release.",
    ),
    _switch("part{part}/pedal", "Sustain pedal: released notes sound on while it is down."),
    _number("part{part}/attack", 0.0, 0.0, 2.0, "time.second", "Fade-in of a note.", curve="cube"),
    _number("part{part}/decay", 0.2, 0.003, 4.0, "time.second", "Fall to the sustain level.", curve="cube"),
    _number("part{part}/sustain", 1.0, 0.0, 1.0, "", "Level of a note after attack and decay."),
    _number(
        "part{part}/release", 0.1, 0.003, 4.0, "time.second", "Fade-out of a released note.", curve="cube"
    ),
    _number(
        "part{part}/rate",
        1.0,
        0.0,
        4.0,
        "",
        "Speed of the playhead; pitch stays, 0 stands still.",
        curve="square",
        smoothing_s=0.01,
    ),
    _switch("part{part}/reverse", "The playhead runs backwards, new notes from the end of their stretch."),
    _number("part{part}/start", 0.0, 0.0, 1.0, "", "Where in the sound notes begin, in parts of the sound."),
    _number("part{part}/length", 2.0, 0.02, 2.0, "time.second", "How much of the sound is played or looped."),
    _number(
        "part{part}/loop_fade",
        0.05,
        0.0,
        0.5,
        "time.second",
        "Crossfade from the end of a loop to its beginning.",
    ),
    _switch(
        "part{part}/freeze",
        "The playhead of sounding notes stands; they drone, and the knobs still morph them.",
    ),
    _number(
        "part{part}/position",
        0.0,
        0.0,
        1.0,
        "",
        "Scrubs: puts the playhead of sounding notes there, in parts of the sound.",
        smoothing_s=0.02,
    ),
    _number(
        "part{part}/tilt",
        0.0,
        -12.0,
        12.0,
        "dB/octave",
        "Tilt of the spectrum around 1 kHz; it raises nothing by more than 12 dB.",
        smoothing_s=0.01,
    ),
    _number(
        "part{part}/formant",
        0.0,
        -12.0,
        12.0,
        "semitones",
        "Shift of the spectral envelope; pitch stays.",
        smoothing_s=0.01,
    ),
    _number(
        "part{part}/pitch",
        0.0,
        -24.0,
        24.0,
        "semitones",
        "Pitch; length stays. With notes and bend, from three octaves down to two up.",
    ),
    _number("part{part}/bend", 0.0, -1.0, 1.0, "", "Pitch wheel, in parts of the bend range."),
    _number("part{part}/bend_range", 2.0, 0.0, 24.0, "semitones", "Pitch that a full bend adds."),
    Parameter(
        "part{part}/choke",
        "i",
        0,
        0,
        8,
        text="Choke group: a hit ends other parts' notes of the same group; 0 = none.",
    ),
)

PARAMETERS = GLOBAL_PARAMETERS + BEATBOX_PARAMETERS + PART_PARAMETERS
