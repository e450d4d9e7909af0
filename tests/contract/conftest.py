"""The source as the contract tests see it: every module parsed once, every tracked file listed."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Import:
    """One import: the full dotted name that is asked for, and whether it runs when the module is imported."""

    name: str
    line: int
    at_start: bool


@dataclass(frozen=True)
class Module:
    """A module of ours: its dotted name, file, text and syntax tree."""

    name: str
    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def where(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @cached_property
    def imports(self) -> list[Import]:
        """Every import, also those inside functions and under TYPE_CHECKING, with relative ones resolved."""
        return list(self._walk(self.tree, at_start=True))

    def _walk(self, node: ast.AST, at_start: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, child.lineno, at_start) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = self._base(child)
                yield from (Import(f"{base}.{alias.name}", child.lineno, at_start) for alias in child.names)
            else:
                if isinstance(child, ast.Call) and (name := imported_by_call(child)):
                    yield Import(name, child.lineno, at_start)
                later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                later = later or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
                yield from self._walk(child, at_start and not later)

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parents = self.name.split(".")
        kept = parents[: len(parents) - node.level + (1 if self.is_package else 0)]
        return ".".join([*kept, *([node.module] if node.module else [])])


def imported_by_call(call: ast.Call) -> str | None:
    """The name in `importlib.import_module("name")` or `__import__("name")`."""
    if ast.unparse(call.func) not in ("importlib.import_module", "import_module", "__import__"):
        return None
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def read_modules(source_root: Path) -> list[Module]:
    """Every module below a source root, by name."""
    modules = []
    for path in sorted(source_root.rglob("*.py")):
        parts = path.relative_to(source_root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules.append(Module(name, path, path.read_text(encoding="utf-8")))
    assert modules, f"no modules below {source_root}"
    return modules


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def engine_modules() -> list[Module]:
    return read_modules(ROOT / "engine")


@pytest.fixture(scope="session")
def training_modules() -> list[Module]:
    return read_modules(ROOT / "training")


@pytest.fixture(scope="session")
def test_modules() -> list[Module]:
    return read_modules(ROOT / "tests")


@pytest.fixture(scope="session")
def tracked_files() -> list[Path]:
    """Files under version control, and those about to be: new ones that are not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"not a git checkout, or no git: {error}")
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]
