"""What changed since someone last looked, and by whom: the render thread notes it, feedback reads it."""

from __future__ import annotations

EVERYTHING = ""
"""Stands for an address in `ChangeReader.take`: look at all of them."""

MAX_WAITING = 4096


class ChangeReader:
    """One listener's changes that it has not taken yet: of each address the latest author counts.

    Made by `Changes.reader`. Thread: one takes, the render thread notes; no locks, since each step on the
    dictionary is one that the interpreter does not divide.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: dict[str, str] = {}

    def note(self, addr: str, source: str) -> None:
        """Remember a change; too many of them become the one mark `EVERYTHING`. Thread: render."""
        waiting = self._waiting
        if len(waiting) >= self._capacity and addr not in waiting:
            addr = EVERYTHING
        waiting[addr] = source

    def take(self) -> list[tuple[str, str]]:
        """Addresses that changed since the last call, each with its latest author ("" = the engine itself).

        After an overflow, or when everything may have changed, the only item is `(EVERYTHING, "")`.
        """
        waiting = self._waiting
        if not waiting:
            return []
        # What is noted meanwhile comes out too, after what it replaces.
        taken = dict(waiting.popitem() for _ in range(len(waiting)))
        if EVERYTHING in taken:
            return [(EVERYTHING, "")]
        return list(reversed(taken.items()))


class Changes:
    """The engine's list of changes: every listener has a `reader`, and takes from it when it wants to.

    `note` costs about a tenth of a microsecond when nobody listens. Values are not kept: who reads a change
    asks for the present value, so that the latest one wins.
    """

    def __init__(self) -> None:
        self._readers: tuple[ChangeReader, ...] = ()

    def reader(self, capacity: int = MAX_WAITING) -> ChangeReader:
        """A new listener, that hears of what changes from now on. Thread: any."""
        reader = ChangeReader(capacity)
        self._readers = (*self._readers, reader)
        return reader

    def forget(self, reader: ChangeReader) -> None:
        """End a listener. Thread: any."""
        self._readers = tuple(r for r in self._readers if r is not reader)

    def note(self, addr: str, source: str = "") -> None:
        """Tell all listeners that the value of `addr` changed. Thread: render. Realtime-safe: yes."""
        for reader in self._readers:
            reader.note(addr, source)

    def note_everything(self) -> None:
        """Tell all listeners that any value may have changed. Thread: render. Realtime-safe: yes."""
        for reader in self._readers:
            reader.note(EVERYTHING, "")
