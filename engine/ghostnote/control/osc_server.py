"""The OSC server: what comes in at its port becomes events in an inbox, and changes go out to subscribers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ghostnote
from ghostnote.control.inbox import Inbox
from ghostnote.control.osc_feedback import ChangeSource, Feedback
from ghostnote.control.osc_meta import ServerInfo
from ghostnote.control.osc_nodes import Values
from ghostnote.control.osc_receiver import Receiver
from ghostnote.control.osc_router import OscRouter
from ghostnote.control.osc_send import OscSender
from ghostnote.state.table import Value
from ghostnote.telemetry import Telemetry

DEFAULT_PORT = 9770


class OscServer(Receiver):
    """Receives OSC and puts events into an inbox.

    `values` gives the present value of an address to whoever asks; `settled(t)` says whether all that
    was received up to monotonic time `t` is in effect, slow work (files, models) included: `/gn/sync`
    waits for it. `changes`: what subscribers are told of (None: nobody can subscribe). Raises NetworkError.
    """

    _router: OscRouter

    def __init__(
        self,
        inbox: Inbox,
        telemetry: Telemetry,
        *,
        values: Values,
        bind: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        session: str = "",
        http_port: int = 0,
        settled: Callable[[float], bool] = lambda received: True,
        changes: ChangeSource | None = None,
    ) -> None:
        super().__init__(telemetry, bind, port, "osc", "--port")
        telemetry.gauge("osc_receive_buffer", self.receive_buffer)
        self.info = ServerInfo(ghostnote.__version__, session, self.port, http_port)
        sender = OscSender(telemetry, self._sock)
        self._feedback = None if changes is None else Feedback(changes, values, sender, telemetry)
        self._router = OscRouter(
            inbox, telemetry, sender, values=values, info=self.info, settled=settled, feedback=self._feedback
        )

    def start(self) -> None:
        """Begin to receive and to tell, in threads of their own."""
        super().start()
        if self._feedback is not None:
            self._feedback.start()

    def close(self) -> None:
        """Stop receiving (within a fraction of a second) and close the socket; may be called again."""
        if self._feedback is not None:
            self._feedback.close()
        super().close()

    def notify(self, source: str, addr: str, code: str, text: str, request: int = 0) -> None:
        """Tell the author of a slow command that it is done (`code` empty) or failed. Thread: any."""
        self._router.notify(source, addr, code, text, request)

    def answer(self, source: str, messages: Sequence[tuple[str, tuple[Value, ...]]]) -> int:
        """Send messages to an author at once; how many went out. Thread: any."""
        return self._router.answer(source, messages)

    def refuse(self, source: str, addr: str, code: str, text: str) -> None:
        """Tell the author of a quick message that it could not be carried out. Thread: any."""
        self._router.refuse(source, addr, code, text)
