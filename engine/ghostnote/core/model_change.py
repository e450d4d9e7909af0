"""Models that come and go while notes sound: what is heard crosses over to them at the same playhead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ghostnote.core.decode_plan import DecodeTiming
from ghostnote.core.models import MAX_MODELS, Loaded
from ghostnote.core.part import Armed, Part
from ghostnote.decode.model import Model
from ghostnote.errors import BundleError, GhostnoteError
from ghostnote.features.spec import FeatureSpec
from ghostnote.latent.noise import hit_noise
from ghostnote.state.registry import DEFAULTS
from ghostnote.state.table import ROOT, Value

if TYPE_CHECKING:
    from ghostnote.core.engine import Engine


def check(model: Model, spec: FeatureSpec, present: Iterable[Model]) -> None:
    """Raise BundleError if a model cannot play beside those that are `present`."""
    name, names = model.manifest.name, [other.manifest.name for other in present]
    if model.spec != spec:
        raise BundleError(
            f"model {name}: its sample rate or frames are not those that play now;"
            " start the instrument with --model"
        )
    if name not in names and len(names) >= MAX_MODELS:
        raise BundleError(
            f"model {name}: {MAX_MODELS} models are loaded, as many as there may be ({', '.join(names)});"
            f" let go of one with {ROOT}/model/unload"
        )


def use(engine: Engine, name: str, timing: DecodeTiming | None, main: bool) -> None:
    """Take over the model that is loaded or was loaded aside under `name`; a bad one is reported, no more."""
    try:
        if engine.load_model is None:
            raise BundleError(not_loaded(engine, name))
        add(engine, engine.load_model(name), timing, main)
    except GhostnoteError as error:
        engine.refuse(f"{ROOT}/model/use", "io", str(error), "model_refused")


def add(engine: Engine, model: Model, timing: DecodeTiming | None = None, main: bool = False) -> Loaded:
    """Have a model: beside the others, in the place of an earlier version of it, or for all as the main one.

    `timing`: None keeps what is known. The same version again changes no sound. Raises BundleError for a
    model that cannot play beside the others.
    """
    models = engine.models
    check(model, engine.spec, (loaded.model for loaded in models))
    before = models.main
    known = models.get(model.manifest.name)
    if known is not None and (known.model is model or known.manifest.digest == model.manifest.digest):
        loaded = known
        loaded.timing = timing or known.timing
    else:
        loaded = Loaded(model, timing or engine.first_timing)
        loaded.follow(before, int(engine.values[f"{ROOT}/seed"]))
        models.put(loaded)
        if known is not None:
            engine.morph.forget(known.name)
            engine.retired.append((engine.now, known.model))
    if main:
        models.main = loaded
    _settle(engine)
    if models.main is not before:
        engine.changes.note_everything()
    return loaded


def unload(engine: Engine, name: str) -> None:
    """Let go of a model; one that cannot be is reported."""
    loaded = engine.models.get(name)
    if loaded is None:
        addr = f"{ROOT}/model/unload"
        engine.refuse(addr, "not_found", f"{addr}: {not_loaded(engine, name)}", "model_unknown")
        return
    if loaded is engine.models.main:
        addr = f"{ROOT}/model/unload"
        text = f"{addr}: {loaded.name} is the main model; first load another with {ROOT}/model/load"
        engine.refuse(addr, "busy", text, "model_needed")
        return
    for part in engine.parts.values():
        if part.word("model") == name:
            addr = f"{ROOT}/part{part.number}/model"
            engine.set_value(addr, DEFAULTS[addr])
    engine.morph.forget(name)
    engine.models.remove(name)
    engine.retired.append((engine.now, loaded.model))
    _settle(engine)


def may_be(engine: Engine, addr: str, value: Value) -> bool:
    """Whether a parameter may have a value; a part's model that is not loaded is reported, and no."""
    if not addr.endswith("/model") or engine.models.get(str(value)) is not None:
        return True
    engine.refuse(addr, "not_found", f"{addr}: {not_loaded(engine, str(value))}", "model_unknown")
    engine.changes.note(addr)
    return False


def not_loaded(engine: Engine, name: str) -> str:
    """What to say of a model that is not there."""
    names = ", ".join(engine.models.names())
    return f"model {name[:64]!r} is not loaded; loaded: {names}; load it with {ROOT}/model/add"


def follow(engine: Engine, part: Part) -> None:
    """Let a part play the model that it has now, and its sounding notes once their sound is decoded."""
    loaded = engine.model_of(part)
    if part.plays == loaded.number:
        return
    part.plays = loaded.number
    part.set_point(loaded.slots, loaded.axes, loaded.rest)
    # Noise of the old model's size does not fit points of the new one; the same hits have the same chance.
    part.armed = Armed(part.armed.sound, engine.sounds.take(part), -1)
    size = loaded.manifest.latent_size
    for voice in engine.pool.voices:
        if voice.part == part.number and not voice.ended and voice.epsilon is not None:
            seed, hit = voice.chance
            voice.epsilon = hit_noise(seed, part.number, hit, size)
    tell_lacking(engine, part)
    engine.sounds.move(part.number)


def tell_lacking(engine: Engine, part: Part) -> None:
    """Report axes that a part turns and its model has not: they have no effect."""
    loaded = engine.model_of(part)
    for name in part.lacking(loaded.axes):
        has = ", ".join(loaded.axes.names) or "none"
        text = (
            f"part {part.number}: model {loaded.name} has no axis {name!r}, so it has no effect; axes: {has}"
        )
        addr = f"{ROOT}/part{part.number}/axis/{name}"
        engine.refuse(addr, "not_found", text, f"no_axis:{loaded.name}:{name}")


def _settle(engine: Engine) -> None:
    engine.plan.retime(engine.models.timing())
    for part in engine.parts.values():
        follow(engine, part)
    for name in ("list", "load", "axes", "classes"):
        engine.changes.note(f"{ROOT}/model/{name}", engine.author)
