"""Tests mirror packages, versions agree, and what is imported is what pyproject.toml declares."""

from __future__ import annotations

import ast
import re
import sys
import tomllib

import pytest

import ghostnote

# What a distribution is called where it is not what one imports.
DISTRIBUTIONS = {
    "faiss": "faiss-cpu",
    "rtmidi": "python-rtmidi",
    "pythonosc": "python-osc",
    "jack": "jack-client",
    "sklearn": "scikit-learn",
    "pa_ringbuffer": "rtmixer",
}
# Loaded by name: Keras takes TensorFlow as its backend, mido takes python-rtmidi.
LOADED_BY_OTHERS = {"tensorflow-cpu", "tensorflow", "python-rtmidi"}
FRONT_ENDS = {"pytest-timeout", "pytest-rerunfailures", "ruff", "mypy", "build", "hatchling", "pytest"}


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements) -> set[str]:
    return {normal(re.match(r"[\w.-]+", r).group()) for r in requirements}


def third_party(modules) -> dict[str, str]:
    """Distributions that modules import, each with one place where."""
    own = {"ghostnote", "ghostnote_training", *sys.stdlib_module_names}
    found: dict[str, str] = {}
    for module in modules:
        for used in module.imports:
            top = used.name.split(".")[0]
            if top not in own:
                found.setdefault(normal(DISTRIBUTIONS.get(top, top)), f"{module.where}:{used.line}")
    return found


def test_every_package_has_its_tests(engine_modules, root):
    packages = [m.name.split(".")[1] for m in engine_modules if m.is_package and m.name.count(".") == 1]
    without = [p for p in packages if not list((root / "tests" / p).glob("**/test_*.py"))]
    assert not without, f"no tests/<package>/test_*.py for: {', '.join(without)}"


def test_single_modules_have_their_tests(engine_modules, root):
    alone = [m.name.split(".")[1] for m in engine_modules if not m.is_package and m.name.count(".") == 1]
    without = [n for n in alone if n != "__main__" and not list((root / "tests").glob(f"**/test_{n}.py"))]
    assert not without, f"no test_<module>.py for: {', '.join(without)}"


def test_every_test_file_is_collected(test_modules):
    stray = [
        m.where
        for m in test_modules
        if not m.path.name.startswith("test_")
        and any(isinstance(n, ast.FunctionDef) and n.name.startswith("test_") for n in m.tree.body)
        and not any(
            isinstance(d, ast.Attribute | ast.Call) and "fixture" in ast.unparse(d)
            for n in m.tree.body
            if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")
            for d in n.decorator_list
        )
    ]
    assert not stray, f"tests in files that pytest does not collect: {', '.join(stray)}"


def test_skips_say_why(test_modules):
    silent = []
    for module in test_modules:
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in ("pytest.skip", "pytest.mark.skip") and not (node.args or node.keywords):
                silent.append(f"{module.where}:{node.lineno}")
            if called == "pytest.mark.skipif" and "reason" not in {k.arg for k in node.keywords}:
                silent.append(f"{module.where}:{node.lineno}")
    assert not silent, "skipped without a reason:\n" + "\n".join(silent)


def test_versions_agree(project, root):
    assert ghostnote.__version__ == project["version"]
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[?(\d+\.\d+\.\d+)", changelog, flags=re.MULTILINE)
    assert released, "CHANGELOG.md names no version"
    assert released[0] == project["version"], "the newest version in CHANGELOG.md is not the project's"


def test_engine_imports_are_declared(project, engine_modules):
    extras = project["optional-dependencies"]
    declared = names(project["dependencies"])
    for extra in ("bench", "formats", "faiss", "qdrant", "ray", "remote"):
        declared |= names(extras[extra])
    undeclared = {d: w for d, w in third_party(engine_modules).items() if d not in declared}
    assert not undeclared, f"imported by the engine, not declared in pyproject.toml: {undeclared}"


def test_runtime_imports_need_no_extra(project, engine_modules):
    runtime = [m for m in engine_modules if not m.name.startswith("ghostnote.bench")]
    needed = {u.name.split(".")[0] for m in runtime for u in m.imports if u.at_start}
    undeclared = {normal(DISTRIBUTIONS.get(n, n)) for n in needed - set(sys.stdlib_module_names)}
    undeclared -= names(project["dependencies"]) | {"ghostnote"}
    assert not undeclared, f"needed to import the engine, not among its dependencies: {sorted(undeclared)}"


def test_declared_dependencies_are_used(project, engine_modules):
    used = set(third_party(engine_modules)) | LOADED_BY_OTHERS
    unused = sorted(names(project["dependencies"]) - used)
    assert not unused, f"declared as dependencies, imported nowhere in the engine: {', '.join(unused)}"


def test_declared_extras_are_used(project, engine_modules, training_modules, test_modules):
    used = set(third_party(engine_modules + training_modules + test_modules))
    extras = project["optional-dependencies"]
    declared = names(r for group in extras.values() for r in group) - {"ghostnote"}
    unused = sorted(declared - used - LOADED_BY_OTHERS - FRONT_ENDS)
    assert not unused, f"declared in extras, imported nowhere: {', '.join(unused)}"


def test_training_extra_is_used(project, training_modules):
    used = set(third_party(training_modules)) | LOADED_BY_OTHERS
    unused = sorted(names(project["optional-dependencies"]["training"]) - used)
    assert not unused, f"declared in the extra training, imported nowhere there: {', '.join(unused)}"


def test_training_imports_are_declared(project, training_modules):
    declared = names(project["dependencies"]) | names(project["optional-dependencies"]["training"])
    undeclared = {d: w for d, w in third_party(training_modules).items() if d not in declared}
    undeclared = {d: w for d, w in undeclared.items() if d != "tensorflow"}
    assert not undeclared, f"imported by training, not declared in pyproject.toml: {undeclared}"
