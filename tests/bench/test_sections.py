"""The command on a tiny bundle: finite numbers under the documented keys; no figure is asserted."""

from __future__ import annotations

import json
import math
import re

import pytest

from ghostnote.bench import sections
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.result import Section
from ghostnote.bench.stats import Goal, Summary
from ghostnote.cli.main import main
from ghostnote.errors import UsageError

COST_KEYS = {
    "rtf", "wall_rtf", "process_rtf", "p50_ms", "p95_ms", "p99_ms", "max_ms", "block_ms", "blocks", "hits",
    "late_decodes", "control_p50_ms", "control_p95_ms", "control_p99_ms", "control_max_ms",
}  # fmt: skip
QUANTILE_KEYS = {"count", "p1", "p50", "p95", "p99", "max", "spread"}


def test_the_help_names_every_section_and_group(capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--help"])
    named = set(re.findall(r"\w+", capsys.readouterr().out))
    assert {*sections.SECTIONS, *sections.GROUPS} <= named


def test_decode_and_voices_as_json(tiny, capsys):
    assert main(["bench", "decode", "voices", "--json", "--seconds", "0.2", "--model", str(tiny)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {"cpu", "cores", "system", "python", "packages", "load", "date"} <= set(said["machine"])
    assert set(said["sections"]) == {"decode", "voices"}
    decode, voices = said["sections"]["decode"], said["sections"]["voices"]
    for summary in (decode["figures"]["decode_ms"], decode["control"]["yardstick_ms"]):
        assert set(summary) == QUANTILE_KEYS
        assert 0.0 < summary["p1"] <= summary["p50"] <= summary["p95"] <= summary["p99"] <= summary["max"]
        assert summary["count"] == sections.DECODES
    expected = {f"{name}_{key}" for name in ("free", "ready", "decoding") for key in COST_KEYS}
    assert set(voices["numbers"]) == expected
    assert all(math.isfinite(value) and value >= 0.0 for value in voices["numbers"].values())
    assert voices["numbers"]["ready_blocks"] == round(0.2 * 48000 / 128)
    assert [goal["what"] for goal in voices["goals"]] == [
        "16 voices, real-time factor",
        "16 voices, share of a core in real time",
    ]
    assert decode["skipped"] is None


def test_a_table_for_people(tiny, capsys):
    assert main(["bench", "decode", "--model", str(tiny)]) == 0
    said = capsys.readouterr().out
    assert "decode_ms" in said
    assert "control: yardstick_ms" in said
    assert "load average" in said


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["speed"], "no section 'speed'; there is: decode, voices"),
        (["decode", "--hits", "3"], "at least 10"),
        (["voices", "--seconds", "-1"], "from 0.1"),
        (["decode", "--model", "no-such-model"], "no-such-model"),
    ],
)
def test_wrong_arguments_are_one_clear_line(arguments, text, capsys):
    assert main(["bench", *arguments]) == 2
    said = capsys.readouterr().err
    assert text in " ".join(said.split())
    assert "Traceback" not in said


def test_what_is_measured_without_being_asked():
    assert "soak" not in sections.chosen([])
    assert sections.chosen(["latency", "osc"]) == ["osc", "midi", "knob"]
    with pytest.raises(UsageError, match="no section"):
        sections.chosen(["decode", "everything"])


def test_a_machine_without_jack_skips_with_the_reason(monkeypatch, tiny):
    monkeypatch.setenv("PATH", "")
    section = sections.measure("osc", BenchOptions(str(tiny), hits=10))
    assert section.skipped is not None
    assert "jackd is not installed" in section.skipped
    assert not section.figures


def test_phase_without_data_skips_with_the_reason(monkeypatch, tiny):
    monkeypatch.delenv("GHOSTNOTE_DATA", raising=False)
    skipped = sections.measure("phase", BenchOptions(str(tiny))).skipped
    assert skipped is not None
    assert "GHOSTNOTE_DATA" in skipped


def test_a_section_as_json_keeps_everything():
    section = Section("x", "how", {"a_ms": Summary.of([1.0, 2.0])}, tables={"t": [{"k": 1}]})
    section.goals.append(Goal("a", 1.0, 2.0, "ms"))
    said = json.loads(json.dumps(section.as_dict()))
    assert said["figures"]["a_ms"]["max"] == 2.0
    assert said["tables"] == {"t": [{"k": 1}]}
    assert said["goals"][0]["met"] is True
