"""Pure Data itself, headless, sending and hearing through the shipped patches."""

from __future__ import annotations

import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

pytestmark = pytest.mark.real

SENDING = """#N canvas 0 0 600 400 12;
#X obj 10 10 loadbang;
#X obj 10 40 del 300;
#X msg 10 70 {message};
#X obj 10 100 ghostnote-send {address};
#X obj 10 130 ghostnote-link 127.0.0.1 {port} {reply_port};
#X connect 0 0 1 0;
#X connect 1 0 2 0;
#X connect 2 0 3 0;
"""

ECHOING = """#N canvas 0 0 600 400 12;
#X obj 10 10 ghostnote-link 127.0.0.1 {port} {reply_port};
#X obj 10 40 route part1;
#X obj 10 70 route variance;
#X obj 10 100 ghostnote-send /gn/master/gain;
#X obj 200 70 ghostnote-send /gn/seed;
#X connect 0 0 1 0;
#X connect 0 1 4 0;
#X connect 1 0 2 0;
#X connect 2 0 3 0;
"""

STRIP = """#N canvas 0 0 600 400 12;
#X obj 10 10 ghostnote-link 127.0.0.1 {port} {reply_port};
#X obj 10 40 ghostnote-part part3;
#X obj 150 40 ghostnote-weights part3;
#X obj 350 40 route tell;
#X obj 350 70 s ghostnote-tell;
#X connect 0 0 3 0;
#X connect 3 0 4 0;
"""


LIKE = """#N canvas 0 0 600 400 12;
#X obj 10 10 loadbang;
#X obj 10 40 del 300;
#X obj 10 70 symbol part1;
#X obj 10 100 list append 8;
#X obj 10 130 ghostnote-send /gn/library/similar;
#X obj 10 160 ghostnote-link 127.0.0.1 {port} {reply_port};
#X obj 10 190 route library;
#X obj 10 220 route neighbour;
#X obj 10 250 unpack f s f f s f;
#X obj 200 280 ghostnote-send /gn/slot/b/file;
#X connect 0 0 1 0;
#X connect 1 0 2 0;
#X connect 2 0 3 0;
#X connect 3 0 4 0;
#X connect 5 0 6 0;
#X connect 6 0 7 0;
#X connect 7 0 8 0;
#X connect 8 1 9 0;
"""


def osc(address: str, *args: tuple[str, float | int | str]) -> bytes:
    builder = OscMessageBuilder(address)
    for kind, value in args:
        builder.add_arg(value, kind)
    return builder.build().dgram


@pytest.mark.parametrize(
    ("address", "message", "expected"),
    [
        ("/gn/part1/hit", "0.75", b"/gn/part1/hit\0\0\0,f\0\0\x3f\x40\0\0"),
        ("/gn/part8/note", "60 0.5", b"/gn/part8/note\0\0,ff\0\x42\x70\0\0\x3f\0\0\0"),
        ("/gn/part2/mode", "hold", b"/gn/part2/mode\0\0,s\0\0hold\0\0\0\0"),
        ("/gn/panic", "bang", b"/gn/panic\0\0\0,\0\0\0"),
    ],
)
def test_send_makes_exactly_these_bytes(run_pd, ear, free_udp_port, address, message, expected):
    run_pd(SENDING.format(message=message, address=address, port=ear.port, reply_port=free_udp_port))
    assert ear.wait_for(address) == [expected]


def test_link_says_hello_with_its_reply_port(run_pd, ear, free_udp_port):
    run_pd(ECHOING.format(port=ear.port, reply_port=free_udp_port))
    first, second = ear.wait_for("/gn/hello", how_many=2)
    assert first == second == osc("/gn/hello", ("s", "pd"), ("i", free_udp_port))


