"""The facts of a screen, a line each: first what the music needs, then what the machine does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from ghostnote.host.screen_shown import (
    BAD,
    DIM,
    GOOD,
    HEAD,
    HOT_DB,
    LOUD_DB,
    LOW_DB,
    NAME,
    WARN,
    Shown,
    bar,
    decibels,
    fit,
)
from ghostnote.state.table import ROOT, SLOTS

_CELLS = 10
MOST_DOTS = 8
"""Beats of a bar up to which each is a dot."""
_LIMITING_DB = 0.1


def facts(shown: Shown) -> list[Text]:
    """Where the music is, how loud it is, what was touched, and how the machine does."""
    values = shown.view.get("values", {})
    return [
        _fact("scene", _scene(shown)),
        _fact("beat", _beat(values, float(shown.view.get("beat", 0.0)))),
        _fact("out", _out(shown, values)),
        _fact("last", _last(shown)),
        _fact("load", _load(shown)),
        _fact("lost", _lost(shown)),
        _fact("sound", _where(shown)),
        _fact("ports", _ports(shown)),
    ]


def slots(shown: Shown, width: int) -> list[Text]:
    """What is in the main model's slots, in two columns."""
    held = shown.view.get("slots", {})
    cells = [
        Text.assemble((f" {slot} ", DIM), (held[slot], NAME) if slot in held else ("empty", DIM))
        for slot in SLOTS
    ]
    half = len(cells) // 2
    column = (width - 1) // 2
    return [Text.assemble(fit(a, column), fit(b, column)) for a, b in zip(cells, cells[half:], strict=False)]


def scenes(shown: Shown, width: int) -> list[Text]:
    """The scenes that have keys, in three columns; nothing while there are none."""
    column = (width - 1) // 3
    cells = [fit(cell, column) for cell in _scene_keys(shown)]
    return [Text.assemble(*cells[k : k + 3]) for k in range(0, len(cells), 3)]


def scenes_in_line(shown: Shown) -> Text:
    """The same in one line."""
    return Text.assemble(*_scene_keys(shown)) if shown.view.get("scenes") else Text(" none yet", DIM)


def _scene_keys(shown: Shown) -> list[Text]:
    current = shown.view.get("scene", ("", 0.0))[0]
    return [
        Text.assemble((f" {k} ", HEAD), (name, "bold cyan" if name == current else NAME), " ")
        for k, name in enumerate(shown.view.get("scenes", ()), start=1)
    ]


def _fact(name: str, value: Text) -> Text:
    return Text.assemble((f" {name:<7}", DIM), value)


def _scene(shown: Shown) -> Text:
    name, fading = shown.view.get("scene", ("", 0.0))
    text = Text.assemble((name or "none", "bold cyan" if name else DIM))
    if fading:
        text.append("  ")
        text.append_text(bar(1.0 - fading, _CELLS, WARN))
        text.append(f" {100 * (1 - fading):3.0f} %", WARN)
    return text


def _beat(values: Mapping[str, Any], beat: float) -> Text:
    if "clock/tempo" not in values:
        return Text()
    beats = max(1, round(values["clock/quantum"]))
    bars, now = divmod(int(beat), beats)
    text = Text()
    if beats <= MOST_DOTS:
        for k in range(beats):
            text.append("● " if k == now else "○ ", (WARN if now == 0 else GOOD) if k == now else DIM)
    else:
        text.append(f"{now + 1}/{beats} ")
    text.append(f" bar {bars + 1}  ", HEAD)
    text.append(f"{values['clock/tempo']:.1f} bpm")
    text.append(f"  {values['clock/source']} clock", DIM)
    if not values["clock/running"]:
        text.append("  STOPPED", WARN)
    if values["clock/quantise"] != "off":
        text.append(f"  grid {values['clock/quantise']}", GOOD)
    return text


def _out(shown: Shown, values: Mapping[str, Any]) -> Text:
    level, limited = shown.view.get("out", (LOW_DB, 0.0))
    style = "red" if level >= HOT_DB else WARN if level >= LOUD_DB else GOOD
    text = bar(1.0 - level / LOW_DB, _CELLS, style)
    text.append(f"{decibels(level):>4} dB", style if level > LOW_DB else DIM)
    if limited >= _LIMITING_DB:
        text.append(f"  limiter −{limited:.1f}", WARN)
    text.append(f"  gain {values.get('master/gain', 0.0):+.1f}".replace("-", "−"))
    for name in ("mute", "dim"):
        if values.get(f"master/{name}"):
            text.append(f"  {name.upper()}", BAD)
    text.append(f"  {values.get('synth/mode', '')}", DIM)
    return text


def _last(shown: Shown) -> Text:
    if not shown.last.what:
        return Text("nothing was touched yet", DIM)
    last = shown.last
    return Text.assemble((last.what.removeprefix(f"{ROOT}/"), NAME), f"  {last.value}  ", (last.by, DIM))


def _load(shown: Shown) -> Text:
    style = GOOD if shown.load < 0.6 else WARN if shown.load < 0.85 else BAD
    text = bar(shown.load, _CELLS, style)
    voices = sum(part["voices"] for part in shown.view.get("parts", ()))
    text.append(f"{100 * shown.load:4.0f} %", style)
    text.append(f"   peak {100 * shown.peak_load:.0f} %  notes {voices}", DIM)
    return text


def _lost(shown: Shown) -> Text:
    text = Text()
    for name, key in (
        ("dropouts", "shortfalls"),
        ("late decodes", "decode_late"),
        ("late events", "late_events"),
    ):
        count = int(shown.counters.get(key, 0))
        text.append(f"{name} ", DIM)
        text.append(f"{count}  ", WARN if count else GOOD)
    return text


def _where(shown: Shown) -> Text:
    text = Text(f"{shown.latency_ms:.1f} ms")
    text.append(f"  {shown.rate} Hz  {shown.block} frames  ", DIM)
    text.append(shown.device)
    return text


def _ports(shown: Shown) -> Text:
    midi = ", ".join(shown.midi)
    return Text.assemble(
        ("OSC ", DIM), f"{shown.osc}  ", ("MIDI ", DIM), (midi or "none yet", "" if midi else DIM)
    )
