"""Writes down what SuperCollider and TidalCycles send: `python tests/patches/record.py`, with both installed.

Each line of the files in `recorded` is one datagram in hexadecimal digits; `test_replay` plays them.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PATCHES = Path(__file__).resolve().parents[2] / "patches"
RECORDED = Path(__file__).resolve().parent / "recorded"
SUPERCOLLIDER = """(
fork {{
    "{file}".load;
    ~ghostnote.sendMsg("/gn/part1/weight/b", 0.5);
    (type: \\ghostnote, part: 5, note: [48, 55, 63], sustain: 0.8).play;
    Pbind(\\type, \\ghostnote, \\part, 6, \\note, Pseq([60, 63], 1), \\pan, -0.5, \\d1, 1.5,
        \\dur, 0.25).play;
    2.wait;
    0.exit;
}}
)
"""


def listen(port: int = 0) -> socket.socket:
    """A socket on the loopback address."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.bind(("127.0.0.1", port))
    ear.settimeout(0.2)
    return ear


def keep(name: str, ear: socket.socket, seconds: float, most: int) -> None:
    """Write what comes in for a while, at most so many datagrams."""
    lines: list[str] = []
    end = time.monotonic() + seconds
    while len(lines) < most and time.monotonic() < end:
        try:
            lines.append(ear.recv(65536).hex())
        except TimeoutError:
            continue
    RECORDED.mkdir(exist_ok=True)
    (RECORDED / f"{name}.hex").write_text("\n".join(lines) + "\n", encoding="ascii")


def supercollider() -> None:
    """The event type of the shipped file, a chord and a pattern."""
    with tempfile.TemporaryDirectory() as folder, listen() as ear:
        script = Path(folder) / "run.scd"
        file = PATCHES / "supercollider" / "ghostnote.scd"
        script.write_text(SUPERCOLLIDER.format(file=file), encoding="utf-8")
        more = {"QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_DISABLE_SANDBOX": "1", "HOME": folder}
        env = {**os.environ, **more, "GHOSTNOTE_PORT": str(ear.getsockname()[1])}
        process = subprocess.Popen(["sclang", str(script)], env=env, stdin=subprocess.DEVNULL)
        keep("supercollider", ear, 20.0, 4)
        process.kill()


def tidal() -> None:
    """The shipped file with the patterns of the shipped example, at each of its two ports."""
    boot = (PATCHES / "tidal" / "BootGhostnote.hs").read_text(encoding="utf-8")
    lines = (PATCHES / "tidal" / "example.tidal").read_text(encoding="utf-8").splitlines()
    patterns = "\n".join(line for line in lines if line.startswith(("d1", "d2", "d3", "once")))
    with listen() as dirt, listen() as own:
        boot = boot.replace("57120", str(dirt.getsockname()[1])).replace("9770", str(own.getsockname()[1]))
        process = subprocess.Popen(["ghci"], stdin=subprocess.PIPE, text=True)
        assert process.stdin is not None
        process.stdin.write(f"{boot}\n{patterns}\n")
        process.stdin.flush()
        keep("tidal", own, 30.0, 16)
        keep("tidal-dirt", dirt, 10.0, 16)
        process.kill()


if __name__ == "__main__":
    supercollider()
    tidal()
