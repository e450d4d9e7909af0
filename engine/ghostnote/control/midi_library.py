"""Which map goes with which controller: files that were asked for, the user's own, and what was learnt."""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ghostnote.control.midi_files import SCHEMA, VERSION, MapFile, parse, read, write
from ghostnote.control.midi_map import DEFAULT_MAP, MidiMap
from ghostnote.control.midi_names import display_name, fits
from ghostnote.errors import MapError
from ghostnote.state import store
from ghostnote.telemetry import Telemetry


def folder() -> Path:
    """Where the user's own maps are: each `*.json` in it is loaded by itself."""
    return store.home() / "midi"


class MapLibrary:
    """The loaded maps, the latest first; the first one whose pattern fits a port is that port's.

    Maps by path (`--map`) must be sound if `strict`: raises MapError. Of the user's folder, a damaged one is
    told and left out. Thread: any; maps are replaced as a whole, so that a bad file leaves everything as it
    was.
    """

    def __init__(
        self, paths: Iterable[str | Path] = (), telemetry: Telemetry | None = None, *, strict: bool = True
    ) -> None:
        self._telemetry = telemetry or Telemetry()
        self._lock = threading.Lock()
        self.version = 0
        """Rises whenever a port's map may be another."""
        self._new: tuple[tuple[MapFile, bool], ...] = ()
        asked = [read(path) for path in paths] if strict else self._sound(paths)
        self._maps: tuple[MapFile, ...] = (*asked, *self._sound(self._own()))

    @property
    def maps(self) -> tuple[MapFile, ...]:
        """The maps that are loaded, the most important first."""
        return self._maps

    def of_port(self, name: str) -> MapFile | None:
        """The map for a port, or None: the default map alone."""
        return next((found for found in self._maps if fits(name, found.match)), None)

    def midi_map(self, name: str) -> MidiMap:
        """A port's map with the default map behind it, ready for look-up."""
        return compiled(self.of_port(name))

    def load(self, wanted: str) -> MapFile:
        """Load a map by path, or by name from the user's folder; it then comes first. Raises MapError."""
        found = read(self._path(wanted))
        with self._lock:
            self._put_first(found)
        return found

    def save(self, wanted: str, port: str | None) -> Path:
        """Write the map of a port (None: the first one) under a name or path. Raises MapError.

        Keys of the file that this version does not know are kept.
        """
        found = self.of_port(port) if port is not None else next(iter(self._maps), None)
        if found is None:
            about = f"{display_name(port)} has no map of its own" if port else "no map is loaded"
            raise MapError(f"{wanted}: nothing to save, {about}; learn a control first (midi/learn)")
        path = self._path(wanted)
        write(path, found.document)
        with self._lock:
            kept = MapFile(found.document, found.rows, found.match, found.defaults, found.out, path)
            self._set(tuple(kept if m is found else m for m in self._maps if m is found or m.path != path))
            self._keep(kept, False)
        return path

    def learn(self, port: str, control: dict[str, Any]) -> MapFile:
        """Add a control to a port's map, in the place of what it did before. Raises MapError."""
        with self._lock:
            found = self.of_port(port)
            document = copy.deepcopy(found.document) if found is not None else blank(port)
            document["controls"] = [c for c in document["controls"] if not same_control(c, control)]
            document["controls"].append(control)
            name = str(found.path) if found is not None and found.path else display_name(port)
            path = found.path if found is not None else None
            learnt = parse(document, name, path)
            self._set((learnt, *(m for m in self._maps if m is not found)))
            self._keep(learnt, True)
            return learnt

    def kept(self) -> list[dict[str, Any]]:
        """Maps that were loaded, saved or learnt since the start, the first first, as JSON values: their
        paths, and where more was learnt than is on disk, their documents.
        """
        with self._lock:
            new = [(m, unsaved) for m in self._maps for known, unsaved in self._new if known is m]
        return [
            {
                **({} if m.path is None else {"path": str(m.path)}),
                **({"document": m.document} if unsaved else {}),
            }
            for m, unsaved in new
        ]

    def take_back(self, kept: Any) -> None:
        """Have the maps of another library's `kept` too, before all others; a damaged one is told."""
        for entry in reversed(kept if isinstance(kept, list) else []):
            try:
                found, unsaved = _given(entry)
            except MapError as error:
                self._telemetry.trouble("midi_map_refused", f"a MIDI map of the last state is lost: {error}")
                continue
            with self._lock:
                self._put_first(found, unsaved)

    def _put_first(self, found: MapFile, unsaved: bool = False) -> None:
        others = (
            m for m in self._maps if m.match != found.match and (m.path is None or m.path != found.path)
        )
        self._set((found, *others))
        self._keep(found, unsaved)

    def _keep(self, new: MapFile, unsaved: bool) -> None:
        """Remember a map that is new, and of the others those that are still there."""
        there = [(m, u) for m, u in self._new if any(m is known for known in self._maps)]
        self._new = (*there, (new, unsaved))

    def _set(self, maps: Sequence[MapFile]) -> None:
        self._maps = tuple(maps)
        self.version += 1

    def _path(self, wanted: str) -> Path:
        if not wanted or "\0" in wanted:
            raise MapError("a map needs a name or a path")
        path = Path(wanted)
        if path.suffix == ".json" or len(path.parts) > 1:
            return path if path.suffix == ".json" else path.with_name(f"{path.name}.json")
        return folder() / f"{slug(wanted)}.json"

    def _own(self) -> list[Path]:
        try:
            return sorted(folder().glob("*.json"))
        except OSError as error:
            self._telemetry.trouble("midi_map_refused", f"{folder()}: cannot be read ({error.strerror})")
            return []

    def _sound(self, paths: Iterable[str | Path]) -> list[MapFile]:
        """Those maps that can be read; the others are told and left out."""
        found = []
        for path in paths:
            try:
                found.append(read(path))
            except MapError as error:
                self._telemetry.trouble(f"midi_map:{path}", f"left out: {error}")
        return found


def _given(entry: Any) -> tuple[MapFile, bool]:
    """A map that was kept, and whether there is more in it than on disk. Raises MapError."""
    path, document = (entry.get("path"), entry.get("document")) if isinstance(entry, dict) else (None, None)
    if path is not None and (not isinstance(path, str) or "\0" in path):
        raise MapError("its path is none")
    if document is None:
        if path is None:
            raise MapError("it has neither a path nor a document")
        return read(path), False
    return parse(document, path or "a learnt map", None if path is None else Path(path)), True


def compiled(found: MapFile | None) -> MidiMap:
    """A map file's rows with the default map behind them."""
    if found is None:
        return MidiMap()
    return MidiMap((*found.rows, *(DEFAULT_MAP if found.defaults else ())))


def blank(port: str) -> dict[str, Any]:
    """A map without controls for a port."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "device": {"match": escaped(display_name(port)), "direction": "in"},
        "controls": [],
    }


def escaped(name: str) -> str:
    """A pattern that fits this very name."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def slug(name: str) -> str:
    """A name as a file name."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "map"


def same_control(one: Any, other: dict[str, Any]) -> bool:
    """Whether two controls of map files are moved by the same messages (without a channel: any channel's)."""
    first = one.get("in", {}) if isinstance(one, dict) else {}
    if not isinstance(first, dict):
        return False
    channels = {found.get("channel") for found in (first, other["in"])} - {None}
    return len(channels) < 2 and all(first.get(k) == other["in"].get(k) for k in ("kind", "number"))
