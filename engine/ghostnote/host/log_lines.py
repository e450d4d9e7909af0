"""Lines of a control log that say what an engine is like: before anything took effect, and after a crash."""

from __future__ import annotations

from typing import Any

from ghostnote import __version__
from ghostnote.core import snapshot
from ghostnote.core.clock_actions import POSITION
from ghostnote.core.control_log import FORMAT, START, format_line
from ghostnote.core.engine import Engine
from ghostnote.core.models import Loaded
from ghostnote.decode import bundle
from ghostnote.decode.model import Model
from ghostnote.errors import GhostnoteError
from ghostnote.state.table import ROOT, Value


def head(engine: Engine, initial: dict[str, Any]) -> list[str]:
    """First lines of a log. `initial`: the snapshot that the engine started from."""
    main, *others = engine.models
    start: list[Value] = ["format", FORMAT, "version", __version__]
    start += ["model", _called(main.model), "sha256", main.manifest.digest]
    start += ["decode_delay", main.timing.delay, "decode_spacing", main.timing.spacing]
    lines = [format_line(0.0, START, start), *(_model(0.0, loaded, 0) for loaded in others)]
    lines += [format_line(0.0, addr, [value]) for addr, value in initial["values"].items()]
    for loaded in (main, *others):
        as_made = snapshot.slots_of(Loaded(loaded.model, loaded.timing))
        lines += _slots(0.0, loaded.name, initial, as_made)
    return lines


def bridge(engine: Engine, initial: dict[str, Any], t: float) -> list[str]:
    """Lines of an engine that replaces another: all notes ended, and everything as it is now."""
    main, *others = engine.models
    lines = [format_line(t, f"{ROOT}/panic", []), _model(t, main, 1)]
    lines += [_model(t, loaded, 0) for loaded in others]
    values = engine.values
    glides = [addr for addr in values if addr.endswith("/glide")]
    # The values are there already: nothing glides to them.
    ordered = [*((addr, 0.0) for addr in glides), *(v for v in values.items() if v[0] not in glides)]
    ordered += [(addr, values[addr]) for addr in glides]
    ordered.append((POSITION, 0.0))
    lines += [format_line(t, addr, [value]) for addr, value in ordered]
    for loaded in (main, *others):
        lines += _slots(t, loaded.name, initial, {})
    return lines


def _model(t: float, loaded: Loaded, main: int) -> str:
    delay, spacing = loaded.timing.delay, loaded.timing.spacing
    return format_line(t, f"{ROOT}/model/use", [_called(loaded.model), main, delay, spacing])


def _called(model: Model) -> str:
    """The name by which a model is found, or its folder."""
    try:
        if bundle.find(model.manifest.name) == model.folder:
            return model.manifest.name
    except GhostnoteError:
        pass
    return str(model.folder)


def _slots(t: float, model: str, initial: dict[str, Any], known: dict[str, Any]) -> list[str]:
    """Lines that fill a model's slots as they were at the start, where they are not as `known`."""
    held = (
        initial["slots"] if model == initial["model"] else initial["models"].get(model, {}).get("slots", {})
    )
    lines = []
    for name, slot in held.items():
        if name not in known or known[name] != slot:
            point = [""] if slot is None else [slot["origin"], *slot["z"]]
            lines.append(format_line(t, f"{ROOT}/slot/{name}/point", [model, *point]))
            if slot is not None and slot.get("detail"):
                lines.append(format_line(t, f"{ROOT}/slot/{name}/detail", [model, slot["detail"]]))
    return lines
