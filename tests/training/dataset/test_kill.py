"""`kill -9` at any moment: a batch at most is lost, nothing is damaged, and no process is left over."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import soundfolders
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import cache
from ghostnote_training.dataset import DatasetOptions, open_dataset
from ghostnote_training.store import Store
from soundfolders import fill

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")

SPEC = FeatureSpec()
BATCH = 3


def start(folder, cache_dir):
    return subprocess.Popen(
        [sys.executable, soundfolders.__file__, str(folder), str(cache_dir), str(BATCH)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def stored(cache_dir):
    return set(Store(cache_dir, (SPEC.frames, SPEC.bins))._places)


def children(pid):
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.mark.timeout(600)  # four processes that each load what training needs
def test_killed_again_and_again_it_arrives_at_the_same(tmp_path):
    folder, cache_dir = tmp_path / "in", tmp_path / "cache"
    fill(folder, [f"{a}{b}.wav" for a in "abc" for b in "stuv"])
    rng = random.Random(4)
    before: set[str] = set()
    left: list[int] = []
    for _ in range(3):
        running = start(folder, cache_dir)
        until, seen = rng.randint(2, 15), 0
        told = 0
        for line in running.stdout:
            seen += line.startswith("computing")
            told = int(line.split()[2]) if line.startswith("computing") else told
            if seen >= until or line.startswith("opened"):
                break
        time.sleep(rng.uniform(0.0, 0.02))
        left += children(running.pid)
        running.kill()
        running.wait(60)
        running.stdout.close()
        now = stored(cache_dir)
        assert before <= now
        assert len(now - before) >= told - BATCH
        before = now
    told_last: list[tuple[str, int, int]] = []
    options = DatasetOptions(workers=1, variants=3)
    dataset = open_dataset(folder, options, cache_dir, lambda *at: told_last.append(at))
    computed = {at[2] for at in told_last if at[0] == "computing features"}
    rows = len(dataset) + len(dataset.held_out)
    assert computed <= {rows - len(before)}
    for k in range(0, len(dataset), 5):
        expected = cache.row(dataset.entries[k].sound, SPEC).astype(np.float32)
        np.testing.assert_array_equal(dataset.features[np.array([k])][0], expected)
    deadline = time.monotonic() + 60.0
    while not all(gone(pid) for pid in left) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert all(gone(pid) for pid in left), "worker processes outlive the one that started them"
