"""Recipes: what they learn from, what they never hear, and a whole small run of each kind."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ghostnote.decode import model as decode_model
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import __main__ as commands
from ghostnote_training import classify_labels, corpus, recipe, reclassify, ship, synth
from ghostnote_training.axes import AxisOptions
from ghostnote_training.classifier import ClassifierOptions
from ghostnote_training.corpus import Item
from ghostnote_training.descriptors import NAMES as NAMES_OF_AXES
from ghostnote_training.recipe import Recordings
from ghostnote_training.recipes import RECIPES, of_bundle
from ghostnote_training.train import TrainOptions

NAMES = ["drums", "general", "kits"]


@pytest.mark.parametrize(
    ("source", "stem", "group"),
    [
        ("weresax", "d3_f_rr1_cnd", "weresax/d3"),
        ("war-tuba", "eb1_s_vl4_rr1_cnd", "war-tuba/eb1"),
        ("war-tuba", "valve_open_rr10_dyn", "war-tuba/valve_open"),
        ("growlybass", "sustain_gb3_pp_rr3", "growlybass/gb3"),
        ("growlybass", "release_gb3_rel_rr3", "growlybass/gb3"),
        ("ganjo", "Banjo_Common_-_As4_2", "ganjo/as4"),
        ("cajon", "cajon_sl3_vl4_rr3_cnd", "cajon/cajon_sl3"),
        ("horsepulse", "fx_fx_perc_1_f_rr1", "horsepulse/fx_fx_perc_1_f"),
    ],
)
def test_group_of_a_pitched_instrument_is_the_note(source, stem, group):
    assert corpus.group_of(source, stem) == group


def test_commands_know_every_recipe():
    assert list(RECIPES) == NAMES == list(commands.RECIPES)
    assert all(name == one.name for name, one in RECIPES.items())


@pytest.mark.parametrize("name", NAMES)
def test_recipes_hear_nothing_that_is_held_out_or_has_no_licence(data_dir, name):
    made = RECIPES[name]
    train = recipe.train_items(made, data_dir)
    tests = [item for items in recipe.measured_sets(made, data_dir).values() for item in items]

    def hit(item):
        return item.source, re.sub(r"_(close|room|retro|mix|oh|cnd|dyn|dnm)$", "", item.path.stem)

    assert not {item.path for item in train} & {item.path for item in tests}
    assert not {item.group for item in train} & {item.group for item in tests}
    assert not {hit(item) for item in train} & {hit(item) for item in tests}
    assert not any("none stated" in item.licence for item in train)
    for prefix in made.held_out:
        assert any(item.group.startswith(prefix) for item in tests), prefix
    entries = [entry for _, _, found in recipe.entries_of(made, data_dir) for entry in found]
    heard = {entry.sound[1] for entry in entries if entry.sound[0] != "synth"}
    assert heard == {str(item.path) for item in train}


def test_every_sort_of_instrument_is_held_out_somewhere(data_dir):
    train = recipe.train_items(RECIPES["general"], data_dir)
    held_out = recipe.measured_sets(RECIPES["general"], data_dir)["held_out_general"]
    assert 0.1 < len(held_out) / 1207 < 0.25
    sources = {item.source for item in train if item.set == "general"}
    assert sources - {item.source for item in held_out} <= {"frankensnare"}
    assert {item.source for item in held_out} - sources == {"ganjo", "uzu"}


def test_sounds_without_a_licence_are_refused(data_dir):
    wrong = replace(RECIPES["general"], recordings=(Recordings("drum_machines_dev", share=1.0),))
    with pytest.raises(ValueError, match="no licence is stated"):
        recipe.entries_of(wrong, data_dir)


def test_drums_are_what_they_were(data_dir):
    (_, share, recorded), (_, synth_share, made) = recipe.entries_of(RECIPES["drums"], data_dir)
    assert share == synth_share == 0.5
    assert len(made) == 10600
    kinds = [entry.sound[0] for entry in recorded]
    files = len(recipe.train_items(RECIPES["drums"], data_dir))
    assert kinds == ["file"] * (2 * files) + ["machined"] * (2 * files)
    assert recipe.classes_of(RECIPES["drums"], data_dir) == corpus.CLASSES
    assert recipe.classes_of(RECIPES["general"], data_dir) == ()


def test_kits_are_many_and_none_is_rare(data_dir):
    classes = recipe.classes_of(RECIPES["kits"], data_dir)
    assert len(classes) >= 20
    assert recipe.SYNTHESIS in classes
    labels = [item.label for item in recipe.train_items(RECIPES["kits"], data_dir)]
    assert all(labels.count(label) >= 12 for label in classes if label != recipe.SYNTHESIS)


@pytest.mark.parametrize(
    ("source", "label", "stem", "kit"),
    [
        ("gogodze2", "kick", "ks_vl10_rr2_retro", "gogodze2 retro"),
        ("muldjordkit", "kick", "KdrumL_01_close", "muldjordkit close"),
        ("frankensnare", "snare", "14a_basic_sn_vl3_rr2_mix", "frankensnare 14a"),
        ("frankensnare", "clap", "clap_person1_rr3", "frankensnare claps"),
        ("gogodze1", "perc", "bobobo_tenor_l2_vl1_rr2", "gogodze1 tenor"),
        ("meatbass", "double_bass_pizz", "a0_vl1_rr1", "meatbass pizz"),
        ("weresax", "alto_sax", "a2_f_rr1_cnd", "weresax"),
    ],
)
def test_kit_is_what_was_recorded_as_one(tmp_path, source, label, stem, kit):
    group = corpus.group_of(source, stem)
    assert corpus.kit_of(Item(tmp_path / f"{stem}.flac", "drums", label, source, "CC0", group, "")) == kit


@pytest.fixture(scope="module")
def small_corpus(tmp_path_factory):
    """Synthesised sounds as recordings of two sets, a sixth of them held out, and some machines."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = []
    for name, labels, source in (
        ("drums", ("kick", "snare"), "gogodze2"),
        ("general", ("tuba", "alto_sax"), "war-tuba"),
        ("drum_machines_dev", ("kick",), "tidal-drum-machines"),
    ):
        for number, label in enumerate(labels):
            for k in range(3):
                stem = f"{source}__{'abcdef'[k]}{number}_vl1_close"
                path = folder / name / f"{stem}.flac"
                path.parent.mkdir(exist_ok=True)
                soundfile.write(path, synth.draw(("tom_low", "clap")[number], k, 3), 44100)
                licence = "none stated" if name == "drum_machines_dev" else "CC0-1.0"
                rows.append(
                    {"path": str(path.relative_to(folder)), "set": name, "class": label, "source": source}
                    | {"licence": licence, "machine": "M" if name == "drum_machines_dev" else ""}
                )
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def small(name, net):
    """A recipe that takes seconds."""
    return replace(
        RECIPES[name],
        net=replace(net, latent=16),
        train=TrainOptions(steps=2, batch=4, warmup_steps=1, refresh_every=2),
        listener=ClassifierOptions(steps=3, batch=8),
        listener_widths=(8, 8, 8),
        heard_least=2,
        held_out=("gogodze2/a", "war-tuba/a"),
        synth_per_class=1,
        synth_per_extra=1,
    )


