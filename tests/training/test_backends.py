"""What is learnt on one backend of Keras is gone on with, and exported, on another."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import backendkit
from ghostnote_training import checkpoint

# Each run is a process that loads a backend and compiles for it.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(6000)]


def go_on(folder, backend, steps):
    """What a process with this backend tells of the run in a folder."""
    env = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    line = [sys.executable, backendkit.__file__, str(folder), str(steps)]
    done = subprocess.run(line, env=env, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def needs(*backends):
    for name in backends:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"the backend {name} is not installed (pip install '{name}')")


@pytest.mark.parametrize("backends", [("jax", "jax"), ("tensorflow", "jax"), ("jax", "tensorflow")])
def test_a_run_goes_on_with_another_backend(tmp_path, backends):
    needs(*backends)
    first, second = (go_on(tmp_path, name, 6 * k) for k, name in enumerate(backends, start=1))
    assert (first["backend"], second["backend"]) == backends
    assert (first["resumed"], first["began"], first["step"]) == (False, 0, 6)
    assert (second["resumed"], second["began"], second["step"]) == (True, 6, 12)
    assert second["before"] == pytest.approx(first["after"], rel=1e-4)
    for told in (first, second):
        assert told["parity"].keys() == {"encoder", "decoder", "classifier"}
        assert max(told["parity"].values()) < 2e-3
        assert "torch" not in told["loaded"]
    groups, state = checkpoint.load(tmp_path / "checkpoint.npz")
    assert len(state["convergence"]["history"]) == 4
    assert all(np.isfinite(array).all() for arrays in groups.values() for array in arrays)
