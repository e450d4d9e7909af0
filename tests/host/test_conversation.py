"""A conversation with the instrument as it runs, by other programs: liblo's oscsend and oscdump."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from playing import PATIENCE_S, oscsend, wait_for

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not (shutil.which("oscsend") and shutil.which("oscdump")),
        reason="liblo's oscsend and oscdump are not installed (Debian/Ubuntu: liblo-tools)",
    ),
]


class Ear:
    """oscdump at a port; `say` sends by oscsend, each time as another client of this computer."""

    def __init__(self, path, port: int, to: int) -> None:
        self.port, self._to, self._path = port, to, path
        self._at = 0
        self._out = path.open("wb")
        self._process = subprocess.Popen(["oscdump", "-L", str(port)], stdout=self._out)

    def say(self, addr: str, *words: str) -> None:
        oscsend(self._to, addr, *words)

    def hears(self, *told: str, again: tuple[str, ...] = ()) -> str:
        """Wait until all that was told is heard, since the last time; `again`: said until then."""

        def heard() -> str:
            if again:
                self.say(*again)
            whole = self._path.read_text()
            return whole if all(text in whole[self._at :] for text in told) else ""

        whole = wait_for(heard, f"{told} at oscdump, after {self._path.read_text()[self._at :]!r}")
        news, self._at = whole[self._at :], len(whole)
        return news

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        self._out.close()


@pytest.fixture
def ear(play, tmp_path, make_free_port):
    performance = play()
    made = Ear(tmp_path / "heard.txt", make_free_port(), performance.port)
    # Until oscdump has its port, nobody hears.
    made.hears("/gn/hello/reply siiis", again=("/gn/hello", "si", "desk", str(made.port)))
    yield made
    made.close()
    assert performance.end() == 0


def test_a_surface_follows_what_others_do(ear):
    port = str(ear.port)
    ear.say("/gn/subscribe", "isff", port, "/gn/part[12]/{gain,weight}*", "30", "0")
    ear.hears("/gn/part1/gain f 0.0", "/gn/part2/gain f 0.0")
    ear.say("/gn/part*/gain", "f", "-9")
    news = ear.hears("/gn/part1/gain f -9.0", "/gn/part2/gain f -9.0")
    assert "part3" not in news, "only what was subscribed to"
    ear.say("/gn/subscribe", "isff", port, "/gn/n/part1/pan", "30", "0")
    ear.hears("/gn/n/part1/pan f 0.5")
    ear.say("/gn/part1/pan", "f", "99")
    ear.hears("/gn/n/part1/pan f 1.0")
    ear.say("/gn/n/part1/pan", "f", "0")
    ear.hears("/gn/n/part1/pan f 0.0")
    ear.hears("/gn/n/part1/pan f 0.5", again=("/gn/undo",))
    ear.say("/gn/unsubscribe", "i", port)
    ear.say("/gn/part1/gain", "f", "-3")
    ear.say("/gn/refresh", "is", port, "/gn/part1/pan")
    assert "/gn/part1/gain f -3" not in ear.hears("/gn/part1/pan f 0.0")


def test_a_scene_reaches_every_subscriber_and_status_is_told(ear):
    port = str(ear.port)
    ear.say("/gn/part1/gain", "f", "-7")
    ear.say("/gn/scene/store", "s", "verse")
    ear.say("/gn/subscribe", "isff", port, "/gn/scene", "30", "0")
    ear.hears('/gn/scene/list s "verse"', again=("/gn/refresh", "is", port, "/gn/scene"))
    ear.say("/gn/part1/gain", "f", "0")
    ear.say("/gn/subscribe", "isff", port, "/gn/part1/gain", "30", "0")
    ear.hears("/gn/part1/gain f 0.0")
    ear.say("/gn/scene/recall", "sf", "verse", "0.2")
    news = ear.hears("/gn/part1/gain f -7.0", '/gn/scene/current s "verse"')
    assert news.count("/gn/part1/gain f") > 2, "a morph is told on its way"
    ear.say("/gn/subscribe", "isff", port, "/gn/status", "30", "0")
    ear.hears("/gn/status/load f", "/gn/status/late i 0", "/gn/status/clamped i 0", "/gn/status/dropped i 0")