@pytest.fixture(scope="module")
def trained(small_corpus, tmp_path_factory, net):
    """The folder of runs, with a VAE in `general`."""
    runs = tmp_path_factory.mktemp("runs")
    recipe.train(small_corpus, runs / "general", small("general", net), resume=False, progress=lambda _: None)
    assert recipe.trained(runs / "general")
    return runs


def shipped_from(runs, data, out, made):
    few, said = AxisOptions(points=4, measured=3, steps=3), []
    ship.ship(runs / made.name, data, out, made, 2, 4, said.append, few, maker_run=runs / "general")
    manifest = json.loads((out / "model.json").read_text(encoding="utf-8"))
    assert manifest["name"] == made.name
    assert manifest["training"]["steps"] == 2
    assert of_bundle(out) is RECIPES[made.name]
    assert np.isfinite(manifest["quality"]["held_out_general"]["log_spectral_distance_db"])
    assert set(manifest["quality"]["axes"]) == set(NAMES_OF_AXES)
    assert "ritchse/tidal-drum-machines" not in {row["source"] for row in manifest["provenance"]}
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "War Tuba by Karoryfer Samples" in card
    return manifest, card


@pytest.mark.timeout(600)
def test_small_run_becomes_a_bundle_that_the_engine_loads(small_corpus, trained, tmp_path, net):
    manifest, card = shipped_from(trained, small_corpus, tmp_path / "general", small("general", net))
    assert manifest["classes"] == []
    assert manifest["quality"]["drum_machines_dev"]["sounds"] == 2
    assert "class_kept" not in manifest["quality"]["held_out_drums"]
    assert "this model makes sounds and has no classes" in card
    loaded = decode_model.load(str(tmp_path / "general"))
    spec = FeatureSpec()
    z = loaded.encode(np.full((spec.frames, spec.bins), 1e-3, dtype=np.float32))
    assert z.shape == (16,)
    assert loaded.decode(z, np.zeros((spec.frames, spec.bins), np.float32)).shape == (spec.frames, spec.bins)


