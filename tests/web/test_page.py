"""The page of a map: saved and served, alone and in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from browserkit import Browser
from ghostnote.control.osc_send import build
from ghostnote.library.search import open_library
from ghostnote.library.sound_map import map_of
from ghostnote.web import map_page
from ghostnote.web.map_document import as_bytes, document
from mapkit import clusters, put
from soundfolders import fill
from webkit import FakeInstrument, until

ODD = "<img src=x onerror=alert(1)> & \"quoted\" 'ü' \udcff </b>".replace("/", "")


class Elements(HTMLParser):
    """Every element's name, and the text in each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.labels: list[dict[str, str | None]] = []
        self.texts: dict[str, list[str]] = {}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.names.append(tag)
        self.labels.append(dict(attributes))
        if tag in ("script", "style"):
            self.texts.setdefault(tag, []).append("")
            self._inside = tag

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside:
            self.texts[self._inside][-1] += data


@pytest.fixture
def made(tmp_path, bundle):
    points = clusters(2, 5, 12)
    put(tmp_path / "made", bundle, {f"{k:02}{ODD if k == 7 else ''}.wav": p for k, p in enumerate(points)})
    library = open_library(tmp_path / "made")
    return library, map_of(library)


def saved(library, drawn):
    return map_page.page("made", as_bytes(document(library, drawn, points=True)))


def test_the_policy_allows_just_what_is_there(made):
    text = saved(*made).decode()
    scripts, styles = (Elements(text).texts[kind] for kind in ("script", "style"))
    for kind, part in (("script-src", scripts[-1]), ("style-src", styles[0])):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in map_page.policy()
    assert "unsafe" not in map_page.policy()
    assert 'http-equiv="Content-Security-Policy"' in text
    assert 'http-equiv="Content-Security-Policy"' not in map_page.page("served").decode()


def test_names_are_never_markup(made):
    elements = Elements(saved(*made).decode())
    assert "img" not in elements.names
    data = json.loads(elements.texts["script"][0])
    assert any(name.startswith("07<img src=x onerror") for name in data["names"])
    odd = map_page.page("</title><b>", as_bytes({"names": ["</script><b>", "/*script*/", "<!--policy-->"]}))
    elements = Elements(odd.decode())
    assert "b" not in elements.names
    assert json.loads(elements.texts["script"][0])["names"] == ["</script><b>", "/*script*/", "<!--policy-->"]


def test_controls_have_names():
    text = map_page.page("map").decode()
    elements = Elements(text)
    for name, label in zip(elements.names, elements.labels, strict=True):
        if name == "input":
            assert f'<label for="{label["id"]}"' in text
        if name == "canvas":
            assert "aria-label" in label or label.get("aria-hidden") == "true"
    for button in re.findall(r"<button.*?</button>", text, re.DOTALL):
        assert re.sub(r"<.*?>", "", button, flags=re.DOTALL).strip(), f"a button without a name: {button}"


@pytest.fixture(scope="module")
def browser():
    found = Browser()
    yield found
    found.close()


@pytest.fixture
def quiet(browser, serve):
    """The browser, in which nothing may go wrong while a site is served."""
    browser.call("Page.navigate", url="about:blank")
    browser.errors.clear()
    yield browser
    assert browser.errors == []


def where(browser, row):
    """Where in the window the dot of a row is."""
    script = f"""(() => {{ const box = document.getElementById("marks").getBoundingClientRect();
      const [x, y] = page.view.toScreen(page.sounds.x[{row}], page.sounds.y[{row}]);
      return [x + box.left, y + box.top]; }})()"""
    return browser.run(script)


def row_of(browser, name):
    return browser.run(f"page.sounds.names.indexOf({json.dumps(name)})")


def text_of(browser, identity):
    return browser.run(f"document.getElementById('{identity}').innerText")


@pytest.mark.real
def test_a_click_shows_and_plays_a_sound(quiet, site):
    quiet.open(f"http://{site.host}/")
    row = row_of(quiet, "snare3.wav")
    quiet.click(*where(quiet, row))
    quiet.wait(f"page.chosen === {row} && page.player.kept.size === 1 && page.nearest.length === 10")
    assert text_of(quiet, "name") == "snare3.wav"
    listed = quiet.run("[...document.querySelectorAll('#near b')].map((b) => b.textContent)")
    number = quiet.run(f"page.sounds.ids[{row}]")
    assert listed == [one["file"].rpartition("/")[2] for one in site.get(f"/map/near/{number}").json]
    assert quiet.run("page.player.source.buffer.duration") > 0.05
    quiet.key("Escape")
    quiet.wait("page.chosen === -1 && !document.getElementById('help').hidden")


@pytest.mark.real
def test_dots_are_drawn_in_the_colours_of_their_classes(quiet, site):
    quiet.open(f"http://{site.host}/")
    for row in range(3):
        shown = quiet.run(
            f"""(() => {{ const [x, y] = page.view.toScreen(page.sounds.x[{row}], page.sounds.y[{row}]);
              const [a, b] = [x, y].map((at) => Math.round((at + PAD) * page.ratio));
              const at = b * page.dots.canvas.width + a;
              return [...page.dots.image.data.slice(4 * at, 4 * at + 3)]; }})()"""
        )
        assert shown == quiet.run(f"page.theme.colours[page.sounds.kinds[{row}]]")


