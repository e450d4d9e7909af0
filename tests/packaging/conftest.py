"""The wheel, built once, and an environment that holds nothing but the wheel and what it depends on."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def call(command: list[str], *, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a command to its end and give what it printed; a failure shows all it said."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=200)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)}\nexit status {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it; `run` calls the installed `ghostnote` from an empty folder."""

    folder: Path
    run: Callable[..., str]

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts" if os.name == "nt" else "bin") / "python"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with the tools of this environment: no network."""
    out = tmp_path_factory.mktemp("dist")
    call([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), "."], cwd=ROOT)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own.

    The libraries it depends on are lent by this environment: a path file adds its site-packages, where
    path files are not followed a second time, so an editable ghostnote there stays out of sight.
    """
    folder = tmp_path_factory.mktemp("installed") / "env"
    empty = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=False)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("GHOSTNOTE_", "PYTHON"))}
    env["GHOSTNOTE_HOME"] = str(tmp_path_factory.mktemp("home"))
    bin_dir = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", str(bin_dir / "python")]
    call([*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel)], cwd=empty, env=env)
    where = "import site; print(site.getsitepackages()[0])"
    own = Path(call([str(bin_dir / "python"), "-c", where], cwd=empty, env=env).strip())
    (own / "lent.pth").write_text("\n".join(site.getsitepackages()) + "\n", encoding="utf-8")

    def run(*arguments: str, cwd: Path = empty) -> str:
        return call([str(bin_dir / "ghostnote"), *arguments], cwd=cwd, env=env)

    return Installed(folder, run)
