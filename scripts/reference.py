"""Writes docs/reference from the parameter table: `python scripts/reference.py`, or `make reference`."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import Template
from typing import Any

from ghostnote.control import osc_clients, osc_dirt, osc_guard, osc_nodes, osc_subscriptions, osc_time
from ghostnote.control.midi_map import DEFAULT_MAP
from ghostnote.control.osc_conversation import ANSWERS, SAYINGS, Saying
from ghostnote.control.osc_server import DEFAULT_PORT
from ghostnote.control.osc_stream import NUMBERS_PORT
from ghostnote.ears.channels import CHANNELS as STREAM
from ghostnote.ears.channels import WORDS, Channel
from ghostnote.ears.levels import BANDS
from ghostnote.errors import MessageError
from ghostnote.host.show import BUNDLES_HZ, INPUT_ROOT, NAMES_S, OUTPUT_ROOT
from ghostnote.state.commands import COMMANDS
from ghostnote.state.parameters import PARAMETERS
from ghostnote.state.readings import READINGS
from ghostnote.state.registry import DEFAULTS
from ghostnote.state.table import PARTS, ROOT, SLOTS, Argument, Command, Parameter, Reading

TEMPLATES = Path(__file__).resolve().parent / "reference"
FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
MARK = "<!-- Written by `make reference` from the parameter table; change that, or scripts/reference. -->\n\n"

_KINDS = {"f": "number", "i": "whole number", "s": "word", "v": "number or word"}
_SAYS = {
    "note_on": "note",
    "note_off": "note released",
    "poly_pressure": "pressure of a key",
    "control": "CC",
    "program": "program change",
    "channel_pressure": "channel pressure",
    "pitch_bend": "pitch bend",
    "rpn": "RPN",
    "nrpn": "NRPN",
}
_FORMS = {
    "note": "pitch, velocity 0…1",
    "release": "pitch",
    "velocity": "velocity 0…1",
    "knob": "the parameter's whole range",
    "bend": "−1…1",
    "number": "the program's number, 0 the first",
    "index": "bank and program, 1 the first",
    "semitones": "semitones and cents",
    "pressure": "the note, pressure 0…1",
    "fixed": "",
    "none": "",
}


def number(value: float) -> str:
    """A number as text, with a true minus sign."""
    return f"{value:.10g}".replace("-", "−")


def table(head: str, rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown; bars in the cells are escaped."""
    lines = [f"| {head} |", "|" + "---|" * (head.count("|") + 1)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def address(path: str) -> str:
    """An address as it is shown: parts and slots as ranges."""
    shown = path.replace("{part}", f"{PARTS[0]}…{PARTS[-1]}").replace("{slot}", f"{SLOTS[0]}…{SLOTS[-1]}")
    return f"`{ROOT}/{shown}`"


def limits(low: float, high: float) -> str:
    """A range as text; empty where there is none."""
    if not math.isfinite(low) and not math.isfinite(high):
        return ""
    if high == 2**31 - 1:
        return f"{number(low)} or more"
    return f"{number(low)}…{number(high)}"


def choices(row: Parameter) -> str:
    """The range of a parameter, or its words."""
    if row.kind != "s":
        return limits(row.low, row.high)
    return ", ".join(f"`{word}`" for word in row.choices)


def argument(given: Argument, repeated: bool = False, named: bool = False) -> str:
    """One argument with its range: `f:velocity` 0…1; brackets say that it may be left out."""
    text = f"`{given.kind}:{given.name}`"
    if repeated:
        text = f"`{given.kind}:{given.name} …`"
    if span := limits(given.low, given.high):
        text += f" {span}"
    return f"[{text}]" if given.optional or named else text


def arguments(row: Command | Saying) -> str:
    """All arguments of a command or of a message of the conversation."""
    named = isinstance(row, Command) and row.pairs
    variadic = isinstance(row, Command) and row.variadic
    last = len(row.arguments) - 1
    return " ".join(argument(a, variadic and k == last, named) for k, a in enumerate(row.arguments))


def has_value(row: Command) -> bool:
    """Whether a command without arguments asks for something."""
    try:
        return bool(osc_nodes.selection(f"{ROOT}/{row.path.format(part=PARTS[0], slot=SLOTS[0])}"))
    except MessageError:
        return False


def answer(row: Command) -> str:
    """What a command answers; empty for the rule that the page gives."""
    told = ["without arguments its value"] if has_value(row) else []
    if row.slow:
        told.append("`done` or `error` when it is over")
    elif row.variadic:
        told.append("takes no request number")
    return "; ".join(told)


def remarks(row: Command) -> str:
    """What a command is for, and how it is carried out."""
    text = row.text
    if row.pairs:
        text += " Each value comes after its name, in any order."
    if row.trigger:
        text += " A button: 0 does nothing."
    if row.urgent:
        text += " Overtakes what waits."
    return text


def default(row: Parameter) -> str:
    """A parameter's value at the start."""
    values = {DEFAULTS[f"{ROOT}/{row.path.format(part=part)}"] for part in PARTS}
    if len(values) > 1:
        return "1 for the slot of the part's own number, else 0"
    value = values.pop()
    return number(value) if not isinstance(value, str) else f"`{value}`" if value else "(empty)"


def parameter_rows(rows: Iterable[Parameter]) -> str:
    """The table of parameters with all that is known of each."""

    def cells(row: Parameter) -> Iterator[str]:
        yield address(row.path)
        yield choices(row)
        yield row.unit
        yield default(row)
        yield row.curve if row.kind != "s" else ""
        yield f"{1000 * row.smoothing_s:g} ms" if row.smoothing_s else ""
        yield row.text

    return table(
        "address | range | unit | default | knob | follows in | what it is", map(list, map(cells, rows))
    )


def osc_parameter(row: Parameter) -> list[str]:
    """A parameter as a line of the OSC page."""
    mirrored = f"{osc_nodes.MIRROR}{row.path.format(part=PARTS[0])}" in osc_nodes.NODES
    value = f"`{row.kind}`"
    return [address(row.path), value, choices(row), row.unit, "value, position" if mirrored else "value"]


def reading(row: Reading) -> list[str]:
    """A reading as a line of the OSC page."""
    return [address(row.path), " ".join(f"`{kind}`" for kind in row.kinds), row.unit, row.text]


def stream(row: Channel) -> list[str]:
    """A number of the stream to visuals as a line of the OSC page."""
    shown = row.path.replace("{part}", f"{PARTS[0]}…{PARTS[-1]}").replace("{band}", f"1…{BANDS}")
    shown = shown.replace("{side}", "l` or `r").replace("{axis}", "d1…d8").replace("{label}", "NAME")
    return [f"`{shown}`", f"`{row.kind}`", row.text]


def saying(row: Saying) -> list[str]:
    """A message of the conversation as a line of the OSC page."""
    answers = f"`{ROOT}/{row.answers}`" if f"{ROOT}/{row.answers}" in ANSWERS else row.answers
    return [f"`{row.addr}`", arguments(row), answers, row.text]


def midi_row(row: Any) -> list[str]:
    """A row of the MIDI map as a line of the MIDI page."""
    what = _SAYS[row.kind]
    if row.number is not None:
        what += f" {row.number}"
    if getattr(row, "bits", 7) == 14:
        what += f", with {row.number + 32} as its low bits" if row.kind == "control" else ", 14 bits"
    path = row.path.replace("{last}", "{part}")
    path = f"`{ROOT}/{path.replace('{part}', 'N')}`"
    if "{last}" in row.path:
        path += ", N: the part hit last"
    value = ", ".join(number(a) if not isinstance(a, str) else a for a in getattr(row, "args", ()))
    if row.form == "knob" and getattr(row, "takeover", "jump") != "jump":
        return [what, channels(row.channels), path, f"{_FORMS[row.form]}; {row.takeover}"]
    return [what, channels(row.channels), path, value or _FORMS[row.form]]


def channels(given: Iterable[int]) -> str:
    """Channels as runs: 1–8, 10."""
    runs: list[list[int]] = []
    for channel in sorted(given):
        if runs and channel == runs[-1][-1] + 1:
            runs[-1].append(channel)
        else:
            runs.append([channel])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def blocks() -> dict[str, str]:
    """What the templates may ask for by name."""
    of_all = [row for row in PARAMETERS if "{part}" not in row.path]
    of_parts = [row for row in PARAMETERS if "{part}" in row.path]
    saying_head = "address | arguments | answer | what it does"
    return {
        "root": ROOT,
        "port": str(DEFAULT_PORT),
        "mirror": osc_nodes.MIRROR.rstrip("/"),
        "max_hz": number(osc_subscriptions.MAX_HZ),
        "lease_s": number(osc_subscriptions.DEFAULT_LEASE_S),
        "max_lease_s": number(osc_subscriptions.MAX_LEASE_S),
        "max_subscribers": number(osc_subscriptions.MAX_SUBSCRIBERS),
        "max_patterns": number(osc_subscriptions.MAX_PATTERNS),
        "max_ahead_s": number(osc_time.MAX_AHEAD_S),
        "max_datagram": number(osc_guard.MAX_DATAGRAM),
        "error_interval_s": number(osc_clients.ERROR_INTERVAL_S),
        "kinds": ", ".join(f"`{kind}` {name}" for kind, name in _KINDS.items()),
        "sayings": table(saying_head, map(saying, SAYINGS.values())),
        "answers": table(
            "address | arguments | what it says", ([r[0], r[1], r[3]] for r in map(saying, ANSWERS.values()))
        ),
        "dirt_sounds": ", ".join(f"`{name}` {sound}" for name, sound in osc_dirt.SOUNDS.items()),
        "dirt_gain": number(osc_dirt.MAX_GAIN),
        "osc_parameters": table("address | type | range | unit | answers", map(osc_parameter, PARAMETERS)),
        "commands": table(
            "address | arguments | answers | what it does",
            ([address(row.path), arguments(row), answer(row), remarks(row)] for row in COMMANDS),
        ),
        "readings": table("address | type | unit | what it is", map(reading, READINGS)),
        "in": INPUT_ROOT,
        "out": OUTPUT_ROOT,
        "numbers_port": str(NUMBERS_PORT),
        "words_port": str(NUMBERS_PORT + 1),
        "bundles_hz": number(BUNDLES_HZ),
        "names_s": number(NAMES_S),
        "stream": table("address after the root | type | what it is", map(stream, STREAM)),
        "words": table(
            "address after the root | arguments | what it says",
            ([f"`{w.name}`", " ".join(f"`{a}`" for a in w.arguments.split(" ")), w.text] for w in WORDS),
        ),
        "of_all": parameter_rows(of_all),
        "of_parts": parameter_rows(of_parts),
        "midi": table("message | channel | address | value", map(midi_row, DEFAULT_MAP)),
    }


def pages() -> dict[Path, str]:
    """Every page's path and text."""
    found = blocks()
    return {
        FOLDER / template.name: MARK + Template(template.read_text(encoding="utf-8")).substitute(found)
        for template in sorted(TEMPLATES.glob("*.md"))
    }


def stale() -> list[str]:
    """Names of the pages that are not what the table says."""
    return [
        path.name
        for path, text in pages().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def main() -> int:
    """Write the pages, or say with `--check` which are stale."""
    parser = argparse.ArgumentParser(description="Write docs/reference from the parameter table.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a page is stale")
    if parser.parse_args().check:
        if found := stale():
            print(f"stale: {', '.join(found)} in docs/reference; run: make reference")
        return int(bool(found))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(FOLDER.parents[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
