"""JSON from an untrusted file: bounded in size and depth, finite numbers only, every key accounted for."""

from __future__ import annotations

from collections.abc import KeysView
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode.files import read_bounded
from ghostnote.errors import BundleError
from ghostnote.json_text import kind_of, parse

MAX_DEPTH = 12
MAX_TEXT = 10_000
MAX_ITEMS = 100_000


def read_json(path: Path, max_bytes: int) -> Any:
    """The value in a JSON file of at most `max_bytes`.

    Raises BundleError for a file that cannot be read, is not UTF-8 JSON, repeats a key, holds NaN or
    infinity, or nests deeper than `MAX_DEPTH`.
    """
    data = read_bounded(path, max_bytes)
    try:
        value = parse(data.decode("utf-8"), MAX_DEPTH)
    except RecursionError:
        raise BundleError(f"{path}: nested too deeply; at most {MAX_DEPTH} levels are read") from None
    except ValueError as error:
        raise BundleError(f"{path}: not valid JSON ({error}); export the model again") from None
    return value


class Fields:
    """One JSON object whose keys are taken one by one; `finish` then refuses those nobody asked for."""

    def __init__(self, values: Any, where: str) -> None:
        if not isinstance(values, dict):
            raise BundleError(f"{where}: expected an object with named values, found {kind_of(values)}")
        self._values: dict[str, Any] = dict(values)
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def keys(self) -> KeysView[str]:
        """Keys not yet taken."""
        return dict(self._values).keys()

    def rest(self) -> dict[str, Any]:
        """All values not yet taken, as they are."""
        taken, self._values = self._values, {}
        return taken

    def finish(self) -> None:
        """Raise BundleError when a key was not taken."""
        if self._values:
            odd = ", ".join(sorted(key[:60] for key in self._values)[:10])
            raise BundleError(
                f"{self.where}: unknown key: {odd}; remove it or use the ghostnote that wrote it"
            )

    def _take(self, key: str) -> Any:
        if key not in self._values:
            raise BundleError(f"{self.where}: {key} is missing; export the model again")
        return self._values.pop(key)

    def _wrong(self, key: str, expected: str, value: Any) -> NoReturn:
        raise BundleError(f"{self.where}: {key} must be {expected}, found {kind_of(value)}")

    def text(self, key: str) -> str:
        """A string of 1 to `MAX_TEXT` characters."""
        value = self._take(key)
        if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
            self._wrong(key, "a text", value)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self._take(key)
        if not isinstance(value, list) or not all(isinstance(v, str) and 0 < len(v) <= 200 for v in value):
            self._wrong(key, "a list of texts", value)
        return tuple(value)

    def integer(self, key: str, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        value = self._take(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self._wrong(key, f"a whole number from {low} to {high}", value)
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """A number in [low, high]."""
        value = self._take(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            self._wrong(key, f"a number from {low:g} to {high:g}", value)
        return float(value)

    def vector(self, key: str, size: int) -> NDArray[np.float32]:
        """A list of `size` numbers as a read-only array of shape (size,)."""
        value = self._take(key)
        if not isinstance(value, list) or len(value) != size or not all(_is_number(v) for v in value):
            self._wrong(key, f"a list of {size} numbers below 1e30", value)
        array = np.array(value, dtype=np.float32)
        array.flags.writeable = False
        return array

    def sub(self, key: str) -> Fields:
        """An object inside this one."""
        return Fields(self._take(key), f"{self.where}: {key}")

    def subs(self, key: str) -> list[Fields]:
        """A list of objects."""
        value = self._take(key)
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            self._wrong(key, "a list of objects", value)
        return [Fields(item, f"{self.where}: {key}[{index}]") for index, item in enumerate(value)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30
