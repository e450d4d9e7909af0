"""The OSC guard: hostile datagrams are refused in bounded work, good ones come through unchanged."""

from __future__ import annotations

import itertools
import math
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage

from controlkit import bundle, message, text
from ghostnote.control.osc_guard import MAX_ARGUMENTS, MAX_DATAGRAM, MAX_ELEMENTS, Message, Packet, parse
from ghostnote.control.osc_send import build
from ghostnote.errors import MessageError

GAIN = message(b"/gn/part1/gain", b"f", struct.pack(">f", -3.0))
NAN = message(b"/gn/part1/gain", b"f", struct.pack(">f", math.nan))
HUGE = message(b"/gn/part1/gain", b"d", struct.pack(">d", math.inf))
BOUNDARIES = [-(2**31), -(2**31) + 1, -8, -5, -4, -1, 0, 1, 3, 4, 5, 2**16, 2**31 - 4, 2**31 - 1]


def only(packet: Packet) -> Message:
    assert not packet.rejected
    ((found,),) = [group.messages for group in packet.groups]
    return found


def nested(depth: int) -> bytes:
    data = GAIN
    for _ in range(depth):
        data = bundle(data)
    return data


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 16, id="zeros"),
        pytest.param(b"/gn", id="not a multiple of four"),
        pytest.param(b"/gnx", id="address without an end"),
        pytest.param(b"gn\0\0", id="no slash"),
        pytest.param(text(b"/" + b"a" * 128), id="long address"),
        pytest.param(text(b"/\xff\xfe"), id="address not ascii"),
        pytest.param(text(b"/gn/part1 gain"), id="space in the address"),
        pytest.param(text(b"/gn/\x07bell"), id="control character"),
        pytest.param(b"#bundle\0" + struct.pack(">Qi", 1, -4), id="the 20 bytes that hang python-osc"),
        pytest.param(b"#bundle\0" + struct.pack(">Qi", 1, 0), id="empty element"),
        pytest.param(b"#bundle\0\0\0", id="no time tag"),
        pytest.param(b"#bundle\0" + struct.pack(">Q", 1) + b"\0\0", id="half a size"),
        pytest.param(bundle(GAIN)[:-4], id="element longer than the rest"),
        pytest.param(nested(3), id="nesting of three"),
        pytest.param(nested(400), id="nesting of four hundred"),
        pytest.param(bundle(*[GAIN] * (MAX_ELEMENTS + 1)), id="too many elements"),
        pytest.param(bundle(*[bundle(*[GAIN] * 22)] * 3), id="too many elements in all"),
        pytest.param(GAIN + b"\0" * (MAX_DATAGRAM + 4 - len(GAIN)), id="oversized"),
        pytest.param(GAIN + b"\0\0\0\0", id="bytes after the end"),
        pytest.param(text(b"/gn/x") + text(b"f") + b"\0" * 4, id="no comma"),
        pytest.param(text(b"/gn/x") + b",fff", id="tags without an end"),
        pytest.param(message(b"/gn/x", b"i" * (MAX_ARGUMENTS + 1), b"\0" * 2000), id="too many arguments"),
        pytest.param(message(b"/gn/x", b"f", b"\0\0"), id="half a float"),
        pytest.param(message(b"/gn/x", b"s", b"abcd"), id="text without an end"),
        pytest.param(message(b"/gn/x", b"s", text(b"\xff\xfe")), id="text not UTF-8"),
        pytest.param(message(b"/gn/x", b"s", text(b"a" * 2000)), id="long text"),
        pytest.param(message(b"/gn/x", b"b", b"\0\0"), id="half a blob size"),
    ],
)
def test_broken_structures_are_refused_as_a_whole(datagram):
    with pytest.raises(MessageError, match="OSC packet ignored: ") as caught:
        parse(datagram)
    assert caught.value.code == "malformed"


def test_3200_nested_bundles_in_64_kb_are_refused_by_their_size():
    with pytest.raises(MessageError, match="the limit is 8192"):
        parse(nested(3200))


@pytest.mark.parametrize("size", BOUNDARIES)
@pytest.mark.parametrize("where", ["bundle", "inner bundle", "blob"])
def test_boundary_integers_in_every_length_field(where, size):
    field = struct.pack(">i", size)
    datagram = {
        "bundle": b"#bundle\0" + struct.pack(">Q", 1) + field + GAIN,
        "inner bundle": bundle(b"#bundle\0" + struct.pack(">Q", 1) + field + GAIN),
        "blob": message(b"/gn/x", b"b", field + b"abcd"),
    }[where]
    fitting = {"bundle": {len(GAIN)}, "inner bundle": {len(GAIN)}, "blob": {1, 3, 4}}[where]
    if size in fitting:
        parse(datagram)
    else:
        with pytest.raises(MessageError, match=r"OSC packet ignored"):
            parse(datagram)


