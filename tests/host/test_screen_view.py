"""The screen as text: what it shows at two sizes, and that any size is filled exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from ghostnote.host.screen_shown import Last, Level, Note, Shown
from ghostnote.host.screen_view import lines

GOLDEN = Path(__file__).parent / "golden"

NAMES = ("kick", "snare", "hihat_closed", "hihat_open", "tom_low", "tom_high", "clap", "door slam.wav")
WEIGHTS = (
    {"a": 1.0},
    {"b": 0.6, "c": 0.4},
    {"c": 1.0},
    {"d": 1.0, "a": -0.25},
    {"e": 1.0},
    {},
    {"g": 0.5, "h": 0.25},
    {"h": 2.0},
)
PARTS = [
    {
        "db": -10.0,
        "voices": (2, 1, 0, 4, 0, 0, 1, 0)[k],
        "mute": int(k == 2),
        "solo": int(k == 3),
        "weights": weights,
    }
    for k, weights in enumerate(WEIGHTS)
]
SHOWN = Shown(
    model="drums",
    device="A card: its output (ALSA)",
    rate=48000,
    block=64,
    latency_ms=4.14,
    osc="127.0.0.1:9770",
    midi=("nanoKONTROL2", "LPK25"),
    view={
        "parts": PARTS,
        "slots": dict(zip("abcdefgh", NAMES, strict=True)),
        "values": {
            "master/gain": -3.0,
            "master/dim": 1,
            "master/mute": 0,
            "synth/mode": "quality",
            "clock/tempo": 120.0,
            "clock/source": "internal",
            "clock/running": 1,
            "clock/quantum": 4.0,
            "clock/quantise": "1/4",
        },
        "out": [-6.2, 1.4],
        "scenes": ["intro", "verse", "drop", "太鼓", "a name that is far too long"],
        "scene": ["verse", 0.25],
        "beat": 13.7,
    },
    last=Last("/gn/part1/axis/d1", "0.75", "cc 20 of nanoKONTROL2"),
    levels=tuple(
        Level(*both)
        for both in (
            (-6.3, -2.0),
            (-14.0, -10.0),
            (-90.0, -90.0),
            (-1.5, -1.5),
            (-30.0, -22.0),
            (-90.0, -40.0),
            (-20.2, -9.0),
            (-48.0, -48.0),
        )
    ),
    counters={"shortfalls": 2.0, "decode_late": 0.0},
    load=0.34,
    peak_load=0.61,
    seconds=754.3,
    recording="take-3.wav",
    recording_s=83.2,
    notes=(
        Note("20:14:03", "recording into sets/take-3.wav"),
        Note("20:15:44", "MIDI input LPK25 went away: its notes are released; waiting for it", True),
        Note("20:16:02", "the audio device went away; playing on without it, opening it again", True),
        Note("20:16:03", "the audio device is back", True),
    ),
)


def text(rows: list[Text]) -> str:
    return "".join(f"{row.plain.rstrip()}\n" for row in rows)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 34), (40, 12)])
def test_it_looks_as_it_should(width, height):
    path = GOLDEN / f"screen_{width}.txt"
    actual = text(lines(SHOWN, width, height))
    if not path.exists() or path.read_text(encoding="utf-8") != actual:
        path.with_suffix(".actual.txt").write_text(actual, encoding="utf-8")
    assert actual == path.read_text(encoding="utf-8"), "look at the .actual.txt beside it"


@settings(max_examples=60)
@given(
    st.integers(0, 220),
    st.integers(0, 70),
    st.booleans(),
    st.sampled_from(["", "m", "o", "q", "s"]),
    st.booleans(),
)
def test_any_size_is_filled_exactly(width, height, has_help, pending, known):
    shown = replace(SHOWN if known else Shown(), help=has_help, pending=pending)
    rows = lines(shown, width, height)
    assert len(rows) == max(1, height)
    assert {row.cell_len for row in rows} == {max(1, width)}


def test_wide_characters_keep_their_columns():
    slots = {**SHOWN.view["slots"], "a": "太鼓 太鼓 太鼓 太鼓 太鼓 太鼓"}
    rows = lines(replace(SHOWN, model="太鼓", view={**SHOWN.view, "slots": slots}), 61, 20)
    assert {row.cell_len for row in rows} == {61}


def test_what_matters_is_in_sight():
    other = {**PARTS[0], "model": "808", "slots": {"a": "cowbell"}}
    shown = text(lines(SHOWN, 80, 24))
    for part in (
        "REC take-3.wav 0:01:23",
        "0:12:34",
        "34 %",
        "dropouts 2",
        "DIM",
        "axis/d1",
        "9770",
        "LPK25",
        "verse",
        "120.0 bpm",
    ):
        assert part in shown
    assert "STALLED" in text(lines(replace(SHOWN, state="stalled"), 80, 24))
    assert "808" in text(lines(replace(SHOWN, view={**SHOWN.view, "parts": [other, *PARTS[1:]]}), 80, 24))
    assert "which part" in text(lines(replace(SHOWN, pending="m"), 80, 24))
    assert "panic: silence at once" in text(lines(replace(SHOWN, help=True), 80, 24))
    assert "qq" not in text(lines(replace(SHOWN, keys=False), 80, 24))


def test_a_louder_part_has_a_longer_bar():
    def bar(db: float) -> int:
        levels = (Level(db, db), *SHOWN.levels[1:])
        return lines(replace(SHOWN, levels=levels), 80, 24)[2].plain.count("▆")

    lengths = [bar(db) for db in range(-60, 7)]
    assert lengths == sorted(lengths)
    assert lengths[0] == 0
    assert lengths[-1] == lengths[60] == 26


def test_long_messages_are_wrapped_and_the_newest_is_there():
    notes = tuple(Note("20:00:00", f"message {k} " + "word " * 30) for k in range(9))
    shown = lines(replace(SHOWN, notes=notes), 80, 24)
    assert "message 8" in text(shown)
    assert "message 0" not in text(shown)


def styles(row: Text, part: str) -> set[str]:
    """The styles in which a part of a line is written."""
    at = row.plain.index(part)
    return {str(span.style) for span in row.spans if span.start <= at < span.end}


def test_a_part_that_is_not_to_be_heard_is_dim():
    rows = lines(SHOWN, 80, 24)
    assert "dim" in styles(rows[2], "kick"), "another part is solo"
    assert "dim" not in styles(rows[5], "hihat_open"), "that part"
    assert "dim" in styles(rows[4], "hihat_closed"), "mute"
    nobody = [{**part, "solo": 0} for part in PARTS]
    assert "dim" not in styles(lines(replace(SHOWN, view={**SHOWN.view, "parts": nobody}), 80, 24)[2], "kick")


def test_the_scenes_that_digits_recall_are_named():
    asked = text(lines(replace(SHOWN, pending="s"), 80, 24)).splitlines()[-1]
    assert asked.startswith(" scene: 1 intro  2 verse  3 drop")
    nothing = replace(SHOWN, pending="s", view={**SHOWN.view, "scenes": []})
    assert "scene: none yet" in text(lines(nothing, 80, 24))
    assert "3 drop" in text(lines(SHOWN, 140, 34)), "always, where there is room"


@pytest.mark.parametrize(
    ("beat", "quantum", "running", "said"),
    [
        (0.0, 4.0, 1, "● ○ ○ ○  bar 1 "),
        (13.7, 4.0, 1, "○ ● ○ ○  bar 4 "),
        (13.7, 3.0, 0, "○ ● ○  bar 5 "),
        (13.7, 16.0, 1, "14/16  bar 1 "),
    ],
)
def test_the_beat_is_where_the_music_is(beat, quantum, running, said):
    values = {**SHOWN.view["values"], "clock/quantum": quantum, "clock/running": running}
    shown = text(lines(replace(SHOWN, view={**SHOWN.view, "values": values, "beat": beat}), 80, 24))
    assert said in shown
    assert ("STOPPED" in shown) == (not running)


def test_the_output_shows_its_level_and_the_limiter():
    def out(*levels: float) -> str:
        rows = text(lines(replace(SHOWN, view={**SHOWN.view, "out": levels}), 80, 24)).splitlines()
        return next(row for row in rows if row.startswith(" out"))

    assert "−6 dB  limiter −1.4" in out(-6.2, 1.4)
    assert "limiter" not in out(-6.2, 0.0)
    assert "▆" not in out(-90.0, 0.0)
    assert "·" not in out(0.0, 0.0)
