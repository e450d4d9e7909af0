"""`ghostnote play --listen`: hits and sound of the instrument, told to visuals by a process beside it."""

from __future__ import annotations

import time

import pytest
from pythonosc.osc_bundle import OscBundle

from bundles import build_bundle
from host.streams import drain, pair
from playing import wait_for


@pytest.fixture
def streams():
    first, second = pair()
    yield first, second
    first.close()
    second.close()


def target(streams) -> str:
    return f"127.0.0.1:{streams[0].getsockname()[1]}"


def collected(streams, until, what: str) -> list:
    """All that came on the second port until it is enough."""
    found: list = []

    def enough() -> bool:
        found.extend(drain(streams[1]))
        return until(found)

    wait_for(enough, what)
    return found


def of(found, addr: str) -> list[tuple]:
    return [args for a, args in found if a == addr]


def test_hits_of_parts_and_levels_are_told(play, streams):
    performance = play("--listen", "--targets", target(streams))
    performance.wait_until_said("listening to what is played")
    collected(streams, lambda f: of(f, "/gn/out/onsets"), "numbers")
    performance.send("part3/hit", 1.0)
    performance.sync()
    performance.send("part5/hit", 1.0)
    found = collected(streams, lambda f: len(of(f, "/gn/out/hit")) >= 2, "two hits")
    assert [args[0] for args in of(found, "/gn/out/hit")] == [3, 5]
    found += collected(streams, lambda f: any(a[0] > 0.01 for a in of(f, "/gn/out/level/l")), "a level")
    shown = drain(streams[0])
    assert shown
    assert all(len(args) == 1 and not isinstance(args[0], str) for _, args in shown)
    assert of(shown, "/gn/out/part3/onsets")[-1] == (1,)
    assert of(shown, "/gn/out/part5/onsets")[-1] == (1,)
    assert of(shown, "/gn/out/part")[-1] == (5,)
    assert of(shown, "/gn/out/onsets")[-1] == (2,)
    assert performance.end() == 0
    assert performance.survivors() == []


def test_a_hit_is_told_with_the_time_at_which_it_is_heard(play, streams):
    performance = play("--listen", "--targets", target(streams))
    performance.wait_until_said("listening to what is played")
    due = time.time() + 2.0
    bundle = b"#bundle\0" + round((due + 2_208_988_800) * 2**32).to_bytes(8, "big")
    message = b"/gn/part1/hit\0\0\0,f\0\0\x3f\x80\0\0"
    performance.send_raw(bundle + len(message).to_bytes(4, "big") + message)
    stamps: list[float] = []

    def told() -> bool:
        for sock in streams:
            sock.setblocking(False)
        try:
            while True:
                found = OscBundle(streams[1].recv(65536))
                if any(found.content(k).address == "/gn/out/hit" for k in range(found.num_contents)):
                    stamps.append(found.timestamp)
        except BlockingIOError:
            return bool(stamps)

    wait_for(told, "the hit")
    # The null device is heard as soon as it takes a block; a loaded machine may play later, never sooner.
    assert due - 0.01 < stamps[0] < due + 1.0


def test_ears_that_die_are_replaced_and_the_sound_goes_on(play, streams):
    performance = play("--listen", "--targets", target(streams))
    performance.wait_until_said("listening to what is played")
    core = performance.child("core").pid
    performance.child("ears").kill()
    performance.wait_for_complaint("the ears ended")
    wait_for(lambda: performance.said.count("listening to what is played") >= 2, "new ears")
    drain(streams[1])
    performance.send("part1/hit", 1.0)
    collected(streams, lambda f: of(f, "/gn/out/hit"), "a hit")
    assert performance.child("core").pid == core


def test_a_core_that_dies_is_listened_to_again(play, streams):
    performance = play("--listen", "--targets", target(streams))
    performance.wait_until_said("listening to what is played")
    performance.child("core").kill()
    performance.wait_for_complaint("the core ended")
    performance.sync()
    drain(streams[1])
    performance.send("part2/hit", 1.0)
    found = collected(streams, lambda f: of(f, "/gn/out/hit"), "a hit")
    assert of(found, "/gn/out/hit")[-1][0] == 2


def test_an_input_that_is_not_there_is_told_and_the_rest_goes_on(play, streams):
    performance = play("--listen", "no such microphone", "--targets", target(streams))
    performance.wait_for_complaint("no audio input.*plays on")
    performance.send("part1/hit", 1.0)
    found = collected(streams, lambda f: of(f, "/gn/out/hit"), "a hit")
    assert of(found, "/gn/out/level/l")
    collected(streams, lambda f: of(f, "/gn/in/onsets"), "the input's channels, silent")


def test_a_model_without_classes_listens_by_another_one(play, streams, bundle, tmp_path):
    plain = build_bundle(tmp_path / "plain", classes=())
    performance = play("--model", str(plain), "--listen", "--targets", target(streams))
    performance.wait_for_complaint("the ears cannot listen, the instrument plays on.*no classifier")
    performance.close()
    again = play("--model", str(plain), "--listen", "--ears", str(bundle), "--targets", target(streams))
    again.wait_until_said("listening to what is played")
    again.send("part1/hit", 1.0)
    collected(streams, lambda f: of(f, "/gn/out/hit"), "a hit")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--listen", "--targets", "nonsense:x"), "HOST:PORT is needed"),
        (("--targets", "127.0.0.1:9771"), "--targets: nobody listens; --listen says to what"),
        (("--ears", "drums"), "--ears: nobody listens; --listen says to what"),
    ],
)
def test_targets_that_cannot_be_are_one_line(play, arguments, said):
    performance = play(*arguments, ready=False)
    assert performance.process.wait(60) == 2
    assert said in performance.complained
    assert len(performance.complained.splitlines()) == 1
