"""Who may ask what: names, origins, methods, sizes, and answers that say so in a line."""

from __future__ import annotations

import socket

import pytest

from ghostnote.web.guard import LONGEST_BODY, Hosts

PLACES = ["/map", "/map/sounds", "/map/state", "/nothing", "/", "/map/sound/0.wav"]


@pytest.mark.parametrize(
    ("bind", "host", "good"),
    [
        ("127.0.0.1", "127.0.0.1:9770", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "localhost:9770", True),
        ("127.0.0.1", "LOCALHOST.:9770", True),
        ("127.0.0.1", "[::1]:9770", True),
        ("127.0.0.1", "192.168.1.5:9770", False),
        ("127.0.0.1", "evil.example:9770", False),
        ("127.0.0.1", "127.0.0.1.evil.example", False),
        ("127.0.0.1", "localhost.evil.example", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "[::1", True),
        ("127.0.0.1", "[", False),
        ("0.0.0.0", "192.168.1.5:9770", True),
        ("0.0.0.0", f"{socket.gethostname()}:9770", True),
        ("0.0.0.0", f"{socket.gethostname()}.local", True),
        ("0.0.0.0", "evil.example", False),
        ("::", "[fe80::1]:9770", True),
    ],
)
def test_names(bind, host, good):
    assert Hosts(bind).has(host) is good


def test_no_name_at_all():
    assert not Hosts("127.0.0.1").has(None)


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_name_is_refused_everywhere(still, method, path):
    answer = still.ask(method, path, b"{}", Host="evil.example", Origin="http://evil.example")
    assert answer.status == 403
    assert "not called by that name" in answer.json["error"]


@pytest.mark.parametrize("path", PLACES)
def test_every_answer_has_its_headers(still, path):
    for answer in (still.get(path), still.get(path, Host="evil.example"), still.post(path, {})):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["server"] == "ghostnote"
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": None},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "https://{host}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
    ],
)
@pytest.mark.parametrize("path", ["/map/anew", "/map/slot"])
def test_other_pages_change_nothing(still, path, headers):
    given = {name: value and value.format(host=still.host) for name, value in headers.items()}
    answer = still.post(path, {"slot": "a", "sound": 1} if path == "/map/slot" else {}, **given)
    assert answer.status == 403
    assert still.get("/map/state").json["drawing"] is False


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"])
def test_other_methods(still, method):
    answer = still.ask(method, "/map", b"", Origin=f"http://{still.host}")
    assert answer.status == 405


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/map"), ("POST", "/map/sounds"), ("GET", "/map/anew")]
)
def test_methods_in_their_places(still, method, path):
    assert (still.get(path) if method == "GET" else still.post(path, {})).status == 405


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"[]", "an object with slot, sound is needed"),
        (b"{}", "an object with slot, sound is needed"),
        (b'{"slot": "a"}', "an object with slot, sound is needed"),
        (b'{"slot": "a", "sound": 1, "more": 2}', "an object with slot, sound is needed"),
        (b'{"slot": 1, "sound": 1}', "slot is of the wrong kind"),
        (b'{"slot": "a", "sound": "1"}', "sound is of the wrong kind"),
        (b'{"slot": "a", "sound": true}', "sound is of the wrong kind"),
        (b'{"slot": "a", "sound": NaN}', "no JSON"),
        (b'{"slot": "a", "slot": "b", "sound": 1}', "no JSON"),
        (b'{"slot": "i", "sound": 1}', "slots are a to h"),
        (b'{"slot": "ab", "sound": 1}', "slots are a to h"),
        (b'{"slot": "", "sound": 1}', "slots are a to h"),
        (b'{"slot": "a", "sound": -1}', "no such sound"),
        (b'{"slot": "a", "sound": 99999999999999999999}', "no such sound"),
        (b"[" * 2000, "no JSON"),
        (b"\xff\xfe", "no UTF-8"),
    ],
)
def test_bodies_that_are_not_understood(still, body, said):
    answer = still.post("/map/slot", body)
    assert answer.status in (400, 404)
    assert said in answer.json["error"]


def test_a_body_that_is_too_large(still):
    assert still.post("/map/slot", b"x" * (LONGEST_BODY + 1)).status == 413
    assert still.post("/map/slot", b"x" * LONGEST_BODY).status == 400


def test_a_body_that_does_not_come(still, monkeypatch):
    monkeypatch.setattr("ghostnote.web.guard.BODY_S", 0.1)
    head = f"POST /map/slot HTTP/1.1\r\nHost: {still.host}\r\nOrigin: http://{still.host}\r\n"
    got = still.raw(
        (head + "Content-Type: application/json\r\nConnection: close\r\nContent-Length: 50\r\n\r\n{").encode()
    )
    assert b" 408 " in got
    assert still.get("/map/state").status == 200


def test_what_is_unexpected_is_told_and_not_shown(site, monkeypatch):
    monkeypatch.setattr("ghostnote.web.map_page.page", lambda title: 1 / 0)
    answer = site.get("/map")
    assert answer.status == 500
    assert b"ZeroDivision" not in answer.body
    assert "ZeroDivisionError" in site.told[0]
    assert site.get("/map/state").status == 200


def test_what_takes_too_long_is_given_up(site, monkeypatch):
    import threading

    gate = threading.Event()
    monkeypatch.setattr("ghostnote.web.guard.ANSWER_S", 0.1)
    monkeypatch.setattr("ghostnote.web.map_source.MapSource.wav", lambda *_: gate.wait(60) and None)
    try:
        answer = site.get("/map/sound/1.wav")
    finally:
        gate.set()
    assert answer.status == 503
    assert "too long" in answer.json["error"]
