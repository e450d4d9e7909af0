"""One datagram to many: everyone gets it, whoever cannot be reached is counted and holds up nobody."""

from __future__ import annotations

import ctypes
import socket
import sys

import pytest

from ghostnote.control import osc_burst
from ghostnote.control.osc_burst import FEW, MAX_KEPT, Burst
from ghostnote.control.osc_send import OscSender
from ghostnote.telemetry import Telemetry

NOBODY = ("127.0.0.1", 0)
"""An address to which the system sends nothing."""


@pytest.fixture
def sender():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        yield sock


@pytest.fixture
def ears():
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
    for sock in socks:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(60.0)
    yield socks
    for sock in socks:
        sock.close()


@pytest.fixture(params=["one call", "call after call"])
def burst(request, sender, monkeypatch):
    if request.param == "one call" and not sys.platform.startswith("linux"):
        pytest.skip("sendmmsg is a call of Linux")
    if request.param != "one call":
        monkeypatch.setattr(osc_burst, "_sendmmsg", lambda: None)
    return Burst(sender)


def where(ears) -> tuple:
    return tuple(ear.getsockname() for ear in ears)


def is_silent(ear) -> bool:
    ear.setblocking(False)
    try:
        return not ear.recv(100)
    except BlockingIOError:
        return True


@pytest.mark.parametrize("count", [1, FEW, 8])
def test_everyone_gets_each_datagram_once_from_the_same_port(burst, ears, sender, count):
    dests = where(ears[:count])
    for datagram in (b"/a\0\0\0one", b"\0" * 1400, b"/b\0\0"):
        assert burst.send(dests, datagram) == count
        heard = [ear.recvfrom(2000) for ear in ears[:count]]
        assert {data for data, _ in heard} == {datagram}
        assert {origin[1] for _, origin in heard} == {sender.getsockname()[1]}
    assert all(is_silent(ear) for ear in ears)


def test_those_that_cannot_be_reached_hold_up_nobody(burst, ears):
    there = where(ears[:4])
    dests = (NOBODY, there[0], there[1], NOBODY, NOBODY, there[2], there[3], NOBODY)
    assert burst.send(dests, b"/a\0\0") == 4
    for ear in ears[:4]:
        assert ear.recv(100) == b"/a\0\0"
        assert is_silent(ear)


def test_other_subscribers_are_other_addresses(burst, ears):
    """What is kept ready for some is not sent to others, and is not kept for ever."""
    everyone = where(ears)
    for k in range(2 * MAX_KEPT):
        some = tuple(everyone[(k + n) % 8] for n in range(4))
        assert burst.send(some, b"%04d" % k) == 4
        for ear in ears:
            assert is_silent(ear) if ear.getsockname() not in some else ear.recv(100) == b"%04d" % k
            ear.settimeout(60.0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sendmmsg is a call of Linux")
def test_many_are_one_call_and_what_a_call_leaves_is_another(sender, ears):
    calls = []
    real = osc_burst._sendmmsg()

    def counted(fd, start, count, flags):
        calls.append(count)
        return real(fd, start, min(count, 5), flags)

    assert Burst(sender, counted).send(where(ears), b"/a\0\0") == 8
    assert calls == [8, 3], "the system may stop on its way"
    assert [ear.recv(100) for ear in ears] == [b"/a\0\0"] * 8
    calls.clear()
    assert Burst(sender, lambda *_: -1).send(where(ears), b"/a\0\0") == 0, (
        "and a system that refuses all ends it"
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the layout is that of Linux")
@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="the layout of 64 bits")
def test_the_headers_are_laid_out_as_the_system_reads_them():
    assert (osc_burst._SIZE, osc_burst._Message.pieces.offset, osc_burst._Message.flags.offset) == (
        64,
        16,
        48,
    )


def test_what_the_sender_could_not_send_is_counted(sender, ears):
    telemetry = Telemetry()
    OscSender(telemetry, sender).send_to_all((*where(ears[:3]), NOBODY, NOBODY), b"/a\0\0")
    assert [ear.recv(100) for ear in ears[:3]] == [b"/a\0\0"] * 3
    assert telemetry.snapshot()["osc_out_failed"] == 2
