"""Ears beside a performance: a process of its own that hears what is played, and an input if one is named."""

from __future__ import annotations

from collections.abc import Callable

from ghostnote.host.ears_keeper import EarsKeeper
from ghostnote.host.options import PlayOptions
from ghostnote.host.pipe import Message
from ghostnote.host.sharing import SharedMemory
from ghostnote.state.store import home

TARGETS = ("127.0.0.1:9771",)


class PlayEars:
    """The supervisor's end of them; without `--listen` there are none.

    `say`, `tell`: news and problems for the performer; `send`: takes what the core has to know. Threads:
    `begin` any; the others one.
    """

    def __init__(
        self,
        options: PlayOptions,
        say: Callable[[str], None],
        tell: Callable[[str], None],
        send: Callable[[Message], None],
    ) -> None:
        self._options, self._say, self._tell, self._send = options, say, tell, send
        self._shared: SharedMemory | None = None
        self._rate: int | None = None
        self._keeper: EarsKeeper | None = None
        self._refused = False
        if options.listen is not None:
            from ghostnote.host.ears_memory import ears_bytes  # NumPy: only who listens waits for it

            self._shared = SharedMemory(ears_bytes())

    @property
    def handle(self) -> str | None:
        """The memory that a core shares with them."""
        return None if self._shared is None else self._shared.handle

    @property
    def fds(self) -> tuple[int, ...]:
        """File descriptors that the core has to inherit for it."""
        return () if self._shared is None else self._shared.fds

    def check(self) -> None:
        """Whether the targets can be meant. Raises UsageError."""
        if self._options.targets:
            from ghostnote.control.osc_stream import parse_target

            for text in self._options.targets:
                parse_target(text)

    def begin(self, rate: int) -> None:
        """A core plays at `rate`: there is something to hear."""
        self._rate = rate

    def look(self) -> None:
        """Start them when there is something to hear, and again when they end. Called all the time."""
        if self._shared is None or self._rate is None:
            return
        if self._keeper is None:
            from ghostnote.host.heard_files import HEARD

            asked: Message = {
                "model": self._options.ears or self._options.model,
                "input": self._options.listen or None,
                "targets": list(self._options.targets or TARGETS),
                "options": {},
                "ring": self._shared.handle,
                "rate": self._rate,
                "heard": str(home() / HEARD) if self._options.listen else None,
            }
            fds = self._shared.fds
            self._keeper = EarsKeeper(asked, self._say, self._tell, kept=self._send, fds=fds)
        self._keeper.look()
        if self._keeper.refused is not None and not self._refused:
            self._refused = True
            self._tell(f"the ears cannot listen, the instrument plays on: {self._keeper.refused}")

    def close(self) -> None:
        """End them with the performance."""
        if self._keeper is not None:
            self._keeper.close()
        if self._shared is not None:
            self._shared.close()
