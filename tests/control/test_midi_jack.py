"""JACK MIDI for real: a port appears, plays, disappears; the server ends and comes back."""

from __future__ import annotations

import json
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
import atexit, subprocess, sys, time
from ghostnote.control.inbox import Inbox
from ghostnote.control.midi_ports import MidiInputs
from ghostnote.telemetry import Telemetry
import jackserver

telemetry = Telemetry(hold_s=0.0)
inbox = Inbox(telemetry)
inputs = MidiInputs(inbox, telemetry, pattern="jack:knobs", poll_s=0.05)

def until(condition):
    deadline = time.monotonic() + 60
    while not (value := condition()):
        assert time.monotonic() < deadline, (inputs.ports, telemetry.snapshot(), telemetry.take_reports())
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
            server = jackserver.start(name)
            atexit.register(jackserver.stop, server.process)
            return server
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
    done = subprocess.run([sys.executable, "-c", whole], env=env, capture_output=True, text=True, timeout=200)
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
        send(keys, 0xB0, 7, 127)  # not taken: it stands at 0 dB
        send(keys, 0xB0, 7, 100)  # passed it
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
        f"[('/gn/part1/note', 60, 1.0, {(1 << 20) + 60})]",
        f"[('/gn/part1/gain', {-60 + 66 * (0.5 + 36 / 126)})]",
        f"[('/gn/part1/off', 60, {(1 << 20) + 60})]",
        f"[('/gn/part2/note', 62, 1.0, {(1 << 20) + 2048 + 128 + 62})]",
    ]


SLOW = """
import collections, sys, jack
jack.set_error_function(lambda text: None)
jack.set_info_function(lambda text: None)
client = jack.Client("knobs", no_start_server=True)
port = client.midi_outports.register("out")
waiting = collections.deque()

@client.set_process_callback
def process(frames):
    port.clear_buffer()
    while waiting:
        port.write_midi_event(0, waiting.popleft())

print("ready", flush=True)
for line in sys.stdin:
    if line == "go\\n":
        client.activate()
    else:
        waiting.append(bytes(int(word) for word in line.split()))
"""


def test_a_program_that_is_active_long_after_its_port_was_seen_is_heard(jack_server):
    """JACK connects nothing before, and python-rtmidi does not say so."""
    said = run(
        f"""
        SENDER = {SLOW!r}
        inputs.start()
        keys = sender()
        until(lambda: inputs.ports)
        keys.stdin.write("go\\n"); keys.stdin.flush()
        def played():
            send(keys, 0x90, 60, 127)
            time.sleep(0.1)
            return inbox.drain()
        print({{(e.addr, *e.args[:2]) for e in until(played)}})
        keys.stdin.close(); keys.wait()
        inputs.close()
        """,
        jack_server.env,
    )
    assert said.splitlines() == ["{('/gn/part1/note', 60, 1.0)}"]


DEVICE = """
import sys, rtmidi
fader = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="motors")
fader.set_callback(lambda event, data: print(*event[0], flush=True))
fader.open_virtual_port("in")
hand = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="motors")
hand.open_virtual_port("out")
print("ready", flush=True)
for line in sys.stdin:
    hand.send_message([int(word) for word in line.split()])
"""


