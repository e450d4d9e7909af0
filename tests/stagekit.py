"""Trouble at a chosen moment of `ghostnote train`: a signal, or a full disk."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

STAGES = {
    "looking": "Looking at files",
    "features": "Computing features",
    "classifier": "Learning the classes",
    "training": "Learning the sounds",
    "export": "Making the model",
}
"""What is shown while a stage is under way."""


def trouble(kind: str) -> None:
    """A signal to this process, or the error of a disk without room."""
    if kind.startswith("SIG"):
        os.kill(os.getpid(), getattr(signal, kind))
    else:
        raise OSError(getattr(errno, kind), os.strerror(getattr(errno, kind)))


def _after(method: Callable[..., Any], then: Callable[..., None]) -> Callable[..., Any]:
    def both(*args: Any, **more: Any) -> Any:
        found = method(*args, **more)
        then(*args)
        return found

    return both


def _instead(then: Callable[[], None]) -> Callable[..., Any]:
    def only(*_: Any, **__: Any) -> Any:
        then()

    return only


def arrange(stage: str, kind: str, patch: Callable[[Any, str, Any], None]) -> None:
    """Have trouble come in a stage. `patch` is `setattr`, or a monkeypatch's."""
    from ghostnote_training import placing, show

    def strike() -> None:
        trouble(kind)

    if stage == "placing":
        patch(placing.shutil, "copytree", _after(shutil.copytree, lambda *_: strike()))
    elif kind.startswith("SIG"):

        def shown(self: show.PlainShow, *_: Any) -> None:
            if self._stage == STAGES[stage]:
                strike()

        for name in ("advance", "moment"):
            patch(show.PlainShow, name, _after(getattr(show.PlainShow, name), shown))
    elif stage == "export":
        patch(Path, "write_bytes", _instead(strike))
    else:
        from ghostnote_training import checkpoint

        patch(checkpoint.np, "savez", _instead(strike))


if __name__ == "__main__":
    from folderkit import tiny
    from ghostnote_training import presets
    from ghostnote_training.command import main

    where, how = sys.argv[1:3]
    presets.PRESETS["small"] = tiny()
    if where != "nowhere":
        arrange(where, how, setattr)
    sys.exit(main(sys.argv[3:]))
