"""Where what is played lies on the principal axes, as visuals are told: of the hit, and of its morph."""

from __future__ import annotations

import numpy as np
import pytest

from bundles import build_bundle
from host.streams import drain, pair
from playing import wait_for

SIZE = 64
SPREAD = 0.5


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    """A model whose axes d1 and d2 are the first two numbers of a point."""
    axes = [
        {"name": f"d{n + 1}", "direction": [float(k == n) for k in range(SIZE)], "spread": SPREAD}
        for n in range(2)
    ]
    return build_bundle(tmp_path_factory.mktemp("bundles") / "tiny", manifest={"axes": axes})


@pytest.fixture
def streams():
    first, second = pair()
    yield first, second
    first.close()
    second.close()


def test_coordinates_are_those_of_what_was_hit_last_and_follow_it_as_it_moves(play, streams, turned):
    target = f"127.0.0.1:{streams[0].getsockname()[1]}"
    performance = play("--model", str(turned), "--listen", "--targets", target)
    performance.wait_until_said("listening to what is played")
    shown = {}

    def told(d1: float, d2: float) -> bool:
        shown.update((addr, args[0]) for addr, args in drain(streams[0]) if "/z/" in addr)
        return np.allclose([shown.get("/gn/out/z/d1", 9.0), shown.get("/gn/out/z/d2", 9.0)], [d1, d2])

    wait_for(lambda: told(0.0, 0.0), "the channels, before anything plays")
    for number, slot, first in ((1, "a", 0.25), (2, "b", -1.0)):
        performance.send(f"slot/{slot}/z", first, 0.5, *[0.0] * (SIZE - 2))
        performance.sync()
        performance.send(f"part{number}/hit", 1.0)
        wait_for(lambda first=first: told(first / SPREAD, 1.0), f"where part {number} is")
    performance.send("part2/mode", "loop")
    performance.send("part2/note", 60, 1.0)
    performance.send("part2/axis/d1", 3.0)
    wait_for(lambda: told(-1.0 / SPREAD + 3.0, 1.0), "where the note has gone")
