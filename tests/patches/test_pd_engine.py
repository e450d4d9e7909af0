"""Real Pure Data and a real engine in both directions: what a hand does arrives, what others do is shown."""

from __future__ import annotations

import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from patches.conftest import PATCHES, Ear, entries
from playing import Playing, wait_for

pytestmark = pytest.mark.real

HEAD = """#N canvas 0 0 900 600 12;
#X obj 10 10 ghostnote-link 127.0.0.1 {port} {reply_port};
#X obj 10 40 {name} {argument};
#X obj 10 70 r ghostnote-in;
#X obj 10 100 route hand;
#X obj 10 130 route value word press;
#X msg 10 160 \\; \\$1 \\$2;
#X msg 90 160 \\; \\$1 symbol \\$2;
#X msg 220 160 \\; \\$1 bang;
#X obj 400 10 netsend -u -b;
#X obj 400 40 loadbang;
#X msg 400 70 connect 127.0.0.1 {ear_port};
#X obj 400 100 list prepend send;
#X obj 400 130 list trim;
#X obj 10 145 list append;
#X obj 90 145 list append;
#X obj 220 145 list append;
"""
WIRES = ["2 0 3 0", "3 0 4 0", "4 0 13 0", "4 1 14 0", "4 2 15 0", "13 0 5 0", "14 0 6 0", "15 0 7 0"]
WIRES += ["9 0 10 0", "10 0 8 0", "11 0 12 0", "12 0 8 0"]


class Surface:
    """An abstraction opened in Pd with its inner names public: a test can be its hand and eye."""

    def __init__(self, playing: Playing, ear: Ear, port: int) -> None:
        self.playing, self.ear, self._port = playing, ear, port

    def _tell(self, address: str, *args: float | str) -> None:
        builder = OscMessageBuilder(address)
        for arg in args:
            builder.add_arg(arg)
        self.ear.socket.sendto(builder.build().dgram, ("127.0.0.1", self._port))

    def move(self, name: str, value: float) -> None:
        """Move a slider or fader."""
        self._tell("/gn/hand/value", f"my-{name}-show", value)

    def write(self, name: str, word: str) -> None:
        """Write a word into a box."""
        self._tell("/gn/hand/word", f"my-{name}", word)

    def press(self, name: str) -> None:
        """Press a button."""
        self._tell("/gn/hand/press", f"my-{name}")

    def shown(self, name: str):
        """What the surface is made to show next under a name."""
        (datagram,) = self.ear.wait_for(f"/shown/{name}")
        found = OscMessage(datagram).params
        return found[1] if found[0] == "set" else found

    def wait_until_shown(self, name: str, wanted: object) -> None:
        """Until the surface shows a value."""
        wait_for(lambda: self.shown(name) == wanted, f"{wanted!r} as {name}")


@pytest.fixture
def opened(run_pd, ear, playing, tmp_path, make_free_port):
    """Open an abstraction with an argument; what it shows under the given names is sent to the ear."""

    def start(name: str, argument: str = "", eyes: tuple[str, ...] = ()) -> Surface:
        text = (PATCHES / f"ghostnote-{name}.pd").read_text(encoding="utf-8")
        (tmp_path / f"my-{name}.pd").write_text(text.replace("\\$0-", "my-"), encoding="utf-8")
        port = make_free_port()
        patch = HEAD.format(
            port=playing.port, reply_port=port, name=f"my-{name}", argument=argument, ear_port=ear.port
        )
        wires, count = list(WIRES), 16
        for k, eye in enumerate(eyes):
            patch += f"#X obj {10 + 200 * k} 300 r my-{eye};\n#X obj {10 + 200 * k} 330 list append;\n"
            patch += f"#X obj {10 + 200 * k} 360 oscformat shown {eye};\n"
            wires += [f"{count} 0 {count + 1} 0", f"{count + 1} 0 {count + 2} 0", f"{count + 2} 0 11 0"]
            count += 3
        patch += "".join(f"#X connect {wire};\n" for wire in wires)
        run_pd(patch)
        return Surface(playing, ear, port)

    return start


def test_a_strip_and_the_engine_follow_each_other(opened, playing):
    """A hand on the slider reaches the engine; another client's value reaches the slider, and stays there."""
    strip = opened("part", "part3", ("gain-show", "hold-show", "d2-show"))
    strip.wait_until_shown("gain-show", 0.0)
    strip.move("gain", -12.0)
    wait_for(lambda: playing.ask("part3/gain") == -12.0, "the hand's gain")
    playing.send("part3/gain", -20.0)
    strip.wait_until_shown("gain-show", -20.0)
    playing.send("part3/axis/d2", 1.5)
    strip.wait_until_shown("d2-show", 1.5)
    playing.send("part3/mode", "hold")
    strip.wait_until_shown("hold-show", 1.0)
    strip.press("hit")
    wait_for(lambda: entries(playing, "/gn/part3/hit"), "a hit in the log")
    assert playing.ask("part3/gain") == -20.0
    assert entries(playing, "/gn/part3/gain") == [[-12.0], [-20.0]], "nothing was sent back"


def test_what_a_scene_or_undo_changes_arrives_too(opened, playing):
    strip = opened("part", "part5", ("pan-show",))
    strip.wait_until_shown("pan-show", 0.0)
    strip.move("pan", 0.5)
    wait_for(lambda: playing.ask("part5/pan") == 0.5, "the hand's pan")
    playing.send("undo")
    strip.wait_until_shown("pan-show", 0.0)


def test_faders_and_weights_follow_each_other(opened, playing):
    faders = opened("weights", "part4", ("d-show", "h-show"))
    faders.wait_until_shown("d-show", 1.0)
    faders.move("a", -0.5)
    wait_for(lambda: playing.ask("part4/weight/a") == -0.5, "the fader's weight")
    playing.send("part4/weight/h", 2.0)
    faders.wait_until_shown("h-show", 2.0)


def test_slots_are_filled_and_shown(opened, playing):
    """Whoever fills a slot, this Pd too, is told what came of it."""
    slot = opened("slot", "c", ("origin-show",))
    slot.shown("origin-show")
    slot.press("clear")
    slot.wait_until_shown("origin-show", "")
    slot.press("random")
    assert (mine := slot.shown("origin-show")).startswith("random")
    playing.send("slot/c/random", 4711)
    assert (theirs := slot.shown("origin-show")) != mine
    slot.press("store")
    slot.wait_until_shown("origin-show", "part 1")
    assert theirs.startswith("random")


def test_the_engine_says_how_it_is(opened):
    panel = opened("feedback", "", ("state", "beat"))
    panel.wait_until_shown("state", "ok")
    assert panel.shown("beat") >= 0.0


def test_scenes_are_stored_recalled_and_shown(opened, playing):
    panel = opened("scene", "", ("current-show", "fade-show"))
    panel.wait_until_shown("fade-show", 0.0)
    playing.send("part7/gain", -9.0)
    playing.sync()
    panel.write("name", "verse")
    panel.press("store")
    wait_for(lambda: playing.ask("scene/current") == "verse", "the stored scene")
    playing.send("part7/gain", 0.0)
    playing.sync()
    panel.press("recall")
    wait_for(lambda: playing.ask("part7/gain") == -9.0, "the scene's gain")
    playing.send("scene/store", "chorus")
    panel.wait_until_shown("current-show", "chorus")
    panel.press("next")
    panel.wait_until_shown("current-show", "verse")
