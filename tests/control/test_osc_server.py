"""The OSC server on a real socket: answers, floods, panic in a flood, and a clean end."""

from __future__ import annotations

import socket
import threading

import pytest
from pythonosc.osc_message import OscMessage

from controlkit import bundle, wait_for
from ghostnote.control.inbox import Inbox
from ghostnote.control.osc_send import MAX_BYTES, OscSender, build
from ghostnote.control.osc_server import OscServer
from ghostnote.errors import NetworkError
from ghostnote.state.registry import DEFAULTS
from ghostnote.telemetry import Telemetry


class Peer:
    """A program that sends OSC and reads the answers."""

    def __init__(self, port: int) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(60.0)
        self.to = ("127.0.0.1", port)

    def send(self, datagram: bytes) -> None:
        self.sock.sendto(datagram, self.to)

    def say(self, addr: str, *args: float | int | str) -> None:
        self.send(build(addr, *args))

    def hear(self) -> tuple:
        answer = OscMessage(self.sock.recv(9000))
        return (answer.address, *answer.params)


@pytest.fixture
def server(inbox, telemetry):
    with OscServer(inbox, telemetry, values=DEFAULTS, port=0, session="test") as running:
        yield running


@pytest.fixture
def peer(server):
    found = Peer(server.port)
    yield found
    found.sock.close()


def test_it_answers_on_the_loopback_only(server, peer):
    assert server.bind == "127.0.0.1"
    peer.say("/gn/hello", "test")
    addr, version, protocol, port, http, session = peer.hear()
    assert (addr, protocol, port, http, session) == ("/gn/hello/reply", 1, server.port, 0, "test")
    assert version.count(".") >= 1


def test_ping_get_clip_and_error(peer):
    for ask, answer in [
        (("/gn/ping", 12), ("/gn/pong", 12)),
        (("/gn/part1/gain",), ("/gn/part1/gain", 0.0)),
        (("/gn/part1/pan", -7.0), ("/gn/part1/pan", -1.0)),
    ]:
        peer.say(*ask)
        assert peer.hear() == answer
    peer.say("/gn/part1/gane", 1.0)
    assert peer.hear()[:3] == ("/gn/error", "/gn/part1/gane", "unknown_address")


def test_answers_go_to_the_port_that_hello_named(server, peer):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(60.0)
        peer.say("/gn/hello", "pd", other.getsockname()[1])
        peer.say("/gn/ping", 1)
        assert OscMessage(other.recv(9000)).address == "/gn/hello/reply"
        assert OscMessage(other.recv(9000)).params == [1]


def test_sync_is_answered_once_the_reader_has_taken_what_came_before(inbox, peer):
    peer.say("/gn/part1/gain", -3.0)
    peer.say("/gn/sync", 4)
    assert wait_for(inbox.drain)[0].args == (-3.0,)
    inbox.drain()
    assert peer.hear() == ("/gn/synced", 4)


def test_a_flood_stays_bounded_and_panic_gets_through(inbox, telemetry, server, peer):
    hit, knob = (
        build("/gn/part1/hit", 1.0),
        bundle(build("/gn/part1/gain", -1.0), build("/gn/part1/pan", 0.0)),
    )
    largest = 0
    for n in range(10_000):
        peer.send(hit if n % 2 else knob)
        largest = max(largest, len(inbox))
    peer.say("/gn/panic")

    def panicked():
        nonlocal largest
        largest = max(largest, len(inbox))
        return any(e.addr == "/gn/panic" for e in inbox.drain())

    wait_for(panicked)
    peer.say("/gn/ping", 1)
    assert peer.hear() == ("/gn/pong", 1)
    wait_for(lambda: not server._backlog)
    assert largest <= 4096 + 64
    assert not [e for e in inbox.drain(100_000) if e.addr == "/gn/part1/hit"]


def test_a_flood_without_a_reader_is_counted(inbox, telemetry, server, peer):
    for _ in range(6000):
        peer.say("/gn/part1/hit", 1.0)
    wait_for(lambda: telemetry.snapshot().get("inbox_dropped", 0) > 0)
    assert len(inbox) <= 4096


@pytest.mark.parametrize("size", [8193, 20_000, 65_000])
def test_an_oversized_datagram_is_refused_and_the_next_one_heard(telemetry, peer, size):
    peer.send(b"/" + b"a" * (size - 1))
    assert peer.hear()[2] == "malformed"
    peer.say("/gn/ping", 2)
    assert peer.hear() == ("/gn/pong", 2)


