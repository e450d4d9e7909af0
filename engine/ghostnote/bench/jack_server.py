"""A JACK server of the benchmark's own on the dummy driver, started, found by children, and ended."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from itertools import count
from types import TracebackType

START_LIMIT_S = 60.0
END_LIMIT_S = 30.0
"""A server that has to be killed keeps its place on the machine, one of eight."""
NULL = subprocess.DEVNULL
_NUMBERS = count()

_PROBE = """
import sys, jack
jack.set_error_function(lambda text: None)
jack.set_info_function(lambda text: None)
jack.Client("ghostnote-look", servername=sys.argv[1], no_start_server=True)
"""


class UnavailableError(Exception):
    """Something that a measurement needs is not on this machine; the text says what to install."""


class JackServer:
    """`jackd -n NAME -r -d dummy -r RATE -p BLOCK` for the length of a `with` block; -R with `realtime`.

    Raises UnavailableError when jackd or the JACK-Client package is missing, or the server does not answer.
    """

    def __init__(self, rate: int = 48000, block: int = 128, realtime: bool = False) -> None:
        self.name = f"gnbench{os.getpid()}n{next(_NUMBERS)}"
        self.rate = rate
        self.block = block
        self.realtime = realtime
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        """How the server is started."""
        priority = ["-R", "-P", "70"] if self.realtime else ["-r"]
        return [
            "jackd",
            "-n",
            self.name,
            *priority,
            "-d",
            "dummy",
            "-r",
            str(self.rate),
            "-p",
            str(self.block),
        ]

    @property
    def env(self) -> dict[str, str]:
        """Environment in which PortAudio and python-rtmidi find this server and start no other."""
        return {
            **os.environ,
            "JACK_DEFAULT_SERVER": self.name,
            "JACK_NO_START_SERVER": "1",
            "JACK_NO_AUDIO_RESERVATION": "1",
            "OMP_NUM_THREADS": "1",
        }

    def check(self) -> None:
        """Raise UnavailableError when the server has ended: what was measured since is worth nothing."""
        if self._process is None or self._process.poll() is not None:
            raise UnavailableError("the JACK server ended while it was measured")

    def __enter__(self) -> JackServer:
        if shutil.which("jackd") is None:
            raise UnavailableError("jackd is not installed (Debian/Ubuntu: apt install jackd2)")
        try:
            import jack  # noqa: F401
        except (ImportError, OSError) as error:
            raise UnavailableError(f"JACK-Client cannot be used ({error}): pip install JACK-Client") from None
        self._process = subprocess.Popen(self.command, env=self.env, stdin=NULL, stdout=NULL, stderr=NULL)
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            # In a process of its own, since libjack may end or stop the one that asks too early.
            asked = subprocess.run(
                [sys.executable, "-c", _PROBE, self.name],
                env=self.env,
                timeout=START_LIMIT_S,
                stdout=NULL,
                stderr=NULL,
            )
            if asked.returncode == 0:
                return self
            time.sleep(0.1)
        ended = self._process.poll()
        self._end()
        if ended is not None:
            raise UnavailableError(
                f"jackd ended at once (status {ended}); there is room for eight servers, and one that was "
                "killed keeps its place until one of the same name has come and gone"
            )
        raise UnavailableError(f"jackd did not answer within {START_LIMIT_S:.0f} s")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(END_LIMIT_S)
