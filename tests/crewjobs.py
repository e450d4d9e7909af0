"""Jobs for worker processes in tests: some end their process, some never end."""

from __future__ import annotations

import os
import signal
import sys
import time

from ghostnote.crew import Crew


def double(number: int) -> int:
    return 2 * number


def crash_at_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGSEGV)
    return number


def hang_at_two(number: int) -> int:
    if number == 2:
        time.sleep(600)
    return number


def tell_and_hang(path: str) -> None:
    """Write the process's number to a file, and never end."""
    with open(f"{path}.part", "w") as file:
        file.write(str(os.getpid()))
    os.replace(f"{path}.part", path)
    time.sleep(600)


def complain(number: int) -> int:
    os.write(2, b"decoder noise\n")
    if number == 1:
        raise ValueError("one is\n not wanted")
    return number


def niceness(_: int) -> int:
    return os.nice(0)


def threads(_: int) -> str | None:
    return os.environ.get("OPENBLAS_NUM_THREADS")


def interrupts(_: int) -> tuple[bool, bool]:
    """Whether Ctrl-C is ignored, and held back."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    return ignored, signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


if __name__ == "__main__":
    with Crew(1) as crew:
        list(crew.run(tell_and_hang, sys.argv[1:]))
