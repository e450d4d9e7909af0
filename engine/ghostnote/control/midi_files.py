"""Map files: JSON that says what a controller's controls do, read with care and written whole.

Keys that this version does not know are kept. The format is published as a JSON Schema, see `midi_schema`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from ghostnote.control.midi_decode import Kind
from ghostnote.control.midi_fields import Fields
from ghostnote.control.midi_map import ANY_CHANNEL, Feedback, Form, Mapping, Mode
from ghostnote.control.midi_takeover import TakeoverMode
from ghostnote.errors import MapError, MessageError, StateError
from ghostnote.json_text import kind_of
from ghostnote.json_text import parse as parse_json
from ghostnote.state import store
from ghostnote.state.registry import Target, check
from ghostnote.state.table import ROOT, Command, Curve, Parameter, Value

SCHEMA, VERSION = "ghostnote-midi-map", 1
KINDS: dict[str, Kind] = {
    "cc": "control",
    "nrpn": "nrpn",
    "rpn": "rpn",
    "note": "note_on",
    "program": "program",
    "pitch_bend": "pitch_bend",
    "channel_pressure": "channel_pressure",
}
FEEDBACK_KINDS = ("cc", "nrpn", "note", "pitch_bend")
HIGHEST = {"cc": 127, "nrpn": 16383, "rpn": 16383, "note": 127, "program": 127}
"""Highest number of a control, by kind; the other kinds have none."""
ANY_NUMBER = ("program",)
"""Kinds whose number may be left out, for any."""
MODES: tuple[str, ...] = tuple(word for arg in get_args(Mode) for word in (get_args(arg) or (arg,)))
TAKEOVERS: tuple[str, ...] = get_args(TakeoverMode)
CURVES: tuple[str, ...] = get_args(Curve)
DIRECTIONS = ("in", "in+out")
MAX_CONTROLS = 4096

_MAX_BYTES = 1 << 20
_MAX_DEPTH = 10


@dataclass(frozen=True)
class MapFile:
    """A map as read: `document` is the whole file, `rows` what it means.

    `match` fits port names as `--midi` does; `defaults`: whether the default map holds for what the file
    leaves out.
    """

    document: dict[str, Any]
    rows: tuple[Mapping, ...]
    match: str
    defaults: bool = True
    out: bool = False
    path: Path | None = None


def read(path: str | Path) -> MapFile:
    """Read and check a map file. Raises MapError that names the file, the place and what is wrong."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise MapError(f"{path}: no such map file; `ghostnote midi learn` makes one") from None
    except (OSError, ValueError) as error:
        raise MapError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if len(data) > _MAX_BYTES:
        raise MapError(f"{path}: larger than a map file can be ({_MAX_BYTES} bytes)")
    try:
        document = parse_json(data.decode("utf-8-sig"), _MAX_DEPTH)
    except RecursionError:
        raise MapError(f"{path}: nested too deeply") from None
    except ValueError as error:
        raise MapError(f"{path}: not valid JSON ({error})") from None
    return parse(document, str(path), path)


def write(path: Path, document: dict[str, Any]) -> None:
    """Write a map whole or not at all. Raises MapError."""
    try:
        store.save(path, document)
    except StateError as error:
        raise MapError(str(error)) from error


def parse(document: Any, where: str, path: Path | None = None) -> MapFile:
    """The map in a document. Raises MapError that names the place in it."""
    if not isinstance(document, dict):
        raise MapError(f"{where}: expected an object with named values, found {kind_of(document)}")
    if document.get("schema") != SCHEMA:
        raise MapError(f'{where}: not a MIDI map: "schema" must be "{SCHEMA}"')
    version = document.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise MapError(f'{where}: "version" must be a whole number, found {kind_of(version)}')
    if version > VERSION:
        raise MapError(f"{where}: made for a newer ghostnote (version {version}, this one reads {VERSION})")
    device = Fields(document, where).sub("device")
    match = device.text("match")
    direction = device.word("direction", DIRECTIONS, "in")
    top = Fields(document, where)
    defaults = top.flag("defaults", True)
    takeover = top.word("takeover", TAKEOVERS, "")
    controls = document.get("controls")
    if not isinstance(controls, list):
        raise MapError(f'{where}: "controls" must be a list, found {kind_of(controls)}')
    if len(controls) > MAX_CONTROLS:
        raise MapError(f"{where}: more than {MAX_CONTROLS} controls")
    rows: list[Mapping] = []
    seen: dict[tuple[Kind, int | None, int], int] = {}
    for index, control in enumerate(controls):
        place = f"{where}: controls[{index}]"
        row = _row(Fields(control, place), takeover)
        for channel in row.channels:
            first = seen.setdefault((row.kind, row.number, channel), index)
            if first != index:
                raise MapError(f"{place}: its control is that of controls[{first}] already")
        rows.append(row)
    out = direction == "in+out" and any(row.feedback is not None for row in rows)
    return MapFile(document, tuple(rows), match, defaults, out, path)


