"""What slots and parts hold, for who is not the instrument: from the state that it keeps while it plays.

The state is at most two seconds old while it plays, and as it ended afterwards.
"""

from __future__ import annotations

from contextlib import suppress

from ghostnote.core import model_change, snapshot
from ghostnote.core.decode_plan import DecodeTiming
from ghostnote.core.engine import Engine
from ghostnote.core.render import DEFAULT_DECODE_DELAY
from ghostnote.decode.inline import InlineDecoder
from ghostnote.decode.model import Model, load
from ghostnote.errors import BundleError, StateError, UsageError
from ghostnote.host.finding import HEARD, question_about
from ghostnote.host.heard_files import HEARD as HEARD_FOLDER
from ghostnote.host.pipe import Message
from ghostnote.state.store import home, read
from ghostnote.state.table import PARTS, SLOTS
from ghostnote.telemetry import Telemetry

STATE = "last.json"
_NAMES = frozenset([*SLOTS, *(f"part{number}" for number in PARTS), HEARD])


def is_name(text: str) -> bool:
    """Whether a text names a slot, a part or what was heard last, and no file."""
    return text in _NAMES


def question(name: str) -> Message:
    """What a slot, a part or `heard` is in the instrument that plays, or played last: see `question_about`.

    Raises UsageError when nothing was played yet or it holds nothing, StateError and BundleError.
    """
    path = home() / STATE
    if not path.is_file():
        raise UsageError(f"{name}: nothing was played yet; start `ghostnote play`, or give a file (./{name})")
    engine = _as_it_was(read(path))
    for part in engine.parts.values():
        loaded = engine.model_of(part)
        part.set_point(loaded.slots, loaded.axes, loaded.rest)
    return question_about(engine, name, "", home() / HEARD_FOLDER)


def _as_it_was(state: dict[str, object]) -> Engine:
    telemetry = Telemetry()
    main = _model(state.get("folder"))
    timing = DecodeTiming(DEFAULT_DECODE_DELAY, DEFAULT_DECODE_DELAY)
    engine = Engine(
        main,
        InlineDecoder(None, telemetry),
        decode_delay=timing.delay,
        decode_spacing=timing.spacing,
        telemetry=telemetry,
    )
    others = state.get("models")
    for other in others.values() if isinstance(others, dict) else ():
        with suppress(BundleError, TypeError, KeyError):  # what is not there has no part that plays it
            model_change.add(engine, _model(other["folder"]), timing)
    snapshot.restore(engine, state)
    return engine


def _model(folder: object) -> Model:
    if not isinstance(folder, str):
        raise StateError(f"{home() / STATE}: damaged (no model); `ghostnote play` writes it anew")
    return load(folder, warm_up=False, lazy=("encoder", "decoder", "classifier"))