def test_hostile_datagrams_do_not_stop_it(peer):
    peer.send(bytes.fromhex("2362756e646c65000000000000000001fffffffc"))
    assert peer.hear()[2] == "malformed"
    for data in (b"", b"\0", b"#bundle", b"/\xff\xfe\0", b"/a\0\0,fffffff"):
        peer.send(data)
    peer.say("/gn/ping", 3)
    assert peer.hear() == ("/gn/pong", 3)


def test_a_peer_that_is_gone_does_not_stop_it(server, peer):
    gone = Peer(server.port)
    for n in range(20):
        gone.say("/gn/ping", n)
    gone.sock.close()
    peer.say("/gn/ping", 4)
    assert peer.hear() == ("/gn/pong", 4)


def test_a_mistake_of_ours_is_told_and_the_thread_lives(monkeypatch, telemetry, server, peer):
    def broken(*args):
        raise ZeroDivisionError("by mistake")

    with monkeypatch.context() as patch:
        patch.setattr(server._router, "handle", broken)
        peer.say("/gn/ping", 1)
        wait_for(lambda: "osc_internal" in telemetry.snapshot())
    peer.say("/gn/ping", 5)
    assert peer.hear() == ("/gn/pong", 5)


def test_a_port_in_use_is_named_with_what_to_try(server, inbox, telemetry):
    with pytest.raises(
        NetworkError, match=rf"port {server.port} on 127.0.0.1 is taken .* --port {server.port + 1}"
    ):
        OscServer(inbox, telemetry, values={}, port=server.port)


@pytest.mark.parametrize(
    ("bind", "port", "says"),
    [
        ("203.0.113.7", 0, "not an IPv4 address of this computer"),
        ("no such host", 0, "not an IPv4 address of this computer"),
        ("127.0.0.1", 70_000, "ports are 0…65535"),
    ],
)
def test_impossible_addresses_are_refused(inbox, telemetry, bind, port, says):
    with pytest.raises(NetworkError, match=says):
        OscServer(inbox, telemetry, values={}, bind=bind, port=port)


def test_closing_ends_the_thread_and_frees_the_port(inbox, telemetry):
    server = OscServer(inbox, telemetry, values={}, port=0)
    server.start()
    server.close()
    server.close()
    assert not [t for t in threading.enumerate() if t is server._thread]
    with OscServer(inbox, telemetry, values={}, port=server.port) as again:
        assert again.port == server.port


def test_it_reports_the_buffer_that_the_system_granted(server, telemetry):
    assert telemetry.snapshot()["osc_receive_buffer"] == server.receive_buffer > 0


def test_kernel_drops_are_read_where_the_system_tells():
    telemetry = Telemetry()
    server = OscServer(Inbox(telemetry), telemetry, values={}, port=0)
    try:
        before = server.kernel_drops()
        if before is None:
            pytest.skip("this system does not count dropped datagrams per socket")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _ in range(server.receive_buffer // 4000 + 4000):
                sock.sendto(b"\0" * 8000, ("127.0.0.1", server.port))
        assert server.kernel_drops() > before == 0
    finally:
        server.close()


def test_only_i_f_and_s_go_out():
    sent = OscMessage(build("/x", True, 2**40, -(2**40), 1e300, "a\0b", 3))
    assert sent.params == [1, 2**31 - 1, -(2**31), pytest.approx(3.4028235e38), "ab", 3]
    assert b",iiifsi" in sent.dgram


def test_a_message_too_large_for_one_packet_is_not_sent(telemetry):
    sender = OscSender(telemetry)
    try:
        assert not sender.send(("127.0.0.1", 9), "/x", "a" * MAX_BYTES)
        assert sender.send(("127.0.0.1", 9), "/x", "a")
    finally:
        sender.close()
    assert telemetry.snapshot()["osc_out_too_large"] == 1
    assert not sender.send(("127.0.0.1", 9), "/x", 1)
    assert telemetry.snapshot()["osc_out_failed"] == 1


def test_an_author_is_sent_several_messages_at_once(server, peer):
    peer.say("/gn/ping", 1)
    assert peer.hear() == ("/gn/pong", 1)
    source = f"osc:127.0.0.1:{peer.sock.getsockname()[1]}"
    messages = [("/gn/library/neighbour", (k, "a.wav", 0.0, 0.5, "", 7)) for k in (1, 2)]
    too_long = ("/gn/library/neighbour", (3, "x" * MAX_BYTES, 0.0, 0.5, "", 7))
    assert server.answer(source, [*messages, too_long]) == 2
    assert [peer.hear() for _ in range(2)] == [(addr, *args) for addr, args in messages]
    assert server.answer("midi:pads", messages) == 0
