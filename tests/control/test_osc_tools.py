"""OSC with programs that are not ours: liblo's oscsend and oscdump."""

from __future__ import annotations

import shutil
import socket
import subprocess

import pytest

from controlkit import wait_for
from ghostnote.control.osc_send import OscSender
from ghostnote.control.osc_server import OscServer
from ghostnote.core.changes import Changes
from ghostnote.state.registry import DEFAULTS
from playing import oscsend

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not (shutil.which("oscsend") and shutil.which("oscdump")),
        reason="liblo's oscsend and oscdump are not installed (Debian/Ubuntu: liblo-tools)",
    ),
]


@pytest.fixture
def server(inbox, telemetry):
    with OscServer(inbox, telemetry, values=DEFAULTS, port=0) as running:
        yield running


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("/gn/part1/hit", "f", "0.5"), ("/gn/part1/hit", 0.5)),
        (("/gn/part1/hit", "d", "0.5"), ("/gn/part1/hit", 0.5)),
        (("/gn/part1/hit", "T"), ("/gn/part1/hit", 1.0)),
        (("/gn/part1/hit",), ("/gn/part1/hit", 1.0)),
        (("/gn/part2/note", "if", "60", "0.25"), ("/gn/part2/note", 60, 0.25, -1)),
        (("/gn/part2/mute", "h", "1"), ("/gn/part2/mute", 1)),
        (("/gn/slot/a/prototype", "s", "kick"), ("/gn/slot/a/prototype", "kick")),
    ],
)
def test_oscsend_plays_it(inbox, server, words, expected):
    oscsend(server.port, *words)
    (event,) = wait_for(inbox.drain)
    assert (event.addr, *event.args) == expected


def test_oscdump_reads_the_answers(server, free_udp_port):
    command = ["oscdump", "-L", str(free_udp_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as dump:
        try:
            wait_for(lambda: _is_bound(free_udp_port))
            oscsend(server.port, "/gn/hello", "si", "dump", str(free_udp_port))
            line = dump.stdout.readline()
        finally:
            dump.terminate()
    assert f'/gn/hello/reply siiis "0.1.0" 1 {server.port} 0 ""' in line


def test_oscdump_reads_every_type_we_send(telemetry, free_udp_port):
    command = ["oscdump", "-L", str(free_udp_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as dump:
        sender = OscSender(telemetry)
        try:
            wait_for(lambda: _is_bound(free_udp_port))
            assert sender.send(("127.0.0.1", free_udp_port), "/gn/x", 7, 0.5, "snare drum")
            line = dump.stdout.readline()
        finally:
            sender.close()
            dump.terminate()
    assert '/gn/x ifs 7 0.500000 "snare drum"' in line


def test_oscdump_hears_what_another_source_changes(inbox, telemetry, free_udp_port):
    """oscsend subscribes oscdump and sets a value; a controller moves another one."""
    changes, values = Changes(), dict(DEFAULTS)
    command = ["oscdump", "-L", str(free_udp_port)]

    def apply(source: str | None = None) -> None:
        for event in wait_for(inbox.drain):
            values[event.addr] = event.args[0]
            changes.note(event.addr, source or event.source)

    with (
        OscServer(inbox, telemetry, values=values, port=0, changes=changes.reader()) as server,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as dump,
    ):
        try:
            wait_for(lambda: _is_bound(free_udp_port))
            oscsend(
                server.port, "/gn/subscribe", "isff", str(free_udp_port), "/gn/part1/{gain,mute}", "30", "0"
            )
            snapshot = {dump.stdout.readline().split(" ", 1)[1] for _ in range(2)}
            oscsend(server.port, "/gn/part1/gain", "f", "-6")
            apply()
            told = dump.stdout.readline()
            oscsend(server.port, "/gn/part1/mute", "i", "1")
            apply("midi:pads")
            by_controller = dump.stdout.readline()
        finally:
            dump.terminate()
    assert snapshot == {"/gn/part1/gain f 0.000000\n", "/gn/part1/mute i 0\n"}
    assert "/gn/part1/gain f -6.000000" in told
    assert "/gn/part1/mute i 1" in by_controller


def _is_bound(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
