"""The control log: JSON lines of what took effect and when, enough to render a performance again.

A line is `{"t": seconds, "addr": "/gn/part1/hit", "args": [0.9]}`. The first line that `play` writes is
`/gn/log/start`, whose arguments are name–value pairs: version, model, decode_delay, decode_spacing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ghostnote.errors import LogError, MessageError
from ghostnote.state.registry import Target, check, nearest, resolve
from ghostnote.state.table import ROOT, Value

START = f"{ROOT}/log/start"
_MAX_LINE = 1 << 16
_MAX_SECONDS = 24 * 3600.0
_MAX_DELAY = 1000


@dataclass(frozen=True)
class LogEntry:
    """One line: when, what, and its checked arguments."""

    t: float
    target: Target
    args: tuple[Value, ...]


@dataclass
class ControlLog:
    """A log as read: `start` holds the name–value pairs of the first line, empty if it has none."""

    entries: list[LogEntry] = field(default_factory=list)
    start: dict[str, Value] = field(default_factory=dict)
    clipped: int = 0


def format_line(t: float, addr: str, args: Iterable[Value]) -> str:
    """One log line, without its newline."""
    return json.dumps({"t": t, "addr": addr, "args": list(args)}, ensure_ascii=False)


def read_log(path: str | Path) -> ControlLog:
    """Read and check a whole log.

    Raises LogError that names the line and what is wrong with it. Lines need not be in order of time.
    """
    path = Path(path)
    log = ControlLog()
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(_MAX_LINE + 1), b""), start=1):
                if line.strip():
                    _read_line(log, line, f"{path}, line {number}")
    except FileNotFoundError:
        raise LogError(f"{path}: no such log") from None
    except OSError as error:
        raise LogError(f"{path}: cannot be read ({error.strerror})") from error
    return log


def _start(args: list[Value], where: str) -> dict[str, Value]:
    start = dict(zip(map(str, args[::2]), args[1::2], strict=False))
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
    target = resolve(addr) if isinstance(addr, str) else None
    if target is None:
        raise LogError(f"{where}: no such address {str(addr)[:64]!r}; the nearest is {nearest(str(addr))}")
    try:
        fitted, clipped = check(target, tuple(args))
    except MessageError as error:
        raise LogError(f"{where}: {error}") from None
    log.clipped += clipped
    log.entries.append(LogEntry(float(t), target, fitted))