@pytest.mark.parametrize(
    ("bad", "code"), [(NAN, "range"), (HUGE, "range"), (message(b"/gn/x", b"m", b"\0" * 4), "type")]
)
def test_a_bad_message_does_not_take_its_bundle_along(bad, code):
    packet = parse(bundle(GAIN, bad, GAIN))
    assert [len(group.messages) for group in packet.groups] == [2]
    ((_, error),) = packet.rejected
    assert error.code == code


def test_a_bundle_inside_acts_with_it_unless_it_is_later():
    later, sooner = bundle(GAIN, timetag=900), bundle(GAIN, GAIN, timetag=5)
    packet = parse(bundle(GAIN, later, sooner, timetag=700))
    assert [(group.timetag, len(group.messages)) for group in packet.groups] == [(700, 1), (900, 1), (700, 2)]
    assert [len(g.messages) for g in parse(bundle(GAIN, sooner, GAIN, timetag=700)).groups] == [4]


def test_an_address_alone_is_a_message_without_arguments():
    assert only(parse(text(b"/gn/panic"))) == Message("/gn/panic", ())
    assert only(parse(message(b"/gn/panic"))) == Message("/gn/panic", ())


def test_every_numeric_tag_becomes_a_number():
    body = struct.pack(">ifdq", 1, 2.0, 3.0, 2**40)
    assert only(parse(message(b"/x", b"ifdhTFN", body))).args == (1, 2.0, 3.0, 2**40, 1, 0)


numbers = st.one_of(
    st.integers(-(2**31), 2**31 - 1), st.floats(width=32, allow_nan=False, allow_infinity=False)
)
segments = st.text("abz09_", min_size=1, max_size=12)
addresses = st.lists(segments, min_size=1, max_size=6).map(lambda names: "/" + "/".join(names))
words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


@settings(max_examples=300, deadline=None)
@given(addresses, st.lists(st.one_of(numbers, words), max_size=20))
def test_what_is_built_is_parsed(addr, args):
    """Property: parse is the inverse of build, and agrees with python-osc about what was sent."""
    datagram = build(addr, *args)
    assert only(parse(datagram)) == Message(addr, tuple(args))
    assert OscMessage(datagram).params == args


def corpus() -> list[bytes]:
    body = (
        struct.pack(">if", 1, 2.0)
        + text(b"kick")
        + struct.pack(">i", 3)
        + b"abc\0"
        + struct.pack(">dq", 1, 5)
    )
    several = message(b"/gn/slot/a/z", b"ifsbdhTFN", body)
    stars = message(b"/" + b"*a" * 24)
    return [GAIN, several, bundle(GAIN, several), bundle(bundle(GAIN, timetag=99), several), stars]


def survives(datagram: bytes) -> None:
    try:
        packet = parse(datagram)
    except MessageError:
        return
    for found in itertools.chain.from_iterable(group.messages for group in packet.groups):
        assert found.addr.isascii()
        assert not any(isinstance(a, float) and not math.isfinite(a) for a in found.args)


def test_truncation_at_every_byte_never_escapes():
    for datagram in corpus():
        for end in range(len(datagram)):
            survives(datagram[:end])


def test_boundary_integers_at_every_offset_never_escape():
    for datagram in corpus():
        for at in range(len(datagram) - 3):
            for value in BOUNDARIES:
                survives(datagram[:at] + struct.pack(">i", value) + datagram[at + 4 :])


def test_random_mutations_never_escape():
    dice = random.Random(20260)
    seeds = corpus()
    for _ in range(30_000):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 8)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        survives(bytes(data))


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_escape(data):
    survives(data)
    survives(b"#bundle\0" + data)
    survives(b"/a\0\0," + data)


@pytest.mark.timeout(30)
def test_the_largest_datagrams_take_bounded_work():
    many = message(b"/x", b"i" * MAX_ARGUMENTS, b"\0" * 4 * MAX_ARGUMENTS)
    strings = message(b"/x", b"s" * 7, text(b"a" * 1000) * 7)
    for datagram in (many, strings, bundle(*[GAIN] * MAX_ELEMENTS)):
        for _ in range(50):
            parse(datagram)