def test_a_motor_fader_is_told_what_changes_and_not_what_its_hand_does(jack_server, tmp_path):
    """In both directions, through a map file; no output client where no map wants one."""
    control = {"in": {"kind": "cc", "channel": 1, "number": 20}, "to": "/gn/part1/pan", "feedback": True}
    document = {
        "schema": "ghostnote-midi-map",
        "version": 1,
        "device": {"match": "motors", "direction": "in+out"},
        "takeover": "jump",
        "controls": [control],
    }
    path = tmp_path / "motors.json"
    path.write_text(json.dumps(document))
    said = run(
        f"""
        import threading
        from ghostnote.control.midi_library import MapLibrary
        from ghostnote.state.registry import DEFAULTS

        values = dict(DEFAULTS)
        library = MapLibrary([{str(path)!r}])
        inputs = MidiInputs(inbox, telemetry, pattern="jack:*", poll_s=0.05, library=library, values=values)
        inputs.start()
        keys = sender()
        until(lambda: inputs.ports)
        print(inputs.outputs)
        pipes = {{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}}
        device = subprocess.Popen([sys.executable, "-c", {DEVICE!r}], text=True, **pipes)
        assert device.stdout.readline() == "ready\\n"
        shown = []
        read = lambda: [shown.append(line.split()) for line in device.stdout]
        threading.Thread(target=read, daemon=True).start()
        # On a busy machine a JACK server loses messages: told and sent until they arrive.
        again = lambda value: (inputs.rearm(), time.sleep(0.3), shown[-1:] == [["176", "20", value]])[2]
        until(lambda: inputs.outputs)
        until(lambda: again("64"))
        values["/gn/part1/pan"] = 1.0
        until(lambda: again("127"))
        inbox.drain()
        move = lambda: (send(device, 0xB0, 20, 0), time.sleep(0.05), inbox.drain())[2]
        print([(e.addr, *e.args) for e in until(move)[:1]])
        values["/gn/part1/pan"] = -1.0
        time.sleep(1.0)
        print([line for k, line in enumerate(shown) if line not in shown[k - 1 : k]])
        print(sorted(name.split(":")[0][:6] for name in inputs.ports))
        device.kill(); device.wait()
        until(lambda: not inputs.outputs and len(inputs.ports) == 1)
        keys.stdin.close(); keys.wait()
        inputs.close()
        """,
        jack_server.env,
    )
    assert said.splitlines() == [
        "()",
        "[('/gn/part1/pan', -1.0)]",
        "[['176', '20', '64'], ['176', '20', '127']]",
        "['knobs', 'motors']",
    ]


GUEST = """
import sys, time, rtmidi
hand, ear = (kind(rtmidi.API_UNIX_JACK, name="guest") for kind in (rtmidi.MidiOut, rtmidi.MidiIn))
ear.set_callback(lambda event, data: print(*event[0], flush=True))
for port, name in ((hand, "in"), (ear, "out")):
    while not (found := [n for n in port.get_ports() if n.startswith("ghostnote") and n.endswith(name)]):
        time.sleep(0.02)
    port.open_port(port.get_ports().index(found[0]), name="guest")
print("ready", flush=True)
for line in sys.stdin:
    hand.send_message([int(word) for word in line.split()])
"""


def test_virtual_ports_are_there_for_other_programs(jack_server):
    said = run(
        f"""
        import threading
        from ghostnote.state.registry import DEFAULTS

        values = dict(DEFAULTS)
        inputs = MidiInputs(inbox, telemetry, pattern="jack:none", poll_s=0.05, values=values, virtual=True)
        inputs.start()
        until(lambda: inputs.outputs)
        pipes = {{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}}
        guest = subprocess.Popen([sys.executable, "-c", {GUEST!r}], text=True, **pipes)
        assert guest.stdout.readline() == "ready\\n"
        send(guest, 0x90, 60, 127)
        print(heard()[0][:3], inputs.ports, inputs.outputs)
        values["/gn/part2/pan"] = 1.0
        # Everything is told to what connects, so that the change may be one of many.
        told = iter(lambda: guest.stdout.readline().strip(), "")
        print(next(line for line in told if line == "177 10 127"))
        guest.kill(); guest.wait()
        inputs.close()
        """,
        jack_server.env,
    )
    assert said.splitlines() == ["('/gn/part1/note', 60, 1.0) ('virtual',) ('virtual',)", "177 10 127"]


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
            # Again and again, since on a busy machine the port that is open may still be the last server's.
            play = lambda: (send(keys, 0x90, 60, 127), time.sleep(0.05), [e.addr for e in inbox.drain()])[2]
            until(lambda: "/gn/part1/note" in play())
            print("played")
            server.process.{end}(); server.process.wait()
            keys.kill(); keys.wait()
        inputs.close()
        jackserver.stop(serve({name!r}).process)  # a killed server leaves its socket behind
        """,
        jackserver.server_env(name),
    )
    assert said.splitlines() == ["played", "played"]
