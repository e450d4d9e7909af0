"""What an address is worth now."""

from __future__ import annotations

import pytest

from core.enginekit import Bench
from ghostnote.core.readout import Readout
from ghostnote.state.registry import DEFAULTS


def test_every_parameter_can_be_read(model):
    readout = Readout(Bench(model).engine)
    assert {a: readout[a] for a in DEFAULTS} == DEFAULTS
    assert set(DEFAULTS) < set(readout)
    assert len(readout) == len(list(readout))
    assert all(readout[a] is not None for a in readout)


def test_slots_and_model_can_be_read(model):
    bench = Bench(model)
    bench.now("slot/a/z", *[0.5] * 64)
    bench.now("slot/b/clear")
    bench.quanta(1)
    readout = Readout(bench.engine)
    assert readout["/gn/slot/a/z"] == (0.5,) * 64
    assert readout["/gn/slot/b/z"] == ()
    assert readout["/gn/model/load"] == "tiny"


@pytest.mark.parametrize("addr", ["/gn/part1/hit", "/gn/nothing"])
def test_what_has_no_value_says_so(model, addr):
    with pytest.raises(KeyError):
        Readout(Bench(model).engine)[addr]
