"""What is seen of a training: pictures of characters, lines of a live display, plain lines."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import picture, show
from ghostnote_training.train import Moment

SPEC = FeatureSpec()


def sound(bin_=100):
    log = np.zeros((SPEC.frames, SPEC.bins), np.float32)
    log[:60, bin_] = np.linspace(0.9, 0.4, 60)
    return log


def moment(step=200, pictured=True, history=((100, 4.0, 4.5), (200, 3.0, 3.7))):
    seen = {"name": "kick.wav", "original": sound(), "regenerated": sound(300)} if pictured else {}
    return Moment(step, 0.4, 130.0, 200.0, 64.0, {"loss": 9.5, "l1_db": 3.1}, 42.0, False, history, **seen)


def text_of(renderable, columns, lines):
    console = Console(
        width=columns, height=lines, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def plain_text(renderable, columns=100, lines=30):
    console = Console(width=columns, height=lines, file=io.StringIO())
    with console.capture() as captured:
        console.print(renderable)
    return captured.get().rstrip("\n").split("\n")


def test_a_line_of_the_spectrum_is_a_line_of_the_picture():
    low = picture.spectrogram(sound(20), SPEC, 40, 32, 60)
    high = picture.spectrogram(sound(300), SPEC, 40, 32, 60)
    assert low.shape == (32, 40)
    row = [int(image.sum(axis=1).argmax()) for image in (low, high)]
    assert row[0] > row[1], "low frequencies are at the bottom"
    assert low[row[0], 0] == pytest.approx(1.0, abs=0.05)
    assert low[row[0], 0] > low[row[0], -1] > 0.0


def test_silence_at_the_end_is_not_shown():
    assert 60 <= picture.sounding_frames(sound(), SPEC) <= 66
    assert picture.sounding_frames(np.zeros_like(sound()), SPEC) == 48


def test_colours_get_lighter():
    light = picture.colours(np.linspace(0, 1, 20, dtype=np.float32)) @ np.array([0.3, 0.6, 0.1])
    assert (np.diff(light) > 0).all()


def test_two_pixels_share_a_character():
    image = np.float32([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [0.0, 0.0]])
    lines = picture.half_blocks(image)
    assert [line.plain for line in lines] == ["▀▀", "▀▀"]
    assert "48;2;252;244;186" in text_of(lines[0], 10, 5)


def test_a_curve_falls_from_left_to_right():
    lines = [line.plain for line in picture.curve([([4.0, 3.0, 2.0, 1.0], "")], 30, 4)]
    assert [len(line) for line in lines] == [30, 25, 25, 30]
    first = [min(k for k, ch in enumerate(line) if ch not in "\u2800 ") for line in lines]
    assert first == sorted(first)
    assert first[0] == 0
    assert lines[0].endswith("4.00")
    assert lines[-1].endswith("1.00")


@pytest.mark.parametrize("values", [[], [float("nan")], [3.0], [2.0, 2.0], [float("nan"), 1.0, 5.0]])
def test_any_curve_can_be_drawn(values):
    assert len(picture.curve([(values, "red")], 20, 3)) == 3


@pytest.mark.parametrize(("columns", "lines"), [(20, 5), (60, 14), (80, 24), (100, 30), (200, 60)])
def test_the_live_display_fits_its_terminal(columns, lines):
    console = Console(width=columns, height=lines, file=io.StringIO(), force_terminal=True)
    live = show.LiveShow(console)
    live.stage("Learning the sounds")
    live.moment(moment())
    shown = plain_text(live.frame(columns, lines), columns, lines)
    live.close()
    assert len(shown) < lines
    assert all(len(line) <= columns for line in shown)
    if columns >= 80:
        text = "\n".join(shown)
        assert "step 200" in text
        assert "3.70 held out" in text
        assert "original: kick.wav" in text
        assert "▀" in text
        assert "40 %" in text


def test_names_in_wide_characters_keep_their_columns():
    console = Console(width=80, height=24, file=io.StringIO(), force_terminal=True)
    live = show.LiveShow(console)
    live.moment(replace(moment(), name="双子の太鼓 высокий.wav"))
    shown = plain_text(live.frame(80, 24), 80, 24)
    live.close()
    head = next(line for line in shown if "双子の太鼓" in line)
    assert cell_len(head[: head.index("regenerated")]) == 41
    assert cell_len(show._cut("双" * 30, 20)) <= 20


class Gone(io.StringIO):
    """A terminal that was closed."""

    def write(self, text):
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("lively", [False, True])
def test_a_terminal_that_was_closed_stops_nothing(lively):
    out = Gone()
    seen = show.LiveShow(Console(file=out, force_terminal=True)) if lively else show.PlainShow(out)
    seen.stage("Learning the sounds")
    seen.say("a line")
    seen.advance(1, 2)
    seen.moment(moment())
    seen.close()


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("ascii", "Learning ...\n\\u53cc.wav\n"), ("utf-8", "Learning …\n双.wav\n")],
)
def test_where_not_all_characters_can_be_written(monkeypatch, encoding, told):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace")
    monkeypatch.setattr("sys.stderr", out)
    monkeypatch.setattr(Console, "is_terminal", True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with show.shown(plain=encoding == "utf-8") as seen:
        assert isinstance(seen, show.PlainShow)
        seen.stage("Learning")
        seen.say("双.wav")
    assert raw.getvalue().decode(encoding) == told


def test_plain_lines_are_few_and_hold_the_losses():
    out = io.StringIO()
    plain = show.PlainShow(out)
    plain.stage("Learning the sounds")
    for step in range(5, 205, 5):
        history = [(100, 4.0, 4.5)] if step >= 100 else []
        plain.moment(moment(step, False, history))
    plain.advance(1, 10)
    lines = out.getvalue().splitlines()
    assert lines[0] == "Learning the sounds …"
    assert len(lines) == 2
    assert "64 sounds/s" in lines[1]
    assert "3:20 left" in lines[1]
    assert "4.50 held out (best 4.50 at step 100)" in lines[1]
    assert "\x1b" not in out.getvalue()


def test_what_is_no_terminal_gets_plain_lines(capsys):
    with show.shown() as seen:
        seen.say("a line with [brackets]")
    assert isinstance(seen, show.PlainShow)
    assert capsys.readouterr().err == "a line with [brackets]\n"


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0:00"), (59.6, "1:00"), (725, "12:05"), (11050, "3:04:10")]
)
def test_clock(seconds, told):
    assert show.clock(seconds) == told