def _row(control: Fields, takeover: str) -> Mapping:
    """One control of a file as a row of the map."""
    source = control.sub("in")
    kind = source.word("kind", tuple(KINDS))
    channels = (source.integer("channel", 1, 16),) if "channel" in source else tuple(ANY_CHANNEL)
    numbered = kind in HIGHEST and (kind not in ANY_NUMBER or "number" in source)
    number = source.integer("number", 0, HIGHEST[kind]) if numbered else None
    bits = source.integer("bits", 7, 14) if "bits" in source else 14 if kind == "pitch_bend" else 7
    if bits not in (7, 14) or (bits == 14 and kind == "cc" and (number or 0) > 31):
        raise MapError(f'{source.where}: "bits" is 7, or 14 for controllers 0 to 31 and parameters')
    target = control.address("to")
    mode = control.word("mode", MODES, "absolute")
    low, high = control.range(target)
    form, args = _form(control, kind, target)
    number_kind = isinstance(target.row, Parameter) and target.row.kind == "f"
    chosen = control.word("takeover", TAKEOVERS, takeover or ("pickup" if number_kind else "jump"))
    if mode not in ("absolute", "toggle") and kind != "cc":
        raise MapError(f"{control.where}: endless controls are of kind cc, not {kind}")
    return Mapping(
        KINDS[kind],
        number,
        target.addr.removeprefix(f"{ROOT}/"),
        form,
        channels,
        bits,
        mode=mode,  # type: ignore[arg-type]
        takeover=chosen,  # type: ignore[arg-type]
        low=low,
        high=high,
        curve=control.word("curve", CURVES, "") or None,  # type: ignore[arg-type]
        step=control.number("step", 0.0, 1.0) if "step" in control else 0.0,
        args=args,
        feedback=_feedback(control, kind, channels, number, bits, target),
    )


def _form(control: Fields, kind: str, target: Target) -> tuple[Form, tuple[Value, ...]]:
    """How the message becomes arguments, and the row's own arguments."""
    row = target.row
    args = control.arguments()
    if isinstance(row, Parameter):
        if args:
            raise MapError(f'{control.where}: "args" are for commands; {target.addr} is a value')
        return "knob", ()
    assert isinstance(row, Command)
    if target.name == "note" and kind == "note":
        return "note", args[:1]
    velocity = bool(row.arguments) and row.arguments[0].name == "velocity"
    if not args and velocity:
        return "velocity", ()
    if not args and kind == "program" and row.arguments and row.arguments[0].kind == "i":
        return "number", ()
    try:
        fitted, _ = check(target, args)
    except MessageError as error:
        raise MapError(f'{control.where}: "args": {error}') from None
    return "fixed", fitted


def _feedback(
    control: Fields, kind: str, channels: tuple[int, ...], number: int | None, bits: int, target: Target
) -> Feedback | None:
    """What the device is told back: `true` stands for the control's own message."""
    if "feedback" not in control or control.raw("feedback") is False:
        return None
    own = {"kind": kind, "channel": channels[0], "number": number or 0, "bits": bits}
    told = control.raw("feedback")
    fields = Fields({} if told is True else told, f"{control.where}: feedback")
    chosen = fields.word("kind", FEEDBACK_KINDS, kind if kind in FEEDBACK_KINDS else None)
    source = fields.address("from") if "from" in fields else target
    if not isinstance(source.row, Parameter):
        raise MapError(f'{fields.where}: {source.addr} has no value to tell; name one with "from"')
    same = chosen == kind
    return Feedback(
        KINDS[chosen],
        fields.integer("channel", 1, 16) if "channel" in fields else int(str(own["channel"])),
        fields.integer("number", 0, HIGHEST.get(chosen, 0)) if "number" in fields else number or 0,
        fields.integer("bits", 7, 14) if "bits" in fields else bits if same else 7,
        fields.integer("off", 0, 127) if "off" in fields else 0,
        fields.integer("on", 0, 127) if "on" in fields else (127 if chosen == "note" else None),
        fields.number("threshold", 0.0, 1.0) if "threshold" in fields else 0.5,
        source.addr,
    )
