"""The guard before the OSC codec: a datagram is checked in linear time, then python-osc decodes its messages.

The format is Open Sound Control 1.0 (Wright, 2002). The limits keep every later step bounded.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from pythonosc.osc_message import OscMessage

from ghostnote.control.osc_time import IMMEDIATELY
from ghostnote.errors import MessageError
from ghostnote.state.table import Value

MAX_DATAGRAM = 8192
MAX_ELEMENTS = 64
MAX_NESTING = 2
MAX_ADDRESS = 128
MAX_ARGUMENTS = 256
MAX_TEXT = 1024


_PRINTABLE = bytes(range(0x21, 0x7F))
_FIXED = {"i": 4, "f": 4, "h": 8, "d": 8, "T": 0, "F": 0, "N": 0}
_INT = struct.Struct(">i")
_TIMETAG = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Message:
    """One decoded message: nil arguments are left out, true and false are 1 and 0, a blob stays bytes."""

    addr: str
    args: tuple[Value | bytes, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Messages that act together at one NTP time tag (`IMMEDIATELY` for messages outside a bundle)."""

    timetag: int
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Packet:
    """A datagram's contents; `rejected` holds the messages that were left out, each with the reason."""

    groups: tuple[Group, ...]
    rejected: tuple[tuple[str, MessageError], ...]


def parse(datagram: bytes) -> Packet:
    """Check and decode one datagram.

    A broken structure raises MessageError(`malformed`) for the whole datagram. A message with an unsupported
    type tag (`type`) or a number that is not finite (`range`) is rejected alone. A bundle inside a bundle
    acts with it, unless it has a later time tag of its own.
    """
    if len(datagram) > MAX_DATAGRAM:
        raise _malformed(f"datagram of {len(datagram)} bytes; the limit is {MAX_DATAGRAM}")
    groups: list[tuple[int, list[Message]]] = []
    rejected: list[tuple[str, MessageError]] = []
    elements = 0
    waiting: list[tuple[bytes, int, int]] = [(datagram, IMMEDIATELY, 0)]
    while waiting:
        data, timetag, depth = waiting.pop()
        if not data.startswith(b"#bundle\0"):
            addr = _check_address(data)
            try:
                message = _decode(data, addr)
            except MessageError as error:
                if error.code == "malformed":
                    raise
                # Without its traceback, which would make a circle that only the garbage collector ends.
                rejected.append((addr, error.with_traceback(None)))
                continue
            if not groups or groups[-1][0] != timetag:
                groups.append((timetag, []))
            groups[-1][1].append(message)
            continue
        if depth == MAX_NESTING:
            raise _malformed(f"bundles nested deeper than {MAX_NESTING}")
        own_tag, inner = _split(data)
        elements += len(inner)
        if elements > MAX_ELEMENTS:
            raise _malformed(f"more than {MAX_ELEMENTS} elements in a bundle")
        waiting.extend((part, max(timetag, own_tag), depth + 1) for part in reversed(inner))
    return Packet(tuple(Group(tag, tuple(found)) for tag, found in groups), tuple(rejected))


def _split(data: bytes) -> tuple[int, list[bytes]]:
    """Time tag and elements of a bundle."""
    if len(data) < 16:
        raise _malformed("bundle without a time tag")
    (timetag,) = _TIMETAG.unpack_from(data, 8)
    inner: list[bytes] = []
    at = 16
    while at < len(data):
        if len(data) - at < 4:
            raise _malformed("bundle ends inside an element's size")
        (size,) = _INT.unpack_from(data, at)
        at += 4
        if size <= 0 or size % 4 or size > len(data) - at:
            raise _malformed(f"bundle element of size {size} with {len(data) - at} bytes left")
        inner.append(data[at : at + size])
        at += size
        if len(inner) > MAX_ELEMENTS:
            raise _malformed(f"more than {MAX_ELEMENTS} elements in a bundle")
    return timetag, inner


def _check_address(data: bytes) -> str:
    if len(data) % 4 or not data.startswith(b"/"):
        raise _malformed("neither a bundle nor an address that starts with /, in multiples of 4 bytes")
    end = data.find(b"\0", 0, MAX_ADDRESS + 1)
    if end < 0:
        raise _malformed(f"address without an end, or longer than {MAX_ADDRESS}")
    if data[:end].translate(None, _PRINTABLE):
        raise _malformed("address with characters outside printable ASCII")
    return data[:end].decode("ascii")


def _decode(data: bytes, addr: str) -> Message:
    """Arguments of a message whose address was checked."""
    _check_arguments(data, (len(addr) + 4) & ~3)
    args: list[Value | bytes] = []
    for value in OscMessage(data).params:
        if value is None:
            continue
        if isinstance(value, float) and not math.isfinite(value):
            raise MessageError("range", f"{addr}: {value} is not a finite number")
        args.append(int(value) if isinstance(value, bool) else value)
    return Message(addr, tuple(args))


def _check_arguments(data: bytes, at: int) -> None:
    """Walk over the type tags and sizes from offset `at`, so that the codec cannot leave the datagram."""
    if at == len(data):
        return
    end = data.find(b"\0", at, at + MAX_ARGUMENTS + 2)
    if data[at : at + 1] != b"," or end < 0:
        raise _malformed(f"type tags missing, without an end, or more than {MAX_ARGUMENTS}")
    tags = data[at + 1 : end].decode("latin-1")
    at = (end + 4) & ~3
    for tag in tags:
        size = _FIXED.get(tag)
        if size is not None:
            at += size
        elif tag == "s":
            end = data.find(b"\0", at, at + MAX_TEXT + 1)
            if end < 0:
                raise _malformed(f"text without an end, or longer than {MAX_TEXT} bytes")
            try:
                data[at:end].decode("utf-8")
            except UnicodeDecodeError:
                raise _malformed("text that is not UTF-8") from None
            at = (end + 4) & ~3
        elif tag == "b":
            if len(data) - at < 4:
                raise _malformed("blob without a size")
            (size,) = _INT.unpack_from(data, at)
            if not 0 <= size <= MAX_TEXT:
                raise _malformed(f"blob of size {size}")
            at += 4 + ((size + 3) & ~3)
        else:
            raise MessageError("type", f"type tag {tag!r} is not supported; send i, f, d, h, s, T or F")
        if at > len(data):
            raise _malformed("arguments longer than the message")
    if at != len(data):
        raise _malformed(f"{len(data) - at} bytes after the last argument")


def _malformed(text: str) -> MessageError:
    return MessageError("malformed", f"OSC packet ignored: {text}")