@pytest.fixture(scope="module")
def kits(small_corpus, trained, tmp_path_factory, net):
    """(recipe, bundle, manifest, card) of kits with the VAE of `general`."""
    made, out = small("kits", net), tmp_path_factory.mktemp("kits") / "kits"
    options = ClassifierOptions(steps=3, batch=8)
    classify_labels.train(small_corpus, trained / "kits", made, options, progress=lambda _: None)
    return made, out, *shipped_from(trained, small_corpus, out, made)


@pytest.mark.timeout(600)
def test_kits_have_the_sounds_of_general_and_their_own_classes(kits):
    made, out, manifest, card = kits
    assert made.maker == "general"
    assert manifest["classes"] == ["gogodze2 close", "synthesis", "war-tuba"]
    assert set(manifest["prototypes"]) == set(manifest["classes"])
    assert manifest["quality"]["classifier"]["classes_measured"] == 2
    assert "| war-tuba | " in card
    assert decode_model.load(str(out)).manifest.classes == tuple(manifest["classes"])


@pytest.mark.timeout(600)
def test_another_classifier_leaves_the_sound(small_corpus, trained, kits, tmp_path):
    made, shipped, manifest, _ = kits
    out, run, spec = tmp_path / "kits", tmp_path / "run", FeatureSpec()
    shutil.copytree(shipped, out)
    other = ClassifierOptions(steps=3, batch=8, seed=8)
    classify_labels.train(small_corpus, run, made, other, progress=lambda _: None)
    sound = {graph: (out / graph).read_bytes() for graph in ("encoder.onnx", "decoder.onnx")}
    reclassify.reclassify(run, small_corpus, out, made, per_class=2, draws=4, progress=lambda _: None)
    after = json.loads((out / "model.json").read_text(encoding="utf-8"))
    assert after["files"]["classifier.onnx"]["sha256"] != manifest["files"]["classifier.onnx"]["sha256"]
    assert all((out / graph).read_bytes() == content for graph, content in sound.items())
    for kept in ("axes", "prototypes", "latent_mean", "provenance"):
        assert after[kept] == manifest[kept]
    assert set(after["quality"]) == set(manifest["quality"])
    heard = decode_model.load(str(out)).classify(np.ones((spec.frames, spec.bins), np.float32))
    assert heard.shape == (3,)
    with pytest.raises(ValueError, match="its classes are"):
        reclassify.reclassify(run, small_corpus, out, replace(made, heard=("kick",)))
