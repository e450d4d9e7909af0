"""`ghostnote classify`: a line per file, and a file that is none costs the others nothing."""

from __future__ import annotations

import json

import pytest

from bundles import NINE, build_bundle


def test_a_line_of_json_per_file(command, bundle, sounds):
    files = [str(sounds / "noise.wav"), str(sounds / "tone.flac")]
    result = command("classify", *files, "--json", "--model", bundle)
    assert result.status == 0
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line["file"] for line in lines] == files
    for line in lines:
        assert list(line) == ["file", "class", "probabilities"]
        assert list(line["probabilities"]) == list(NINE)
        assert sum(line["probabilities"].values()) == pytest.approx(1.0, abs=0.01)
        assert line["class"] == max(line["probabilities"], key=line["probabilities"].get)


def test_bad_files_are_named_and_the_others_are_done(command, bundle, sounds):
    names = ["text.wav", "noise.wav", "missing.wav", "tone.flac", "empty.wav"]
    result = command("classify", *(sounds / n for n in names), "--json", "--model", bundle)
    assert result.status == 2
    assert [json.loads(line)["file"].rsplit("/", 1)[-1] for line in result.out.splitlines()] == [
        "noise.wav",
        "tone.flac",
    ]
    errors = result.err.strip().splitlines()
    assert len(errors) == 3
    assert all(name in error for name, error in zip(("text", "missing", "empty"), errors, strict=True))


def test_it_reads_well(command, bundle, sounds):
    result = command("classify", sounds / "noise.wav", "--model", bundle)
    assert result.out.startswith(f"{sounds / 'noise.wav'}: ")
    assert "%" in result.out


def test_a_model_without_classes_says_so(command, sounds, tmp_path):
    plain = build_bundle(tmp_path / "plain", classes=(), name="plain")
    result = command("classify", sounds / "noise.wav", "--model", plain)
    assert result.status == 2
    assert "no classifier" in result.err
