"""The live onset detector is taught: scenes, the network, and the file that the engine reads."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from features.onsetkit import cymbal, hit, swell
from ghostnote.errors import UsageError
from ghostnote.features.onset_evidence import FEATURES
from ghostnote.features.onset_judge import Judge
from ghostnote_training.__main__ import main
from ghostnote_training.onsets import beds, net, scenes
from ghostnote_training.onsets.make import OnsetRecipe, write
from ghostnote_training.onsets.scenes import RATE, Stock, scene, see

MADE = {
    "drums/kick": lambda k: hit(RATE, 60.0 + 10 * k, seed=k),
    "drums/hihat_closed": lambda k: hit(RATE, 5000.0 + 300 * k, 0.1, seed=k),
    "drums/crash": lambda k: cymbal(RATE, 1.8, seed=k),
    "general/weresax": lambda k: swell(RATE, 100.0 + 20 * k, rise_s=0.03),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four sounds of each kind, an ambience of noise, and the list of a corpus."""
    root = tmp_path_factory.mktemp("corpus")
    files = {f"{where}/{k}": make(k) for where, make in MADE.items() for k in range(4)}
    files["long/ambi_sauna"] = 0.02 * np.random.default_rng(0).standard_normal(8 * RATE)
    for name, samples in files.items():
        path = root / f"{name}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, RATE)
    (root / "manifest.csv").write_text("path\n")
    return root


@pytest.mark.parametrize("make", [beds.coloured, beds.fluttering, beds.hum], ids=lambda make: make.__name__)
def test_beds_are_seeded_and_go_on(make):
    one, again = (make(2 * RATE, RATE, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one, again)
    assert one.shape == (2 * RATE,)
    tenths = np.square(one).reshape(20, -1).mean(axis=1)
    assert np.isfinite(one).all()
    assert tenths.min() > 1e-4 * tenths.max()


def test_fades_are_slow():
    gains = beds.fades(20 * RATE, RATE, np.random.default_rng(0))
    assert gains.shape == (20 * RATE,)
    assert 0.1 < gains.max() <= 10.0**0.5
    assert np.abs(np.diff(gains)).max() * RATE <= 10.0**0.5 * np.pi / 2 / 0.4 * 1.001


def test_what_is_seen_of_a_scene():
    total = 1e-3 * np.random.default_rng(0).standard_normal(3 * RATE)
    loud, drowned = hit(RATE), np.float32(1e-5) * hit(RATE)
    for at, sound in ((RATE, loud), (2 * RATE, drowned)):
        total[at : at + len(sound)] += sound
    seen = see(total, [(RATE, loud), (2 * RATE, drowned)])
    assert seen.evidence.shape[0] == len(seen.silent)
    assert seen.evidence.shape[2] == FEATURES
    ((first, soon, last),) = seen.onsets.tolist()
    hop_s = 176 / RATE
    assert first * hop_s < 1.0 < soon * hop_s < 1.02 < last * hop_s < 1.065
    assert not seen.silent[first : last + 1].any()
    assert not seen.silent[round(2.01 / hop_s)]
    assert seen.silent[round(1.5 / hop_s) : round(1.9 / hop_s)].all()
    rises = seen.evidence[:, :, 0].astype(float).mean(axis=1)
    assert first <= int(np.argmax(rises[100:])) + 100 <= last


def test_scenes_come_of_their_seed_and_of_files_to_learn_from(folder):
    stock = Stock(folder)
    one, again, other = (scene(stock, seed, 6.0) for seed in (1, 1, 2))
    assert np.array_equal(one.evidence, again.evidence)
    assert not np.array_equal(one.evidence, other.evidence)
    assert len(one.onsets) > 0
    assert len(scene(stock, 4, 6.0).onsets) == 0
    assert {p.stem for kind in stock.kinds for group in kind for p in group} == {"1", "3"}
    assert not stock.ambiences[0].size > 4 * RATE
    assert not Stock(folder, ("sauna",)).ambiences
    with pytest.raises(UsageError, match="no sounds of hihat_closed"):
        Stock(folder, ("hihat",))


def test_it_learns_and_the_engine_reads_it(folder, tmp_path, monkeypatch):
    stock = Stock(folder)
    monkeypatch.setattr(net, "CHUNK", 750)
    seen = [scene(stock, seed, 4.0) for seed in range(1, 5)]
    lines: list[str] = []
    taught = net.teach(seen, 60, 0, 2, lines.append)
    losses = [float(line.split()[-1]) for line in lines]
    assert losses[-1] < 0.7 * losses[0]
    out = tmp_path / "weights.json"
    write(out, net.weights(taught), OnsetRecipe())
    found = json.loads(out.read_text())
    assert found["made_by"]["steps"] == OnsetRecipe().steps
    judge = Judge({name: np.asarray(value, np.float32) for name, value in found["weights"].items()})
    evidence = seen[0].evidence[:200].astype(np.float32)
    expected = np.asarray(taught(evidence[np.newaxis]))[0]
    assert [judge.step(frame) for frame in evidence] == pytest.approx(expected.tolist(), abs=0.02)


def test_the_command(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(scenes, "SCENE_S", 8.0)
    out = tmp_path / "w.json"
    asked = [
        "onsets",
        "--data",
        str(folder),
        "--out",
        str(out),
        "--scenes",
        "1",
        "--steps",
        "1",
        "--workers",
        "1",
    ]
    assert main(asked) == 0
    assert "1 of 1 scenes" in capsys.readouterr().out
    assert json.loads(out.read_text())["made_by"]["scenes"] == 1
    assert main([*asked, "--steps", "0"]) == 2
    assert "steps 0: at least one is needed" in capsys.readouterr().err
    assert main([*asked, "--out", str(tmp_path / "no" / "w.json")]) == 2
    assert "no such folder" in capsys.readouterr().err
