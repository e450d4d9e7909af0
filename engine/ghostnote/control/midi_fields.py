"""One object of a map file, asked key by key, so that what is wrong is named with its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from ghostnote.errors import MapError
from ghostnote.json_text import kind_of
from ghostnote.state.registry import Target, nearest, resolve
from ghostnote.state.table import Parameter, Value


class Fields:
    """One object of the file, asked key by key; what is not asked for is left alone."""

    def __init__(self, values: Any, where: str) -> None:
        if not isinstance(values, dict):
            raise MapError(f"{where}: expected an object with named values, found {kind_of(values)}")
        self._values: Mapping[str, Any] = values
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def raw(self, key: str) -> Any:
        """A value as it is."""
        return self._values.get(key)

    def sub(self, key: str) -> Fields:
        """An object inside this one."""
        if key not in self._values:
            self._missing(key)
        return Fields(self._values[key], f"{self.where}: {key}")

    def text(self, key: str) -> str:
        """A text of 1 to 200 characters."""
        value = self._need(key)
        if not isinstance(value, str) or not 0 < len(value) <= 200:
            self._wrong(key, "a text", value)
        return value

    def word(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """One of the choices."""
        value = self._values.get(key, default)
        if value is None:
            self._missing(key)
        if value != default and value not in choices:
            self._wrong(key, "one of " + ", ".join(choices), value)
        return str(value)

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            self._wrong(key, "true or false", value)
        return value

    def integer(self, key: str, low: int, high: int) -> int:
        """A whole number from low to high."""
        value = self._need(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self._wrong(key, f"a whole number from {low} to {high}", value)
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """A number from low to high."""
        value = self._need(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            self._wrong(key, f"a number from {low:g} to {high:g}", value)
        return float(value)

    def range(self, target: Target) -> tuple[float | None, float | None]:
        """Both ends of a control's own range, within that of its target; or nothing."""
        if "range" not in self:
            return None, None
        value = self._values["range"]
        ends = value if isinstance(value, list) else []
        if len(ends) != 2 or not all(
            isinstance(e, int | float) and not isinstance(e, bool) and abs(e) < 1e9 for e in ends
        ):
            self._wrong("range", "two numbers", value)
        row = target.row
        if (
            isinstance(row, Parameter)
            and row.kind != "s"
            and not row.low <= min(ends) <= max(ends) <= row.high
        ):
            self._wrong("range", f"within {row.low:g} to {row.high:g} for {target.addr}", value)
        return float(ends[0]), float(ends[1])

    def arguments(self) -> tuple[Value, ...]:
        """A list of numbers and words."""
        value = self._values.get("args", [])
        sound = isinstance(value, list) and len(value) <= 64
        if not sound or not all(isinstance(a, int | float | str) and not isinstance(a, bool) for a in value):
            self._wrong("args", "a list of numbers and words", value)
        return tuple(value)

    def address(self, key: str) -> Target:
        """An address of the parameter table."""
        addr = self.text(key)
        target = resolve(addr)
        if target is None:
            raise MapError(
                f"{self.where}: {key}: no such address {addr[:64]!r}; the nearest is {nearest(addr)}"
            )
        return target

    def _need(self, key: str) -> Any:
        if key not in self._values:
            self._missing(key)
        return self._values[key]

    def _missing(self, key: str) -> NoReturn:
        raise MapError(f'{self.where}: "{key}" is missing')

    def _wrong(self, key: str, expected: str, value: Any) -> NoReturn:
        raise MapError(f'{self.where}: "{key}" must be {expected}, found {kind_of(value)}')
