"""Ten thousand hostile messages a second: the sound goes on and the musician's own messages arrive."""

from __future__ import annotations

import random
import struct
import time

from playing import wait_for

SECONDS = 3.0
PER_SECOND = 10_000


def hostile(seed: int) -> list[bytes]:
    """Datagrams that have hurt OSC servers before."""
    chance = random.Random(seed)
    hit = b"/gn/part8/hit\0\0\0,f\0\0" + struct.pack(">f", 0.1)
    pan = b"/gn/part8/pan\0\0\0,f\0\0" + struct.pack(">f", 0.3)

    def bundle(*elements: bytes, tag: int = 1) -> bytes:
        return (
            b"#bundle\0" + struct.pack(">Q", tag) + b"".join(struct.pack(">i", len(e)) + e for e in elements)
        )

    nested = hit
    for _ in range(40):
        nested = bundle(nested)
    return [
        hit,
        pan,
        b"",
        b"\0" * 16,
        b"#bundle\0" + struct.pack(">Qi", 1, -4),
        b"#bundle\0" + struct.pack(">Qi", 1, 2**31 - 1),
        bundle(hit, tag=2**64 - 1),
        bundle(*[pan] * 200),
        nested,
        b"/gn/part8/pan\0\0\0,f\0\0" + struct.pack(">f", float("nan")),
        b"/gn/part8/pan\0\0\0,s\0\0\xff\xfe\xfd\0",
        b"/gn/part8/\xff\xfe\0\0\0\0,\0\0\0",
        b"/gn/nothing/here\0\0\0\0,\0\0\0",
        b"/gn/{a,b,c,d}*[!x-z]?*?*?*/*\0\0\0\0,\0\0\0",
        b"/gn/part8/pan\0\0\0,b\0\0" + struct.pack(">i", -1),
        b"/gn/slot/h/z\0\0\0\0," + b"f" * 1003 + b"\0" * 4 + b"\0" * 4012,
        bytes(chance.randrange(256) for _ in range(300)),
        bytes(chance.randrange(256) for _ in range(9000)),
    ]


def test_the_sound_goes_on_under_a_flood_and_nothing_of_ones_own_is_lost(play):
    performance = play()
    core = performance.child("core")
    performance.send("part1/hit", 0.111)
    performance.sync()
    packets = hostile(1)
    began, sent = time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < SECONDS:
        for _ in range(max(0, min(500, int(elapsed * PER_SECOND) - sent))):
            performance.send_raw(packets[sent % len(packets)])
            sent += 1
        time.sleep(0.001)
    assert sent > 0.3 * SECONDS * PER_SECOND, "this machine cannot even send that much"
    # The panic overtakes the flood; a hit after it is heard as usual.
    performance.send("panic")
    performance.wait_for_line("/gn/panic")
    wait_for(lambda: (performance.send("part2/hit", 0.222), performance.sync())[1] is None, "a calm inbox")
    performance.wait_for_line("/gn/part2/hit")
    assert performance.child("core").pid == core.pid
    assert performance.end() == 0
    assert {"/gn/part1/hit", "/gn/part2/hit"} <= {addr for addr, _ in performance.logged()}
    assert "Traceback" not in performance.complained
    assert "the core ended" not in performance.complained
    assert len(performance.complained.splitlines()) < 100, "the terminal is not flooded in turn"
