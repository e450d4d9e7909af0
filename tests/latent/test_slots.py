"""Slots: remembered points, and what does not fit into them."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.errors import MessageError
from ghostnote.latent.slots import SlotBank


@pytest.fixture
def bank() -> SlotBank:
    return SlotBank(("a", "b"), 4)


def test_slots_start_empty(bank):
    assert bank.get("a") is None
    assert bank.filled.tolist() == [0, 0]


def test_a_point_is_remembered_with_its_origin(bank):
    bank.put("b", np.arange(4), "kick")
    assert bank.get("b").origin == "kick"
    assert bank.get("b").z.dtype == np.float32
    assert bank.points[1].tolist() == [0, 1, 2, 3]
    assert bank.filled.tolist() == [0, 1]


def test_clearing_forgets(bank):
    bank.put("a", np.ones(4), "set")
    bank.clear("a")
    assert bank.get("a") is None
    assert not bank.points.any()
    assert not bank.filled.any()


@pytest.mark.parametrize(
    ("z", "code", "said"),
    [
        ([1, 2, 3], "args", "takes 4 numbers, got 3"),
        ([], "args", "takes 4 numbers, got 0"),
        ([[1, 2], [3, 4]], "args", "takes 4 numbers"),
        ([1, 2, 3, float("nan")], "range", "not all numbers are finite"),
        ([1, 2, 3, float("inf")], "range", "not all numbers are finite"),
    ],
)
def test_what_does_not_fit_changes_nothing(bank, z, code, said):
    bank.put("a", np.ones(4), "set")
    with pytest.raises(MessageError, match=said) as caught:
        bank.put("a", np.array(z), "set")
    assert caught.value.code == code
    assert bank.get("a").z.tolist() == [1, 1, 1, 1]


def test_every_change_is_counted(bank):
    bank.put("a", np.ones(4), "set")
    bank.put("a", np.zeros(4), "set")
    bank.clear("a")
    assert bank.changes == 3
    with pytest.raises(MessageError, match="takes 4 numbers"):
        bank.put("a", np.ones(3), "set")
    assert bank.changes == 3
