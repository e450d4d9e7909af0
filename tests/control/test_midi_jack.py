"""JACK MIDI for real: a port appears, plays, disappears; the server ends and comes back."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

import jackserver

pytestmark = pytest.mark.jack

# Each script is a process of its own: python-rtmidi keeps one JACK library per process, and a crash in it
# must not take the tests along.
SENDER = """
import sys, time, rtmidi
out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="knobs")
out.open_virtual_port("out")
print("ready", flush=True)
for line in sys.stdin:
    out.send_message([int(word) for word in line.split()])
out.delete()
"""

COMMON = """
import subprocess, sys, time
from ghostnote.control.inbox import Inbox
from ghostnote.control.midi_ports import MidiInputs
from ghostnote.telemetry import Telemetry
import jackserver

telemetry = Telemetry(hold_s=0.0)
inbox = Inbox(telemetry)
inputs = MidiInputs(inbox, telemetry, pattern="jack:knobs", poll_s=0.05)

def until(condition):
    deadline = time.monotonic() + 30
    while not (value := condition()):
        assert time.monotonic() < deadline, condition
        time.sleep(0.01)
    return value

def sender():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-c", SENDER], text=True, **pipes)
    assert process.stdout.readline() == "ready\\n"
    return process

def serve(name):
    # On a busy machine jackd sometimes gives up while it starts.
    for _ in range(4):
        try:
            return jackserver.start(name)
        except RuntimeError as error:
            said = error
    raise said

def send(process, *data):
    process.stdin.write(" ".join(map(str, data)) + "\\n")
    process.stdin.flush()

def heard():
    return [(e.addr, *e.args) for e in until(inbox.drain)]
"""


def run(script: str, env: dict[str, str]) -> str:
    """Run a script beside COMMON with this server; its standard output and error, both of which matter."""
    tests = str(jackserver.Path(jackserver.__file__).parent)
    path = f"import sys; sys.path.insert(0, {tests!r})"
    whole = "\n".join([path, f"SENDER = {SENDER!r}", COMMON, textwrap.dedent(script)])
    done = subprocess.run([sys.executable, "-c", whole], env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_notes_and_knobs_come_through_and_a_lost_port_is_released(jack_server):
    said = run(
        """
        inputs.start()
        keys = sender()
        until(lambda: inputs.ports)
        send(keys, 0x90, 60, 127)
        print(heard())
        send(keys, 0xB0, 7, 127)
        print(heard())
        keys.stdin.close(); keys.wait()
        print(heard())
        until(lambda: not inputs.ports)
        keys = sender()
        until(lambda: inputs.ports)
        send(keys, 0x91, 62, 127)
        print(heard())
        keys.stdin.close(); keys.wait()
        inputs.close()
        """,
        jack_server.env,
    )
    assert said.splitlines() == [
        "[('/gn/part1/note', 60, 1.0, -1)]",
        "[('/gn/part1/gain', 6.0)]",
        "[('/gn/part1/off', 60, -1)]",
        "[('/gn/part2/note', 62, 1.0, -1)]",
    ]


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_a_server_that_ends_and_comes_back_is_used_again(jack_server, end):
    name = f"{jack_server.name}{end[0]}"
    said = run(
        f"""
        from ghostnote.control import midi_system
        midi_system._RETRY_S = 0.2
        inputs.start()
        until(lambda: any("does not answer" in r.text for r in telemetry.take_reports()))
        for _ in range(2):
            server = serve({name!r})
            keys = sender()
            until(lambda: inputs.ports)
            send(keys, 0x90, 60, 127)
            until(lambda: "/gn/part1/note" in [e.addr for e in inbox.drain()])
            print("played")
            server.process.{end}(); server.process.wait()
            keys.kill(); keys.wait()
        inputs.close()
        jackserver.stop(serve({name!r}).process)  # a killed server leaves its socket behind
        """,
        jackserver.server_env(name),
    )
    assert said.splitlines() == ["played", "played"]
