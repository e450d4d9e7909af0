"""The shape of the source: small modules, each with its sentence, each public function explained."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator

LARGEST = 400
MEDIAN = 130


def test_no_module_is_too_long(engine_modules, training_modules, test_modules):
    long = [
        f"{module.where}: {n} lines"
        for module in engine_modules + training_modules + test_modules
        if (n := len(module.text.splitlines())) > LARGEST
    ]
    assert not long, f"split these modules, none may have over {LARGEST} lines:\n" + "\n".join(long)


def test_modules_are_small_as_a_rule(engine_modules):
    lengths = [len(m.text.splitlines()) for m in engine_modules if not m.is_package]
    median = statistics.median(lengths)
    assert median <= MEDIAN, f"the median engine module has {median} lines, it should stay under {MEDIAN}"


def test_every_module_says_in_a_sentence_what_it_is(engine_modules, training_modules, test_modules):
    wrong = []
    for module in engine_modules + training_modules + test_modules:
        text = ast.get_docstring(module.tree) or ""
        sentence = " ".join(text.split("\n\n")[0].split())
        if not sentence.endswith((".", ":", "?")) or len(sentence.split()) < 3:
            wrong.append(f"{module.where}: {sentence!r}")
    assert not wrong, "the first line of a module is a sentence that says what it is:\n" + "\n".join(wrong)


def public_definitions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public functions, classes, and the public methods of public classes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if child.name.startswith("_"):
                continue
            yield child
            if isinstance(child, ast.ClassDef):
                yield from public_definitions(child)
        elif isinstance(child, ast.If | ast.Try):
            yield from public_definitions(child)


def test_everything_public_in_the_engine_is_explained(engine_modules):
    silent = [
        f"{module.where}:{found.lineno} {found.name}"
        for module in engine_modules
        for found in public_definitions(module.tree)
        if not ast.get_docstring(found)
    ]
    assert not silent, "public, and without a docstring:\n" + "\n".join(silent)


def test_everything_public_in_the_engine_is_typed(engine_modules):
    untyped = []
    for module in engine_modules:
        for found in public_definitions(module.tree):
            if isinstance(found, ast.ClassDef):
                continue
            arguments = [*found.args.posonlyargs, *found.args.args, *found.args.kwonlyargs]
            bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
            if bare or found.returns is None:
                untyped.append(f"{module.where}:{found.lineno} {found.name}: {', '.join(bare) or 'result'}")
    assert not untyped, "public, and not fully typed:\n" + "\n".join(untyped)


def test_only_commands_and_benchmarks_print(engine_modules):
    printing = [
        f"{module.where}:{node.lineno}"
        for module in engine_modules
        if not module.name.startswith(("ghostnote.cli", "ghostnote.bench"))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not printing, (
        "trouble goes to telemetry, results to the caller; only cli and bench print:\n" + "\n".join(printing)
    )


def test_no_error_is_swallowed_unseen(engine_modules, training_modules):
    wrong = []
    for module in engine_modules + training_modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                wrong.append(f"{module.where}:{node.lineno} except without a type")
            elif isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                wrong.append(f"{module.where}:{node.lineno} import *")
    assert not wrong, "\n".join(wrong)
