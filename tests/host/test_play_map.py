"""The map of a library beside a real instrument: served, told of, killed, replaced."""

from __future__ import annotations

import http.client
import json
import signal
import socket
from pathlib import Path

import pytest

from ghostnote.library import indexing
from ghostnote.library.indexing import IndexOptions
from librarykit import Inline
from playing import wait_for
from soundfolders import fill


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(indexing, "Crew", Inline)


@pytest.fixture
def sounds(tmp_path) -> Path:
    fill(tmp_path / "sounds", [f"kick{k}.wav" for k in range(5)])
    return tmp_path / "sounds"


@pytest.fixture
def index(bundle, sounds):
    return lambda: indexing.index([sounds], "lib", IndexOptions(str(bundle)))


def ask(port, method, path, value=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Origin": f"http://127.0.0.1:{port}", "Content-Type": "application/json"}
    connection.request(method, path, None if value is None else json.dumps(value), headers if value else {})
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    assert answer.status == 200, found
    return found


def page_port(performance):
    """The port that the instrument says its pages are at, as soon as there is one."""

    def told():
        performance.send("hello", "test")
        answer = performance.receive("hello/reply")
        return answer[3] if answer else 0

    return wait_for(told, "the instrument to tell of its pages")


def test_the_map_is_served_beside_the_instrument(play, index, free_udp_port):
    index()
    performance = play("--library", "lib")
    port = page_port(performance)
    assert port == free_udp_port
    performance.wait_until_said(f"the map of library lib is at http://127.0.0.1:{port}/")
    wait_for(lambda: ask(port, "GET", "/map/state")["instrument"], "the page to see the instrument")
    document = ask(port, "GET", "/map/sounds")
    assert document["count"] == 5
    near = ask(port, "GET", "/map/near/1")
    assert len(near) == 4
    ask(port, "POST", "/map/slot", {"slot": "g", "sound": near[0]["id"]})
    assert performance.ask("slot/g/origin") == Path(near[0]["file"]).name
    assert performance.end() == 0
    assert performance.survivors() == []


def test_a_server_that_dies_is_replaced_and_the_sound_goes_on(play, index):
    index()
    performance = play("--library", "lib")
    port = page_port(performance)
    performance.child("pages").send_signal(signal.SIGKILL)
    performance.wait_for_complaint("the map's server ended .*; the sound goes on")
    wait_for(lambda: _count(port) == 5, "the map to be served again")
    assert page_port(performance) == port
    performance.send("part1/hit", 1.0)
    performance.sync()
    assert performance.end() == 0


def _count(port):
    try:
        return ask(port, "GET", "/map/sounds")["count"]
    except OSError:
        return -1


def test_a_core_that_dies_is_told_of_the_page_again(play, index):
    index()
    performance = play("--library", "lib")
    port = page_port(performance)
    performance.child("core").send_signal(signal.SIGKILL)
    performance.wait_until_ready(2)
    assert page_port(performance) == port
    assert _count(port) == 5
    assert performance.end() == 0


def test_a_library_that_comes_later_is_served_then(play, index):
    performance = play("--library", "lib")
    performance.wait_for_complaint("the map is not served yet: there is no library 'lib'")
    index()
    assert _count(page_port(performance)) == 5
    assert performance.end() == 0


def test_a_port_that_is_taken_ends_nothing(play, index, free_udp_port):
    index()
    with socket.create_server(("127.0.0.1", free_udp_port)):
        performance = play("--library", "lib")
        performance.wait_for_complaint(f"the map is not served: TCP port {free_udp_port}")
        performance.send("part1/hit", 1.0)
        performance.sync()
        assert performance.end() == 0
    assert performance.survivors() == []


def test_without_a_library_nothing_is_served(play):
    performance = play()
    performance.send("hello", "test")
    assert performance.receive("hello/reply")[3] == 0
    assert [child for child in performance.process.children() if "pages" in " ".join(child.cmdline())] == []
    assert performance.end() == 0
