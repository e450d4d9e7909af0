"""A scene: parameters' values, slots' points and the models that they are for, as one JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ghostnote.errors import MessageError, SceneError
from ghostnote.scenes.names import checked
from ghostnote.state.registry import TARGETS, Target, check
from ghostnote.state.table import SLOTS, Parameter, Value

SCHEMA = "ghostnote-scene"
VERSION = 1
LONGEST_FADE_S = 600.0
MAX_LATENT = 4096
MAX_DETAIL = 32768

_MOMENTARY = ("bend", "pedal")
_KEYS = {"schema", "version", "name", "fade_s", "models", "values", "slots", "exclude"}


def is_kept(target: Target) -> bool:
    """Whether scenes keep a parameter.

    All parameters of parts: not the level of everything, clock, device and seed, so that a recall cannot
    raise what comes from the stage; and not what a wheel or a pedal holds at the moment, since it is let go
    without the scene knowing.
    """
    return isinstance(target.row, Parameter) and target.part is not None and target.name not in _MOMENTARY


KEPT = frozenset(addr for addr, target in TARGETS.items() if is_kept(target))
"""Addresses of all parameters that scenes keep."""


@dataclass(frozen=True)
class Point:
    """A slot's latent point, where it is from, and the text form of its detail (empty: none)."""

    z: tuple[float, ...]
    origin: str
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """The point as scene files have it."""
        detail = {"detail": self.detail} if self.detail else {}
        return {"z": list(self.z), "origin": self.origin, **detail}


@dataclass(frozen=True)
class Scene:
    """What a scene file says. `values`: by address, fit for the table.

    `slots`: by model's name and letter, None = empty. `models`: name and digest by `main` or `part1`…`part8`.
    `fade_s`: the scene's own fade, None = as set. `exclude`: addresses that are kept and not recalled.
    `others`, `unknown_values`: what this version does not know, or what is excluded; both are kept.
    `clipped`: how many values were out of range.
    """

    name: str
    values: Mapping[str, Value]
    slots: Mapping[str, Mapping[str, Point | None]] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fade_s: float | None = None
    exclude: tuple[str, ...] = ()
    others: Mapping[str, Any] = field(default_factory=dict)
    unknown_values: Mapping[str, Any] = field(default_factory=dict)
    clipped: int = 0

    @classmethod
    def from_json(cls, content: Mapping[str, Any], where: str) -> Scene:
        """The scene in a parsed JSON object; `where` is named in the errors.

        Raises SceneError for another schema or version, a value that is not finite or not of its kind, and
        anything else that is not as it should be. What is unknown is kept, and has no effect.
        """
        schema, version = content.get("schema"), content.get("version")
        if schema != SCHEMA or version != VERSION or isinstance(version, bool):
            raise SceneError(
                f"{where}: schema {_shown(schema)} version {_shown(version)}, this ghostnote reads"
                f" {SCHEMA!r} version {VERSION}"
            )
        name = content.get("name")
        if not isinstance(name, str):
            raise SceneError(f"{where}: name must be a text, not {_shown(name)}")
        values, unknown, clipped = _values(_object(content, "values", where), where)
        exclude = content.get("exclude", [])
        if not isinstance(exclude, list) or not all(isinstance(addr, str) for addr in exclude):
            raise SceneError(f"{where}: exclude must be a list of addresses")
        try:
            name = checked(name)
        except SceneError as error:
            raise SceneError(f"{where}: {error}") from None
        return cls(
            name=name,
            values={addr: value for addr, value in values.items() if addr not in exclude},
            slots={model: _slots(held, where) for model, held in _object(content, "slots", where).items()},
            models=_models(_object(content, "models", where), where),
            fade_s=_fade(content.get("fade_s"), where),
            exclude=tuple(exclude),
            others={key: content[key] for key in content if key not in _KEYS},
            unknown_values={**unknown, **{a: v for a, v in values.items() if a in exclude}},
            clipped=clipped,
        )

    def to_json(self) -> dict[str, Any]:
        """The scene as a JSON object, with everything that it was read with."""
        content = {
            **self.others,
            "schema": SCHEMA,
            "version": VERSION,
            "name": self.name,
            "models": {part: dict(model) for part, model in self.models.items()},
            "values": {**self.unknown_values, **self.values},
            "slots": {
                model: {slot: None if point is None else point.to_json() for slot, point in held.items()}
                for model, held in self.slots.items()
            },
            "exclude": list(self.exclude),
        }
        if self.fade_s is not None:
            content["fade_s"] = self.fade_s
        return content


def _shown(value: object) -> str:
    return repr(value)[:32]


def _object(content: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    found = content.get(key, {})
    if not isinstance(found, dict):
        raise SceneError(f"{where}: {key} must be an object, not {_shown(found)}")
    return found


def _values(given: Mapping[str, Any], where: str) -> tuple[dict[str, Value], dict[str, Any], int]:
    values: dict[str, Value] = {}
    unknown: dict[str, Any] = {}
    clipped = 0
    for addr, value in given.items():
        target = TARGETS.get(addr)
        if target is None or addr not in KEPT:
            unknown[addr] = value
            continue
        if not isinstance(value, int | float | str):
            raise SceneError(f"{where}: {addr} must be a number or a word, not {_shown(value)}")
        try:
            (values[addr],), moved = check(target, (value,))
        except MessageError as error:
            raise SceneError(f"{where}: {error}") from None
        clipped += moved
    return values, unknown, clipped


def _slots(held: object, where: str) -> dict[str, Point | None]:
    if not isinstance(held, dict):
        raise SceneError(f"{where}: slots must be objects by the name of their model, not {_shown(held)}")
    strange = sorted(set(held) - set(SLOTS))
    if strange:
        raise SceneError(f"{where}: no such slot: {_shown(strange[0])}; slots are {SLOTS[0]} to {SLOTS[-1]}")
    return {slot: _point(given, f"{where}: slot {slot}") for slot, given in held.items()}


def _point(given: object, where: str) -> Point | None:
    if given is None:
        return None
    if not isinstance(given, dict) or not isinstance(given.get("z"), list):
        raise SceneError(f'{where} must be null or {{"z": numbers, "origin": text}}')
    z, origin, detail = given["z"], given.get("origin", ""), given.get("detail", "")
    if not 1 <= len(z) <= MAX_LATENT or not all(_is_number(x) for x in z):
        raise SceneError(f"{where}: z must be 1 to {MAX_LATENT} finite numbers")
    if not isinstance(origin, str):
        raise SceneError(f"{where}: origin must be a text, not {_shown(origin)}")
    if not isinstance(detail, str) or len(detail) > MAX_DETAIL:
        raise SceneError(
            f"{where}: detail must be a text of at most {MAX_DETAIL} letters, not {_shown(detail)}"
        )
    return Point(tuple(float(x) for x in z), origin[:256], detail)


def _is_number(value: object) -> bool:
    # What a float32 can hold, since points are such numbers.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 3.4e38


def _models(given: Mapping[str, Any], where: str) -> dict[str, dict[str, str]]:
    models: dict[str, dict[str, str]] = {}
    for part, model in given.items():
        if not isinstance(model, dict) or not all(isinstance(v, str) for v in model.values()):
            raise SceneError(f"{where}: models: {_shown(part)} must have a name and a sha256")
        models[part] = model
    return models


def _fade(given: object, where: str) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= LONGEST_FADE_S:
        raise SceneError(
            f"{where}: fade_s must be from 0 to {LONGEST_FADE_S:.0f} seconds, not {_shown(given)}"
        )
    return float(given)
