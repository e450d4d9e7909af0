"""The control log: JSON lines of what took effect and when, enough to render a performance again.

A line is `{"t": seconds, "addr": "/gn/part1/hit", "args": [0.9]}`. The first line that `play` writes is
`/gn/log/start`, whose arguments are name–value pairs: format (1), version (of ghostnote), model and its
sha256, decode_delay, decode_spacing. A recording has a line when it begins, `/gn/log/recording` (file, rate,
from: the frame of a render at that rate with which it begins), and one when it ends, `/gn/log/recorded`
(file, frames). `/gn/log/decode` says what a render cannot know: that a decode was late, or failed (see
`core.lateness`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ghostnote.core.lateness import WORDS
from ghostnote.errors import LogError, MessageError
from ghostnote.state.registry import Target, check, nearest, resolve
from ghostnote.state.table import ROOT, Value

START = f"{ROOT}/log/start"
RECORDING = f"{ROOT}/log/recording"
RECORDED = f"{ROOT}/log/recorded"
DECODE = f"{ROOT}/log/decode"
FORMAT = 1
_MAX_BYTES = 1 << 30
_MAX_LINE = 1 << 16
_MAX_SECONDS = 24 * 3600.0
_MAX_DELAY = 1000
_MAX_QUANTA = 1 << 30


@dataclass(frozen=True)
class LogEntry:
    """One line: when, what, and its checked arguments."""

    t: float
    target: Target
    args: tuple[Value, ...]


@dataclass
class Take:
    """A recording that a log tells of: its first frame in a render at its rate; `frames` None: not known."""

    file: str
    rate: int
    begins_at: int
    frames: int | None = None


@dataclass
class ControlLog:
    """A log as read: `start` holds the name–value pairs of the first line, empty if it has none.

    `decodes`: when, what and how many quanta, where a decode was not on time.
    """

    entries: list[LogEntry] = field(default_factory=list)
    start: dict[str, Value] = field(default_factory=dict)
    takes: list[Take] = field(default_factory=list)
    decodes: list[tuple[float, str, int]] = field(default_factory=list)
    clipped: int = 0

    def take(self, file: str = "") -> Take:
        """The recording of that name, by default the last one. Raises LogError if the log tells of none."""
        found = [take for take in self.takes if file in ("", take.file)]
        if not found:
            names = ", ".join(take.file for take in self.takes) or "none"
            raise LogError(f"the log tells of no recording {file}".strip() + f"; it has {names}")
        return found[-1]


def format_line(t: float, addr: str, args: Iterable[Value]) -> str:
    """One log line, without its newline."""
    return json.dumps({"t": t, "addr": addr, "args": list(args)}, ensure_ascii=False)


def recording_line(file: str, rate: int, begins_at: int) -> str:
    """The line of a recording that begins."""
    return format_line(begins_at / rate, RECORDING, ["file", file, "rate", rate, "from", begins_at])


def recorded_line(file: str, rate: int, begins_at: int, frames: int | None) -> str:
    """The line of a recording that ends; `frames` None: its writer died."""
    args: list[Value] = ["file", file] if frames is None else ["file", file, "frames", frames]
    return format_line((begins_at + (frames or 0)) / rate, RECORDED, args)


def read_log(path: str | Path) -> ControlLog:
    """Read and check a whole log.

    Raises LogError that names the line and what is wrong with it. Lines need not be in order of time.
    """
    path = Path(path)
    log = ControlLog()
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise LogError(f"{path}: larger than a log can be ({_MAX_BYTES} bytes); render a part of it")
        with path.open("rb") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(_MAX_LINE + 1), b""), start=1):
                if line.strip():
                    _read_line(log, line, f"{path}, line {number}")
    except FileNotFoundError:
        raise LogError(f"{path}: no such log") from None
    except OSError as error:
        raise LogError(f"{path}: cannot be read ({error.strerror})") from error
    return log


def _pairs(args: list[Value]) -> dict[str, Value]:
    return dict(zip(map(str, args[::2]), args[1::2], strict=False))


def _take(log: ControlLog, addr: str, args: list[Value], where: str) -> None:
    told = _pairs(args)
    rate, begins_at, frames = (told.get(name, 0) for name in ("rate", "from", "frames"))
    numbers = ((rate, 0, 384_000), (begins_at, 0, 1 << 40), (frames, 0, 1 << 40))
    if not all(isinstance(n, int) and low <= n <= high for n, low, high in numbers):
        raise LogError(f"{where}: rate, from and frames are whole numbers, not {args}"[:200])
    assert isinstance(rate, int)
    assert isinstance(begins_at, int)
    file = str(told.get("file", ""))
    if addr == RECORDING:
        log.takes.append(Take(file, rate, begins_at))
    elif log.takes and "frames" in told:
        assert isinstance(frames, int)
        log.takes[-1].frames = frames


def _decode(args: list[Value], where: str) -> tuple[str, int]:
    word, number = args if len(args) == 2 else ("", 0)
    if word not in WORDS or not isinstance(number, int) or not 0 <= number <= _MAX_QUANTA:
        raise LogError(f"{where}: one of {', '.join(WORDS)} and a number of quanta, not {args}"[:200])
    return str(word), number


def _start(args: list[Value], where: str) -> dict[str, Value]:
    start = _pairs(args)
    number = start.get("format", FORMAT)
    if isinstance(number, bool) or number != FORMAT:
        raise LogError(
            f"{where}: made for another ghostnote (format {number!r}, this one reads {FORMAT})"[:200]
        )
    for name in ("decode_delay", "decode_spacing"):
        quanta = start.get(name, 1)
        if not isinstance(quanta, int) or not 1 <= quanta <= _MAX_DELAY:
            raise LogError(f"{where}: {name} is a whole number from 1 to {_MAX_DELAY}, not {quanta!r}")
    return start


def _read_line(log: ControlLog, line: bytes, where: str) -> None:
    if len(line) > _MAX_LINE:
        raise LogError(f"{where}: longer than {_MAX_LINE} bytes")
    try:
        entry = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise LogError(
            f'{where}: not a line such as {{"t": 0.5, "addr": "/gn/part1/hit"}} ({error})'
        ) from None
    if not isinstance(entry, dict) or not {"t", "addr"} <= set(entry) <= {"t", "addr", "args"}:
        raise LogError(f'{where}: a line has the keys "t", "addr" and "args", and no others')
    t, addr, args = entry["t"], entry["addr"], entry.get("args", [])
    number = isinstance(t, int | float) and not isinstance(t, bool)
    if not number or not 0 <= t <= _MAX_SECONDS:
        shown = repr(t)[:32]
        raise LogError(f'{where}: "t" is a number of seconds from 0 to {_MAX_SECONDS:.0f}, not {shown}')
    if not isinstance(args, list) or not all(isinstance(a, int | float | str) for a in args):
        raise LogError(f'{where}: "args" is a list of numbers and words')
    if addr == START:
        log.start = _start(args, where)
        return
    if addr in (RECORDING, RECORDED):
        _take(log, addr, args, where)
        return
    if addr == DECODE:
        log.decodes.append((float(t), *_decode(args, where)))
        return
    target = resolve(addr) if isinstance(addr, str) else None
    if target is None:
        raise LogError(f"{where}: no such address {str(addr)[:64]!r}; the nearest is {nearest(str(addr))}")
    try:
        fitted, clipped = check(target, tuple(args))
    except MessageError as error:
        raise LogError(f"{where}: {error}") from None
    log.clipped += clipped
    log.entries.append(LogEntry(float(t), target, fitted))
