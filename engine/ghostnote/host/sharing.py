"""Memory that a process shares with its children, without a name that could be left behind."""

from __future__ import annotations

import os
import sys
from mmap import mmap


class SharedMemory:
    """`size` bytes of zeros for this process and for children that are told `handle` and given `fds`.

    Linux: an anonymous file in memory; other Unixes: a file without a name; Windows: a tagged mapping.
    All of them are gone when the last process is.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.fds: tuple[int, ...] = ()
        """File descriptors that a child has to inherit."""
        if sys.platform == "win32":
            self.handle = f"tag:ghostnote-{os.getpid()}-{id(self)}"
        else:
            self.fds = (_anonymous(size),)
            self.handle = f"fd:{self.fds[0]}"
        self.memory = attach(self.handle, size)

    def close(self) -> None:
        """Let go of it; children keep what they have mapped."""
        for fd in self.fds:
            os.close(fd)
        self.fds = ()


def attach(handle: str, size: int) -> mmap:
    """The memory that a parent's handle stands for. Raises OSError or ValueError if there is none."""
    kind, _, name = handle.partition(":")
    if sys.platform == "win32":
        return mmap(-1, size, tagname=name)
    if kind != "fd":
        raise ValueError(f"no shared memory: {handle!r}")
    return mmap(int(name), size)


def _anonymous(size: int) -> int:
    if sys.platform == "linux":
        fd = os.memfd_create("ghostnote")
    else:
        import tempfile

        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, size)
    return fd
