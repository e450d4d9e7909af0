"""What the screen shows, a pure function of what is known: lines of styled text for any size of terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from rich.text import Text

from ghostnote import __version__
from ghostnote.host.keys import HELP
from ghostnote.host.screen_facts import facts, scenes, scenes_in_line, slots
from ghostnote.host.screen_shown import BAD, DIM, GOOD, HEAD, NAME, WARN, Shown, decibels, fit, meter
from ghostnote.host.session import elapsed
from ghostnote.state.table import PARTS

WIDE = 116
"""Columns from which on the parts stand beside everything else."""

AIRY = 28
"""Lines from which on there is air between the parts."""


def lines(shown: Shown, width: int, height: int) -> list[Text]:
    """Exactly `height` lines of exactly `width` columns."""
    width, height = max(1, width), max(1, height)
    head, foot = _head(shown, width), _foot(shown, width)
    room = height - 2
    if room < 1:
        return [head, *[foot] * (height - 1)][:height]
    body = _wide(shown, width, room) if width >= WIDE else _narrow(shown, width, room)
    return [head, *body, foot]


def _wide(shown: Shown, width: int, room: int) -> list[Text]:
    left_width = min(84, width * 9 // 16)
    right_width = width - left_width - 3
    left: list[Text | str] = [""]
    for row in _parts(shown, left_width, len(PARTS)):
        left += [row, ""] if room >= AIRY else [row]
    left += [] if room >= AIRY else [""]
    left += _help(left_width, room - len(left))
    right: list[Text | str] = ["", *facts(shown), "", *slots(shown, right_width), ""]
    named = scenes(shown, right_width)
    right += [*named, ""] if named else []
    right += _notes(shown, right_width, room - len(right))
    rows = []
    for k in range(room):
        one = fit(left[k] if k < len(left) else "", left_width)
        other = fit(right[k] if k < len(right) else "", right_width)
        rows.append(Text.assemble(one, (" │ ", DIM), other))
    return rows


def _narrow(shown: Shown, width: int, room: int) -> list[Text]:
    parts = _parts(shown, width, min(len(PARTS), room))
    body: list[Text | str]
    if shown.help:
        body = [*parts, "", *_help(width, room - len(parts) - 1)]
    else:
        told = facts(shown)
        spare = room - len(parts) - len(told)
        gap = [""] if spare > 1 else []
        body = [*gap, *parts, *gap[: int(spare > 2)], *told, *gap[: int(spare > 4)]]
        body += _notes(shown, width, room - len(body))
    return [fit(line, width) for line in [*body, *[""] * room][:room]]


def _head(shown: Shown, width: int) -> Text:
    left = Text.assemble((" ghostnote ", "bold reverse"), (f" {shown.model}", HEAD))
    if width >= 60:
        left.append(f"  {__version__}", DIM)
    right = Text()
    if shown.recording:
        name, room = Text(f"{shown.recording} "), width - left.cell_len - 30
        name.truncate(max(1, room), overflow="ellipsis")
        named = name.plain if room >= 8 else ""
        right.append(f"● REC {named}{elapsed(shown.recording_s)[:-2]}   ", BAD)
    if shown.state != "running":
        right.append(f"{shown.state.upper()}   ", BAD)
    right.append(f"{elapsed(shown.seconds)[:-2]} ", HEAD)
    return _ends(left, right, width)


def _foot(shown: Shown, width: int) -> Text:
    hints = {
        "m": "mute: which part? 1…8",
        "o": "solo: which part? 1…8",
        "s": "scene:",
        "q": "q again ends the performance; any other key goes on",
    }
    if shown.pending in hints:
        hint = Text(f" {hints[shown.pending]}", "bold yellow")
        return fit(Text.assemble(hint, scenes_in_line(shown)) if shown.pending == "s" else hint, width)
    if not shown.keys:
        return fit(Text(" Ctrl-C ends", DIM), width)
    keys = Text(" ")
    for key, what in (
        ("1-8", "hit"),
        ("space", "hush"),
        ("p", "panic"),
        ("m", "mute"),
        ("o", "solo"),
        ("s", "scene"),
        ("r", "rec"),
        ("?", "help"),
        ("qq", "end"),
    ):
        keys.append(key, HEAD)
        keys.append(f" {what}  ", DIM)
    return fit(keys, width)


def _parts(shown: Shown, width: int, room: int) -> list[Text]:
    cells = max(4, min(40, width // 3 if width >= 60 else width * 2 // 5))
    parts = shown.view.get("parts", ())
    names = shown.view.get("slots", {})
    any_solo = any(part.get("solo") for part in parts)
    rows = []
    for number, level in zip(PARTS[:room], shown.levels, strict=False):
        part = parts[number - 1] if len(parts) >= number else {}
        mute, solo = part.get("mute"), part.get("solo")
        row = Text(" ")
        row.append(f"{number} ", HEAD)
        row.append("M" if mute else "S" if solo else " ", WARN if mute else GOOD)
        row.append(" ")
        row.append_text(meter(level, cells))
        row.append(f"{decibels(level.hold_db):>5} ", DIM)
        if width >= 50:
            row.append(f"{'●' * min(3, part.get('voices', 0)):<3} ", GOOD)
        sound = _sound(part.get("weights", {}), part.get("slots", names))
        if part.get("model"):
            sound.append(f"  {part['model']}", DIM)
        row.append_text(Text(sound.plain, DIM) if mute or (any_solo and not solo) else sound)
        rows.append(row)
    return rows


def _sound(weights: Mapping[str, float], names: Mapping[str, str]) -> Text:
    """Which slots are in a part, and how much of each where that is not all."""
    if not weights:
        return Text("no slot", DIM)
    text = Text()
    for slot, weight in sorted(weights.items(), key=lambda item: -abs(item[1])):
        if text:
            text.append(" + " if weight > 0 else " − ", DIM)
        elif weight < 0:
            text.append("−", DIM)
        if len(weights) > 1 or abs(weight) != 1.0:
            text.append(f"{abs(weight):.2f} ".lstrip("0") if abs(weight) < 1 else f"{abs(weight):.1f} ")
        text.append(f"{slot} ", DIM)
        text.append(names.get(slot, "empty"), NAME if slot in names else DIM)
    return text


def _notes(shown: Shown, width: int, room: int) -> list[Text]:
    """The last messages that fit, each in as many lines as it needs."""
    rows: list[Text] = []
    for note in reversed(shown.notes):
        told = textwrap.wrap(note.text, max(10, width - len(note.clock) - 2)) or [""]
        style = WARN if note.problem else ""
        clocks = [f" {note.clock} ", *[" " * (len(note.clock) + 2)] * (len(told) - 1)]
        if len(rows) + len(told) > room:
            break
        rows[:0] = [
            Text.assemble((clock, DIM), (line, style)) for clock, line in zip(clocks, told, strict=True)
        ]
    return rows


def _help(width: int, room: int) -> list[Text]:
    return [Text.assemble((f" {key:<8}", HEAD), (what, DIM)) for key, what in HELP][: max(0, room)]


def _ends(left: Text, right: Text, width: int) -> Text:
    space = width - left.cell_len - right.cell_len
    if space < 1:
        return fit(Text.assemble(left, " ", right), width)
    return Text.assemble(left, " " * space, right)
