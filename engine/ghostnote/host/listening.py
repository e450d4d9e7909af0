"""What `ghostnote listen` does: opens model, streams and source, and goes on to the end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ghostnote.control.osc_stream import HOST, NUMBERS_PORT, Streams, parse_target
from ghostnote.decode.model import load
from ghostnote.ears.options import ListenOptions
from ghostnote.ears.thinker import Thinker
from ghostnote.errors import UsageError
from ghostnote.features.stream_reader import StreamReader
from ghostnote.host.child import TURN_S
from ghostnote.host.ears_keeper import EarsKeeper
from ghostnote.host.heard_line import as_dict
from ghostnote.host.hearing import Heard, Hearing
from ghostnote.host.show import INPUT_ROOT, Show
from ghostnote.telemetry import Telemetry

USUAL = (f"{HOST}:{NUMBERS_PORT}",)
_FILE_BLOCK = 256

HeardSound = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Request:
    """What is asked of `listen`. `targets`: None = none for a file, the usual ports here for an input.

    Raises UsageError for a time that is none.
    """

    model: str = "drums"
    input: str | None = None
    file: str | None = None
    targets: tuple[str, ...] | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None and not 0.0 < self.seconds < 1e7:
            raise UsageError(f"--seconds {self.seconds}: a time above 0 is needed")


def listen(request: Request, options: ListenOptions, heard: HeardSound, say: Callable[[str], None]) -> int:
    """Run in the foreground; the exit status. Raises what opening a model, source and targets raises.

    `heard`: called with each sound that is over, as `heard_line.as_dict` has it; `say`: with troubles.
    """
    telemetry = Telemetry()
    targets = [parse_target(text) for text in request.targets or ()]

    if request.file is None:
        return hear_input(request, options, heard, say)
    streams = Streams(targets, telemetry)
    reader = StreamReader(request.file)
    thinker = Thinker(load(request.model, lazy=("decoder",)), options.unknown)

    def over(sound: Heard) -> None:
        heard(as_dict(sound, thinker.classes))

    try:
        hear_file(reader, thinker, streams, telemetry, options, over=over, seconds=request.seconds)
    finally:
        for report in telemetry.take_reports():
            say(report.text)
        streams.close()
    return 0


def hear_input(
    request: Request, options: ListenOptions, heard: HeardSound, say: Callable[[str], None]
) -> int:
    """Listen to a device until Ctrl-C, the end of the time, or the end of all hope; the exit status."""
    targets = list(USUAL if request.targets is None else request.targets)
    asked = {"model": request.model, "input": request.input, "targets": targets, "options": asdict(options)}
    ended = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: ended.set())
    keeper = EarsKeeper(asked, say, say, heard)
    began = time.monotonic()
    try:
        while not ended.wait(TURN_S):
            keeper.look()
            if keeper.refused is not None:
                say(keeper.refused)
                return 2
            if request.seconds is not None and time.monotonic() - began >= request.seconds:
                return 0
        return 0
    finally:
        keeper.close()


def hear_file(
    reader: StreamReader,
    thinker: Thinker,
    streams: Streams,
    telemetry: Telemetry,
    options: ListenOptions,
    *,
    over: Callable[[Heard], None],
    seconds: float | None = None,
) -> None:
    """Listen to a file: at its own pace if anybody is told, else as fast as it goes."""
    show = Show(thinker, reader.rate, streams, INPUT_ROOT)
    paced = bool(streams.targets)
    hearing = Hearing(thinker, reader.rate, show, telemetry, options=options, over=over, aside=paced)
    began, frames = time.monotonic(), 0
    limit = None if seconds is None else seconds * reader.rate
    for block in reader.blocks(_FILE_BLOCK):
        frames += len(block)
        end = began + frames / reader.rate
        if paced and end > (now := time.monotonic()):
            time.sleep(end - now)
        hearing.take(block, end)
        if limit is not None and frames >= limit:
            break
    hearing.finish()
    hearing.close()
    reader.close()
