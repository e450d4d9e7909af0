"""Ports, connections and junk: a server that opens, bears what comes, and ends."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from ghostnote.errors import NetworkError
from ghostnote.web import connections
from ghostnote.web.serving import address, is_open, open_socket
from webkit import until


def test_a_port_that_is_taken():
    with open_socket("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(NetworkError, match=f"TCP port {port} on 127.0.0.1 is taken by another program"):
            open_socket("127.0.0.1", port)


@pytest.mark.parametrize(
    ("bind", "port", "said"),
    [
        ("127.0.0.1", 70000, "ports are 0…65535"),
        ("127.0.0.1", -1, "ports are 0…65535"),
        ("nowhere", 0, "is no address"),
        ("", 0, "is no address"),
        ("203.0.113.7", 0, "is no address of this computer"),
    ],
)
def test_addresses_that_cannot_be(bind, port, said):
    with pytest.raises(NetworkError, match=said):
        open_socket(bind, port)


def test_what_a_browser_is_given():
    with open_socket("127.0.0.1", 0) as near, open_socket("0.0.0.0", 0) as far:
        assert address(near) == f"http://127.0.0.1:{near.getsockname()[1]}/"
        assert address(far) == f"http://127.0.0.1:{far.getsockname()[1]}/"
        assert (is_open(near), is_open(far)) == (False, True)


def test_ipv6():
    try:
        sock = open_socket("::1", 0)
    except NetworkError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with sock:
        assert address(sock) == f"http://[::1]:{sock.getsockname()[1]}/"


def test_junk_is_borne(still):
    chance = random.Random(5)
    host = still.host.encode()
    good = b"GET /map/state HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
    post = b"POST /map/slot HTTP/1.1\r\nHost: " + host + b"\r\n"
    tried = [
        b"",
        b"\r\n" * 50,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n",
        b"GET /map HTTP/1.1\r\nHost: " + host + b"\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET /map HTTP/1.1\r\nHost: " + host + b"\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n",
        b"GET /map HTTP/1.1\r\nHost: " + host + b"\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        post + b"Content-Length: -5\r\n\r\n",
        post + b"Content-Length: 99999999999999999999\r\n\r\n",
        post + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFF\r\n",
        post + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"GET /\x00\x01\xff HTTP/1.1\r\nHost: " + host + b"\r\n\r\n",
        b"GET http://evil.example/map HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n",
        b"CONNECT evil.example:80 HTTP/1.1\r\nHost: " + host + b"\r\n\r\n",
        b"GET /map HTTP/1.1\r\nHost: " + host + b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        *(chance.randbytes(chance.randrange(1, 3000)) for _ in range(40)),
    ]
    for _ in range(60):
        bad = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        tried.append(bytes(bad))
    for data in tried:
        got = still.raw(data, end=True)
        assert got == b"" or got.startswith(b"HTTP/1.")
        assert b"Traceback" not in got
    assert still.raw(good).startswith(b"HTTP/1.1 200")
    assert still.told == []


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/map/../../../etc/passwd",
        "/map/sound/../../../etc/passwd",
        "/map/sound/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/map/sound/..%5c..%5cboot.ini",
        "/map/sound/1.wav/../../x",
        "/map/sound/-1.wav",
        "/map/sound/1e3.wav",
        "/map/sound/%D9%A1.wav",
        "/map/sound/9999999999999.wav",
        "/map/sound/999999999999.wav",
        "/map/sound/%00.wav",
        "/map/sound/",
        "/map/",
        "/parts/map.js",
        "/map/parts/map.html",
        "//evil.example/map",
    ],
)
def test_nothing_else_is_served(still, path):
    answer = still.get(path)
    assert answer.status in (400, 403, 404)
    assert b"root:" not in answer.body


def test_headers_that_drip_in_do_not_hold_a_connection(site, monkeypatch):
    monkeypatch.setattr(connections, "IDLE_S", 0.2)
    monkeypatch.setattr(connections, "LOOK_S", 0.05)
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as sock:
        sock.sendall(b"GET /map HTTP/1.1\r\nHost: ")
        with contextlib.suppress(ConnectionError):
            assert sock.recv(100) == b""


def test_only_so_many_connections(site, monkeypatch):
    monkeypatch.setattr(site.connections, "_most", 5)
    held = [socket.create_connection(("127.0.0.1", site.port), timeout=60) for _ in range(5)]
    try:
        until(
            lambda: b" 503 " in site.raw(b"GET /map/state HTTP/1.1\r\n\r\n"),
            "a connection too many to be refused",
        )
    finally:
        for sock in held:
            sock.close()
    until(lambda: _is_served(site), "connections to be free again")


def _is_served(site):
    try:
        return site.get("/map/state").status == 200
    except OSError:
        return False


@pytest.mark.skipif(os.name == "nt", reason="signals as on POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_interrupted(index, number):
    index()
    arguments = [sys.executable, "-m", "ghostnote", "library", "map", "lib", "--serve", "--port", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        assert line.startswith("The map is at http://127.0.0.1:")
        where = line.split()[4]
        with urllib.request.urlopen(f"{where}map", timeout=60) as answer:
            assert b"ghostnote" in answer.read()
        process.send_signal(number)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
