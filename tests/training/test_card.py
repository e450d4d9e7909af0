"""The card and the commands: everything in the manifest that a reader needs, and clear errors."""

from __future__ import annotations

import json

from ghostnote_training import card
from ghostnote_training.__main__ import main


def test_card_is_written_from_the_manifest(shipped):
    manifest = json.loads((shipped / "model.json").read_text(encoding="utf-8"))
    assert (shipped / "README.md").read_text(encoding="utf-8") == card.text(manifest)


def test_card_lists_sources_licences_and_figures(shipped):
    manifest = json.loads((shipped / "model.json").read_text(encoding="utf-8"))
    text = card.text(manifest)
    for row in manifest["provenance"]:
        assert f"| {row['source']} | {row['licence']} | {row['files']} |" in text
        assert row["credit"] in text
    for name in manifest["training"]["held_out"]:
        assert f"`{name}`" in text
    for graph, times in manifest["quality"]["inference_ms"].items():
        assert f"| {graph} | {times['p50']} |" in text


def test_table_has_one_line_a_row():
    assert card.table(["a", "b"], [[1, 2]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_commands_say_what_is_missing(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("GHOSTNOTE_DATA", raising=False)
    for recipe in ("drums", "general", "kits"):
        assert main([recipe, "--out", str(tmp_path / "x")]) == 2
    assert "GHOSTNOTE_DATA" in capsys.readouterr().err
    (tmp_path / "manifest.csv").write_text("")
    assert main(["evaluate", str(tmp_path / "none"), "--data", str(tmp_path)]) == 2
    assert "no bundle there" in capsys.readouterr().err
    assert main(["axes", str(tmp_path / "none")]) == 2
    assert "no bundle there (decoder.onnx is missing)" in capsys.readouterr().err
