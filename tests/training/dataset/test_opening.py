"""A folder becomes a training set, whatever is in it; the same folder the same one."""

from __future__ import annotations

import json
import os
import sys
import unicodedata

import numpy as np
import pytest
import soundfile

from ghostnote.errors import DatasetError, UsageError
from ghostnote_training import cache
from ghostnote_training.dataset import DatasetOptions, open_dataset
from soundfolders import RATE, fill, hit, recording, write

ONE = DatasetOptions(workers=1, variants=1)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A folder with classes and everything that can be wrong, its data set, and the features that were
    computed.
    """
    top = tmp_path_factory.mktemp("mixed")
    folder = top / "Мои звуки"
    fill(folder, [f"kick/kick_{k}.wav" for k in range(20)])
    fill(folder, ["snare/近い/a_1.wav", "snare/近い/a_2.wav", "snare/far/b.wav", "snare/far/c.wav"], 100)
    fill(folder, ["lonely/only.wav"], 200)
    write(folder / "snare" / "d.mp3", hit(300, 0.5))
    write(folder / "snare" / "really flac.wav", hit(301), format="FLAC")
    write(folder / "kick" / "双子 twin.flac", soundfile.read(folder / "kick" / "kick_3.wav")[0])
    write(folder / "snare" / "stolen.wav", hit(4))
    write(folder / "beside.wav", hit(302))
    write(folder / "kick" / "silent.wav", np.zeros(RATE, np.float32))
    (folder / "kick" / "text.wav").write_text("not a sound")
    (folder / "kick" / "zero.wav").write_bytes(b"")
    (folder / "kick" / "notes.txt").write_text("hello")
    (folder / "nothing").mkdir()
    write(folder / "nothing" / "one sample.wav", hit(1)[:1])
    told = []
    options = DatasetOptions(classes="folders", workers=2, variants=2, machined=1)
    dataset = open_dataset(folder, options, top / "cache", lambda *at: told.append(at))
    return folder, options, top / "cache", dataset, told


def test_classes_rows_and_entries_belong_together(mixed):
    _, _, _, dataset, _ = mixed
    assert dataset.classes == ("kick", "lonely", "snare")
    assert len(dataset) == len(dataset.features) == len(dataset.entries) == len(dataset.weights)
    assert dataset.weights.sum() == pytest.approx(1.0)
    assert {entry.label for entry in dataset.entries} == set(dataset.classes)
    k = next(k for k, entry in enumerate(dataset.entries) if entry.sound.pace != 1.0)
    rows = dataset.features[np.array([0, k])]
    assert (rows.shape, rows.dtype) == ((2, 344, 513), np.float32)
    np.testing.assert_array_equal(rows[1], cache.row(dataset.entries[k].sound, _spec()).astype(np.float32))


def test_held_out_sounds_are_plain_and_of_other_groups(mixed):
    _, _, _, dataset, _ = mixed
    held = dataset.held_out
    assert len(held) == len(held.features) == len(held.weights) > 0
    assert {entry.label for entry in held.entries} == {"kick", "snare"}
    assert all(entry.sound[2:] == (1.0, 0, 0, 1.0) for entry in held.entries)
    assert not {e.sound.what for e in held.entries} & {e.sound.what for e in dataset.entries}
    assert not {(e.label, e.group) for e in held.entries} & {(e.label, e.group) for e in dataset.entries}
    np.testing.assert_array_equal(
        held.features[np.array([0])][0], cache.row(held.entries[0].sound, _spec()).astype(np.float32)
    )


def test_every_file_is_accounted_for(mixed):
    dataset = mixed[3]
    report = dataset.report
    assert report.reasons == {"doubled": 2, "silent": 1, "broken": 1, "empty": 1, "short": 1, "no class": 1}
    assert report.files == report.used + len(report.left_out) == 34
    assert report.others == 1
    assert {row.name: row.files for row in report.classes} == {"kick": 20, "snare": 6, "lonely": 1}
    text = report.as_text()
    for part in (
        "Мои звуки: 27 of 34 sound files used",
        "双子 twin.flac",
        "stolen.wav",
        "in another class",
    ):
        assert part in text + str(report.left_out), part
    for remark in (
        "measured: lonely",
        "uneven classes: 20 sounds of kick",
        "nothing",
        "really flac.wav (FLAC)",
    ):
        assert any(remark in one for one in report.remarks), remark
    assert json.loads(json.dumps(report.as_dict()))["left_out"]["doubled"] == 2


def test_the_report_is_written_with_a_list_of_what_was_left_out(mixed, tmp_path):
    report = mixed[3].report
    report.write(tmp_path)
    lines = (tmp_path / "left_out.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(report.left_out)
    assert "broken\tkick/text.wav\t" in "\n".join(lines)
    assert json.loads((tmp_path / "dataset.json").read_text())["used"] == 27


def test_progress_counts_up_in_both_stages(mixed):
    told = mixed[4]
    for what in ("looking at files", "computing features"):
        done = [(done, total) for name, done, total in told if name == what]
        assert done[-1][0] == done[-1][1] == len(done)


def test_a_second_opening_computes_nothing_and_finds_the_same(mixed):
    folder, options, cache_dir, dataset, _ = mixed
    told = []
    again = open_dataset(folder, options, cache_dir, lambda *at: told.append(at))
    assert not [at for at in told if at[0] == "computing features"]
    assert again.entries == dataset.entries
    assert again.held_out.entries == dataset.held_out.entries
    np.testing.assert_array_equal(again.weights, dataset.weights)
    index = np.arange(0, len(dataset), 7)
    np.testing.assert_array_equal(again.features[index], dataset.features[index])


def test_only_new_files_are_computed_and_the_split_holds(tmp_path):
    folder, told = tmp_path / "in", []
    fill(folder, [f"{name}.wav" for name in "abcdefgh"])
    first = open_dataset(folder, ONE, tmp_path / "cache")
    fill(folder, ["later.wav", "latest.wav"], 50)
    second = open_dataset(folder, ONE, tmp_path / "cache", lambda *at: told.append(at))
    computed = [at for at in told if at[0] == "computing features"]
    new_held = len(second.held_out) - len(first.held_out)
    assert len(computed) == 2 * 2 - new_held
    assert set(first.entries) <= set(second.entries)
    assert set(first.held_out.entries) <= set(second.held_out.entries)


def test_a_recording_alone_is_a_training_set(tmp_path):
    write(tmp_path / "in" / "session.flac", recording(24))
    dataset = open_dataset(tmp_path / "in", ONE, tmp_path / "cache")
    assert dataset.report.cut_files == 1
    assert dataset.report.cut_sounds == dataset.report.sounds == 24
    assert len(dataset.held_out) > 0
    assert "1 recording cut into 24 sounds" in dataset.report.as_text()
    one = dataset.features[np.array([0])][0]
    assert one[:3].max() > one[80:].max() + 0.3
    with pytest.raises(DatasetError, match=r"one sound only can be used, session\.flac"):
        open_dataset(tmp_path / "in", DatasetOptions(workers=1, segment=False), tmp_path / "cache")


def test_synthesis_is_mixed_in_by_its_share(tmp_path):
    fill(tmp_path / "in", [f"{k}/{name}.wav" for k in ("Kicks", "dog") for name in ("a", "bb", "c", "d")])
    options = DatasetOptions(workers=2, classes="folders", variants=0, synth_share=0.4, synth_per_class=3)
    dataset = open_dataset(tmp_path / "in", options, tmp_path / "cache")
    made = np.array([entry.sound.kind == "synth" for entry in dataset.entries])
    assert made.sum() == 3
    assert {entry.label for entry, m in zip(dataset.entries, made, strict=True) if m} == {"Kicks"}
    assert dataset.weights[made].sum() == pytest.approx(0.4)
    assert {row.name: row.synthesised for row in dataset.report.classes} == {"Kicks": 3, "dog": 0}
    assert not any(entry.sound.kind == "synth" for entry in dataset.held_out.entries)
    (tmp_path / "in" / "Kicks").rename(tmp_path / "in" / "cat")
    with pytest.raises(UsageError, match="no class folder is called like"):
        open_dataset(tmp_path / "in", options, tmp_path / "cache")


def test_too_little_to_learn_from_is_told(tmp_path):
    def error(match, classes="none"):
        with pytest.raises(DatasetError, match=match):
            open_dataset(tmp_path / "in", DatasetOptions(workers=1, classes=classes), tmp_path / "cache")

    error("in: there is no such folder")
    (tmp_path / "in").mkdir()
    error("no sound files .*check the name")
    (tmp_path / "in" / "notes.txt").write_text("hello")
    error("only 1 files of other kinds")
    (tmp_path / "in" / "a.wav").write_text("hello")
    error(r"none of its 1 sound files can be used \(1 broken\), such as a\.wav")
    fill(tmp_path / "in", ["b.wav"])
    error(r"one sound only can be used, b\.wav")
    fill(tmp_path / "in", ["c.wav"], 7)
    error("2 no class.*make a folder for each class", "folders")
    fill(tmp_path / "in", ["kick/d.wav", "kick/e.wav"], 9)
    error("one class only, kick", "folders")


@pytest.mark.skipif(sys.platform != "linux", reason="names there are in an encoding")
def test_class_folders_in_no_encoding_and_in_two_spellings(tmp_path):
    odd = tmp_path / "in" / os.fsdecode(b"tr\xfcmmel")
    fill(tmp_path / "in" / "x", ["a.wav", "bb.wav"])
    (tmp_path / "in" / "x").rename(odd)
    fill(tmp_path / "in" / unicodedata.normalize("NFD", "höhe"), ["c.wav"], 20)
    fill(tmp_path / "in" / unicodedata.normalize("NFC", "höhe"), ["d.wav"], 30)
    options = DatasetOptions(workers=1, variants=0, classes="folders")
    dataset = open_dataset(tmp_path / "in", options, tmp_path / "cache")
    assert dataset.classes == ("höhe", "tr\\udcfcmmel")
    assert {e.label for e in (*dataset.entries, *dataset.held_out.entries)} == set(dataset.classes)
    assert {row.name: row.sounds for row in dataset.report.classes} == {"höhe": 2, "tr\\udcfcmmel": 2}
    dataset.report.as_text().encode()


def test_a_cache_that_cannot_be_written_is_told(tmp_path):
    fill(tmp_path / "in", ["a.wav", "b.wav"])
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match="cannot write there"):
        open_dataset(tmp_path / "in", ONE, tmp_path / "file" / "cache")


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"classes": "some"}, "folders, none"),
        ({"synth_share": 1.0}, "synth_share 1: from 0"),
        ({"synth_classes": ("gong",)}, "no gong; it has .*kick"),
        ({"variants": -1}, "variants -1"),
        ({"held_out": 0.9}, "held_out"),
    ],
)
def test_options_are_checked(values, match):
    with pytest.raises(UsageError, match=match):
        DatasetOptions(**values)


def _spec():
    from ghostnote.features.spec import FeatureSpec

    return FeatureSpec()