@pytest.mark.real
def test_classes_and_names_filter(quiet, site):
    quiet.open(f"http://{site.host}/")
    assert quiet.run("page.sounds.found") == 12
    quiet.run("document.getElementById('search').focus()")
    quiet.call("Input.insertText", text="DEEP snare")
    quiet.wait("page.sounds.found === 6")
    assert quiet.run("document.querySelectorAll('#hits li').length") == 6
    quiet.key("Enter")
    quiet.wait("page.chosen >= 0 && page.sounds.names[page.chosen].startsWith('snare')")
    quiet.run("page.choose(-1)")
    quiet.key("Escape")
    quiet.wait("page.sounds.found === 12")
    quiet.run("document.querySelector('#legend button').click()")
    shown = quiet.wait("page.kinds && page.sounds.found")
    assert shown == quiet.run("page.sounds.counts[[...page.kinds][0]]")
    quiet.run("document.querySelector('#legend .all').click()")
    quiet.wait("page.sounds.found === 12")


@pytest.mark.real
def test_keys_go_from_sound_to_sound(quiet, site):
    quiet.open(f"http://{site.host}/")
    quiet.run("document.getElementById('marks').focus()")
    quiet.key("ArrowRight")
    first = quiet.wait("page.chosen >= 0 && page.sounds.names[page.chosen]")
    before = quiet.run("page.sounds.x[page.chosen]")
    quiet.key("ArrowLeft")
    quiet.wait(f"page.sounds.names[page.chosen] !== {json.dumps(first)} || page.sounds.count === 1")
    assert quiet.run("page.sounds.x[page.chosen]") < before
    zoom = quiet.run("page.view.zoom")
    quiet.key("+")
    quiet.wait(f"page.view.zoom > {zoom}")
    quiet.key("0")
    quiet.wait("page.view.zoom === 1")
    assert text_of(quiet, "say")


@pytest.mark.real
def test_the_wheel_zooms_at_the_pointer(quiet, site):
    quiet.open(f"http://{site.host}/")
    x, y = where(quiet, 4)
    quiet.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=-300)
    quiet.wait("page.view.zoom > 1.1")
    assert where(quiet, 4) == pytest.approx([x, y], abs=1.0)


@pytest.mark.real
def test_new_sounds_come_by_themselves(quiet, site, folder, index):
    quiet.open(f"http://{site.host}/")
    quiet.run("page.choose(page.sounds.names.indexOf('kick4.wav'))")
    before = quiet.run("[...page.sounds.x]")
    fill(folder, ["rim1.wav", "rim2.wav"], seed=70)
    index()
    quiet.wait("page.sounds.count === 14")
    assert quiet.run("page.sounds.names[page.chosen]") == "kick4.wav"
    assert quiet.run("[...page.sounds.x].slice(0, 12)") == before


@pytest.mark.real
def test_a_sound_goes_to_a_slot(quiet, index, serve):
    index()
    instrument = FakeInstrument(lambda address, args: build("/gn/done", address, args[-1], ""))
    site = serve(instrument)
    quiet.open(f"http://{site.host}/")
    quiet.wait("!document.getElementById('slots').hidden")
    quiet.run("page.choose(page.sounds.names.indexOf('kick4.wav'))")
    quiet.run("document.querySelector('[aria-label=\"To slot d\"]').click()")
    quiet.wait("document.getElementById('slotted').textContent === 'kick4.wav is in slot d.'")
    assert instrument.asked[0][0] == "/gn/slot/d/file"


@pytest.mark.real
def test_a_finger_on_a_narrow_screen(quiet, site):
    quiet.open(f"http://{site.host}/", 360, 700, touch=True)
    assert quiet.run("document.documentElement.scrollWidth <= innerWidth")
    row = row_of(quiet, "kick2.wav")
    quiet.tap(*where(quiet, row))
    quiet.wait(f"page.chosen === {row}")
    assert quiet.run("document.documentElement.scrollWidth <= innerWidth")
    assert quiet.run("document.getElementById('stage').clientHeight") > 200


@pytest.mark.real
def test_a_saved_page_finds_neighbours_itself(quiet, made, tmp_path):
    library, drawn = made
    (tmp_path / "map.html").write_bytes(saved(library, drawn))
    quiet.open((tmp_path / "map.html").as_uri())
    assert quiet.run("page.sounds.names[7]").startswith("07<img src=x")
    quiet.run("page.choose(7)")
    quiet.wait("page.nearest.length === 10")
    found = quiet.run("page.nearest.map((one) => [one.row, one.distance])")
    apart = np.linalg.norm(library.latents - library.latents[7], axis=1)
    assert [row for row, _ in found] == apart.argsort()[1:11].tolist()
    assert [far for _, far in found] == pytest.approx(np.sort(apart)[1:11].tolist(), rel=1e-3)
    assert quiet.run("document.getElementById('play').disabled")
    assert "silent" in text_of(quiet, "mute")


@pytest.mark.real
def test_a_server_that_ends_is_said_to(browser, index, serve):
    index()
    site = serve()
    browser.open(f"http://{site.host}/")
    browser.call("Network.enable")
    browser.call(
        "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0
    )
    try:
        browser.wait("document.getElementById('notice').innerText.includes('does not answer')")
    finally:
        browser.call(
            "Network.emulateNetworkConditions",
            offline=False,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )
    until(lambda: browser.run("document.getElementById('notice').hidden"), "the server to be back")
