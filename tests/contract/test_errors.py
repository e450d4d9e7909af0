"""The error tree: as drawn, one base, and never raised by hand without a text."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

from ghostnote import errors

CODES = {"unknown_address", "args", "type", "range", "not_found", "busy", "io", "malformed"}


def real_tree() -> set[str]:
    found = inspect.getmembers(errors, lambda o: inspect.isclass(o) and o.__module__ == errors.__name__)
    return {name for name, _ in found}


def test_the_tree_is_as_drawn():
    assert errors.__doc__ is not None
    drawn = set(re.findall(r"\b(\w+Error)\b", errors.__doc__.split("Every message")[0]))
    assert drawn == real_tree()


@pytest.mark.parametrize("name", sorted(real_tree()))
def test_everything_has_one_base(name):
    assert issubclass(getattr(errors, name), errors.GhostnoteError)
    assert inspect.getdoc(getattr(errors, name)), f"{name} does not say what it is for"


def test_a_message_error_keeps_its_code_and_text():
    error = errors.MessageError("range", "/gn/part1/gain: 99 is above 6")
    assert (error.code, str(error)) == ("range", "/gn/part1/gain: 99 is above 6")


def test_every_error_is_raised_with_a_text(engine_modules):
    bare = []
    for module in engine_modules:
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Raise) or node.exc is None:
                continue
            call = node.exc
            name = ast.unparse(call.func if isinstance(call, ast.Call) else call).split(".")[-1]
            if name in real_tree() and not (isinstance(call, ast.Call) and call.args):
                bare.append(f"{module.where}:{node.lineno} {name}")
    assert not bare, "raised without saying what, where and what to try:\n" + "\n".join(bare)


def test_message_errors_use_the_codes_that_are_told(engine_modules):
    wrong = []
    for module in engine_modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "MessageError":
                code = node.args[0]
                if isinstance(code, ast.Constant) and code.value not in CODES:
                    wrong.append(f"{module.where}:{node.lineno} {code.value!r}")
    assert not wrong, f"codes other than {sorted(CODES)}:\n" + "\n".join(wrong)


def test_the_codes_are_those_of_the_docstring():
    told = set(re.findall(r"`(\w+)`", inspect.getdoc(errors.MessageError) or "")) - {"code"}
    assert told - {"gn"} == CODES
