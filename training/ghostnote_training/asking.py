"""What a person asks of `ghostnote train`, and what is wrong with it before anything heavy is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ghostnote.decode import bundle as bundles
from ghostnote.errors import UsageError
from ghostnote_training import placing
from ghostnote_training.run_folder import RunFolder

STOPPED = 130
"""Exit status of what was stopped, as shells have it."""

DEFAULTS: dict[str, Any] = {
    "classes": "none",
    "preset": "standard",
    "minutes": None,
    "seed": 1,
    "synthesis": 0.0,
    "cut": "usual",
}
"""What is taken where nothing is said; a run keeps it."""


@dataclass(frozen=True)
class Request:
    """What a person asked for; None: not said."""

    folder: Path
    name: str
    classes: str | None = None
    preset: str | None = None
    minutes: float | None = None
    seed: int | None = None
    synthesis: float | None = None
    cut: str | None = None
    licence: str | None = None
    credit: str | None = None
    out: Path | None = None
    run: Path | None = None
    resume: bool = False
    fresh: bool = False
    export: bool = False
    replace: bool = False
    plain: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether it is about a run that exists."""
        return self.resume or self.export

    @property
    def run_folder(self) -> Path:
        """Where the run is."""
        return self.run or bundles.user_data() / "training" / self.name


def settings(request: Request, stored: dict[str, Any]) -> dict[str, Any]:
    """What decides what comes out, JSON-able: as was said, else as stored, else the defaults. Raises
    UsageError.
    """
    chosen = {}
    for key, default in DEFAULTS.items():
        said = getattr(request, key)
        chosen[key] = said if said is not None else stored.get(key, default)
    if chosen["minutes"] is not None and not 0.0 < chosen["minutes"] <= 60_000.0:
        raise UsageError(f"--minutes {chosen['minutes']:g}: must be above 0 and at most 60000")
    if not 0 <= chosen["seed"] < 2**31:
        raise UsageError(f"--seed {chosen['seed']}: must be from 0 to {2**31 - 1}")
    if not 0.0 <= chosen["synthesis"] <= 0.9:
        raise UsageError(f"--synthesis {chosen['synthesis']:g}: must be from 0 to 0.9")
    return {"folder": str(request.folder.resolve()), "name": request.name, **chosen}


def check(request: Request) -> None:
    """Raise UsageError for what is wrong with a request, as far as it shows before the sounds are read."""
    placing.destination(request.name, request.out)
    if not request.folder.is_dir():
        raise UsageError(f"{request.folder}: there is no such folder; give the one that your sounds are in")
    folder = RunFolder(request.run_folder)
    if request.goes_on:
        if not folder.begun:
            raise UsageError(f"--name {request.name}: there is no run to go on with in {folder.path}")
        wanted = settings(request, folder.settings)
        if odd := [
            key for key, value in wanted.items() if value != folder.settings.get(key, DEFAULTS.get(key))
        ]:
            raise UsageError(
                f"{folder.path}: the run there was begun with another {', '.join(odd)}; leave that out, "
                "or begin anew "
                "with --fresh"
            )
        return
    settings(request, {})
    if folder.learnt and not folder.finished and not request.fresh:
        raise UsageError(
            f"there is an unfinished run of {request.name!r}, {folder.told()}: add --resume to go on with "
            "it, or "
            "--fresh to begin anew"
        )
