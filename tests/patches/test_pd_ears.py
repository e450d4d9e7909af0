"""Ears and beatbox in Pure Data itself, headless: the lines of the documentation, the patches, real data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pythonosc.osc_message import OscMessage

from ghostnote.control.osc_stream import Streams
from ghostnote.ears.channels import expand
from ghostnote.ears.coordinates import COORDINATES
from ghostnote.state.table import PARTS
from ghostnote.telemetry import Telemetry
from patches.test_pd import osc

pytestmark = pytest.mark.real

DOCS = Path(__file__).resolve().parents[2] / "docs" / "ears.md"
LABELS = ("kick", "snare")

EARS = """#N canvas 0 0 600 400 12;
#X obj 10 10 ghostnote-ears {port};
#X obj 10 40 route onsets;
#X obj 200 40 route part;
#X obj 10 70 change;
#X obj 200 70 change;
#X obj 10 100 ghostnote-send /gn/got/onsets;
#X obj 200 100 ghostnote-send /gn/got/part;
#X obj 10 160 ghostnote-link 127.0.0.1 {ear} {reply_port};
#X connect 0 0 1 0;
#X connect 0 1 2 0;
#X connect 1 0 3 0;
#X connect 2 0 4 0;
#X connect 3 0 5 0;
#X connect 4 0 6 0;
"""

BEATBOX = """#N canvas 0 0 600 400 12;
#X obj 10 10 ghostnote-link 127.0.0.1 {ear} {reply_port};
#X obj 10 40 ghostnote-beatbox;
#X obj 150 40 route tell;
#X obj 150 70 s ghostnote-tell;
#X connect 0 0 2 0;
#X connect 2 0 3 0;
"""


def documented(port: int, ear: int, reply_port: int) -> str:
    """The chain of boxes in the documentation as a patch whose last outlets are sent back."""
    (block,) = re.findall(r"numbers:\n\n```\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    boxes = re.findall(r"^\[(.*)\]$", block, flags=re.MULTILINE)
    assert boxes[0] == "netreceive -u -b 9771"
    boxes[0] = f"netreceive -u -b {port}"
    lines = ["#N canvas 0 0 600 400 12;", *(f"#X obj 10 {30 * k} {box};" for k, box in enumerate(boxes))]
    lines += [f"#X connect {k} 0 {k + 1} 0;" for k in range(len(boxes) - 1)]
    ends = boxes[-1].split()[1:]
    for k, name in enumerate(ends):
        lines.insert(1 + len(boxes) + k, f"#X obj {200 * k} 300 ghostnote-send /gn/got/{name};")
        lines.append(f"#X connect {len(boxes) - 1} {k} {len(boxes) + k} 0;")
    lines.insert(1 + len(boxes) + len(ends), f"#X obj 10 350 ghostnote-link 127.0.0.1 {ear} {reply_port};")
    return "\n".join(lines) + "\n"


def numbers(port: int, **changed: float | int) -> None:
    """All channels of both streams to Pure Data, as ears send them."""
    values: dict[str, float | int] = {}
    for side, parts in (("in", ()), ("out", PARTS)):
        for path, kind in expand(LABELS, COORDINATES, parts).items():
            values[f"/gn/{side}/{path}"] = 0 if kind == "i" else 0.0
    values.update({f"/gn/{name.replace('__', '/')}": value for name, value in changed.items()})
    streams = Streams([("127.0.0.1", port)], Telemetry())
    streams.numbers(values, 0.0)
    streams.close()


def test_the_lines_of_the_documentation_hear_a_whole_bundle(run_pd, ear, make_free_port):
    port = make_free_port()
    run_pd(documented(port, ear.port, make_free_port()))
    ear.wait_for("/gn/hello")
    numbers(port, in__onsets=7, in__level__l=0.5, in__class__index=1)
    assert OscMessage(ear.wait_for("/gn/got/onsets")[0]).params == [7.0]
    heard = [OscMessage(d) for d in ear.heard]
    classes = {m.params[0]: m.params[1:] for m in heard if m.address == "/gn/got/class"}
    assert classes["index"] == [1.0]
    assert classes["p"][0] in LABELS
    levels = ear.wait_for("/gn/got/level", how_many=2)
    assert [OscMessage(d).params for d in levels] == [["l", 0.5], ["r", 0.0]]


def test_the_patch_gives_what_is_heard_on_the_left_and_what_is_played_on_the_right(
    run_pd, ear, make_free_port
):
    port = make_free_port()
    run_pd(EARS.format(port=port, ear=ear.port, reply_port=make_free_port()))
    ear.wait_for("/gn/hello")
    for count in (3, 3, 4):
        numbers(port, in__onsets=count, out__onsets=50, out__part=count - 1)
    assert [OscMessage(d).params for d in ear.wait_for("/gn/got/onsets", how_many=2)] == [[3.0], [4.0]]
    parts = [OscMessage(d).params[0] for d in ear.heard if OscMessage(d).address == "/gn/got/part"]
    assert (parts or [OscMessage(ear.wait_for("/gn/got/part")[0]).params[0]])[0] == 2.0


def test_the_panel_shows_what_the_engine_tells_and_sends_it_when_it_is_asked(run_pd, ear, free_udp_port):
    run_pd(BEATBOX.format(ear=ear.port, reply_port=free_udp_port))
    ear.wait_for("/gn/hello")
    told = {"confidence": 0.5, "hold": 0.25, "guard": 0.125, "level": -24.0, "dynamics": 0.75, "spread": 0.5}
    for name, value in told.items():
        ear.socket.sendto(osc(f"/gn/beatbox/{name}", ("f", value)), ("127.0.0.1", free_udp_port))
    ear.socket.sendto(osc("/gn/beatbox/mode", ("s", "both")), ("127.0.0.1", free_udp_port))
    ear.wait_for("/gn/hello", how_many=2)
    assert {OscMessage(d).address for d in ear.heard} == {"/gn/hello"}, "what is told is only shown"
    ear.socket.sendto(osc("/gn/tell"), ("127.0.0.1", free_udp_port))
    for _ in range(len(told)):
        message = OscMessage(ear.wait_for_any({f"/gn/beatbox/{name}" for name in told}))
        assert message.params == [told.pop(message.address.removeprefix("/gn/beatbox/"))]