def test_replies_come_out_of_the_link(run_pd, ear, free_udp_port):
    """A reply makes the right outlet 1, a value comes out of the left one; both are sent back to be seen."""
    run_pd(ECHOING.format(port=ear.port, reply_port=free_udp_port))
    ear.wait_for("/gn/hello")
    pd = ("127.0.0.1", free_udp_port)
    hello = osc("/gn/hello/reply", ("s", "0.1.0"), ("i", 1), ("i", ear.port), ("i", 0), ("s", "test"))
    ear.socket.sendto(hello, pd)
    assert ear.wait_for("/gn/seed") == [osc("/gn/seed", ("f", 1.0))]
    ear.socket.sendto(osc("/gn/part1/variance", ("f", 0.25)), pd)
    assert ear.wait_for("/gn/master/gain") == [osc("/gn/master/gain", ("f", 0.25))]


def test_link_subscribes_to_everything_when_the_engine_answers(run_pd, ear, free_udp_port):
    run_pd(ECHOING.format(port=ear.port, reply_port=free_udp_port))
    ear.wait_for("/gn/hello")
    ear.socket.sendto(osc("/gn/hello/reply", ("s", "0.1.0")), ("127.0.0.1", free_udp_port))
    wanted = osc("/gn/subscribe", ("i", free_udp_port), ("s", "/gn"), ("f", 30.0), ("f", 10.0))
    assert ear.wait_for("/gn/subscribe") == [wanted]


def test_link_subscribes_again_when_the_engine_was_restarted(run_pd, ear, free_udp_port):
    """However short the restart was: another session answers then."""
    run_pd(ECHOING.format(port=ear.port, reply_port=free_udp_port))
    for session in ("one", "one", "two"):
        ear.wait_for("/gn/hello")
        words = (("s", "0.1.0"), ("i", 1), ("i", ear.port), ("i", 0), ("s", session))
        ear.socket.sendto(osc("/gn/hello/reply", *words), ("127.0.0.1", free_udp_port))
    ear.wait_for("/gn/subscribe")
    assert sum(OscMessage(d).address == "/gn/subscribe" for d in ear.heard) == 2


def test_what_others_change_moves_the_sliders_and_is_not_sent_back(run_pd, ear, free_udp_port):
    """Asked where they are, the sliders give what the engine told; before, the strip says nothing."""
    run_pd(STRIP.format(port=ear.port, reply_port=free_udp_port))
    ear.wait_for("/gn/hello")
    told = {"gain": -12.5, "pan": 0.25, "axis/d2": -1.5, "release": 0.5, "weight/c": 0.75, "weight/h": -1.0}
    for name, value in told.items():
        ear.socket.sendto(osc(f"/gn/part3/{name}", ("f", value)), ("127.0.0.1", free_udp_port))
    ear.wait_for("/gn/hello", how_many=2)
    assert {OscMessage(d).address for d in ear.heard} == {"/gn/hello"}
    ear.socket.sendto(osc("/gn/tell"), ("127.0.0.1", free_udp_port))
    for _ in range(len(told)):
        message = OscMessage(ear.wait_for_any({f"/gn/part3/{name}" for name in told}))
        assert message.params == [told.pop(message.address.removeprefix("/gn/part3/"))]


def test_link_opens_its_socket_again_after_a_restart_of_the_engine(run_pd, ear, free_udp_port):
    """UDP sending fails once nobody listens; the link has to come back by itself."""
    run_pd(ECHOING.format(port=ear.port, reply_port=free_udp_port))
    ear.wait_for("/gn/hello")
    ear.restart(after_s=2.5)
    ear.wait_for("/gn/hello", how_many=2)


def test_neighbours_are_asked_for_and_come_out_of_the_link(run_pd, ear, free_udp_port):
    run_pd(LIKE.format(port=ear.port, reply_port=free_udp_port))
    assert ear.wait_for("/gn/library/similar") == [osc("/gn/library/similar", ("s", "part1"), ("f", 8.0))]
    words = (("i", 1), ("s", "/sounds/a b.wav"), ("f", 0.0), ("f", 1.5), ("s", "kick"), ("i", 0))
    ear.socket.sendto(osc("/gn/library/neighbour", *words), ("127.0.0.1", free_udp_port))
    assert ear.wait_for("/gn/slot/b/file") == [osc("/gn/slot/b/file", ("s", "/sounds/a b.wav"))]
