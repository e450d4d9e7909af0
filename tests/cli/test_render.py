"""`ghostnote render`: a log to a sound file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ghostnote.core.control_log import START, format_line, read_log


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    lines = [
        format_line(0.0, "/gn/part1/variance", [1.0]),
        format_line(0.02, "/gn/part1/hit", [0.9]),
        format_line(0.1, "/gn/part1/hit", [0.9]),
    ]
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def render(command, log, tmp_path, bundle):
    """Render the log and return the file."""
    count = iter(range(100))

    def run(*arguments: object, model=bundle):
        path = tmp_path / f"out{next(count)}.wav"
        given = ["--model", model] if model else []
        result = command("render", log, "--out", path, *given, *arguments)
        assert (result.status, result.err) == (0, ""), result.err
        return path

    return run


def test_seconds_and_rate(render):
    info = soundfile.info(render("--seconds", "0.25", "--rate", "48000"))
    assert (info.samplerate, info.channels, info.frames) == (48000, 2, 12000)
    info = soundfile.info(render("--seconds", "0.1"))
    assert (info.samplerate, info.frames) == (44100, 4410)


def test_seed(render):
    one, same, other = (soundfile.read(render("--seconds", "0.2", "--seed", s))[0] for s in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert np.abs(one).max() > 0.01


def test_the_model_is_the_one_of_the_log(render, log, bundle):
    start = format_line(0.0, START, ["model", str(bundle)])
    log.write_text(start + "\n" + log.read_text())
    by_log, given = render("--seconds", "0.1", model=None), render("--seconds", "0.1")
    assert by_log.read_bytes() == given.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rate", "5"], "--rate 5: must be from"),
        (["--rate", "44101"], "44101 Hz"),
        (["--seconds", "0"], "--seconds 0.0"),
        (["--seconds", "nan"], "--seconds nan"),
        (["--seed", "-1"], "--seed -1"),
        (["--seed", "99999999999"], "--seed 99999999999"),
        (["--model", "nonesuch"], "nonesuch"),
    ],
)
def test_what_cannot_be_is_one_line(command, log, bundle, tmp_path, arguments, said):
    out = tmp_path / "out.wav"
    result = command("render", log, "--out", out, "--model", bundle, *arguments)
    assert result.status == 2
    assert said in result.err
    assert "unexpected" not in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert not out.exists()


def test_a_bad_line_is_named_and_nothing_is_written(command, log, bundle, tmp_path):
    log.write_text(log.read_text() + '\n{"t": 1, "addr": "/gn/part1/hitt"}\n')
    result = command("render", log, "--out", tmp_path / "out.wav", "--model", bundle)
    assert result.status == 2
    assert "log.jsonl, line 4: no such address" in result.err
    assert not (tmp_path / "out.wav").exists()


def test_a_file_of_the_log_that_is_gone_is_named(command, log, bundle, tmp_path):
    log.write_text(format_line(0.0, "/gn/slot/a/file", [str(tmp_path / "gone.wav")]))
    result = command("render", log, "--out", tmp_path / "out.wav", "--model", bundle)
    assert result.status == 2
    assert "gone.wav" in result.err


def started(log, *pairs: object) -> None:
    log.write_text(format_line(0.0, START, pairs) + "\n" + log.read_text())


def test_a_log_whose_model_is_missing_is_named(command, log, tmp_path):
    started(log, "model", "violins")
    result = command("render", log, "--out", tmp_path / "out.wav")
    assert result.status == 2
    assert "log.jsonl: its model cannot be used: model 'violins'" in result.err
    assert "--model" in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert not (tmp_path / "out.wav").exists()


def test_another_version_of_the_model_is_told_and_plays(command, log, bundle, tmp_path):
    started(log, "model", str(bundle), "sha256", "0" * 64)
    told = command("render", log, "--out", tmp_path / "out.wav", "--seconds", "0.1")
    assert (told.status, told.err.count("another version of model")) == (0, 1)
    assert (tmp_path / "out.wav").exists()
    asked = command("render", log, "--out", tmp_path / "out.wav", "--seconds", "0.1", "--model", bundle)
    assert asked.err == "", "whoever names a model knows"


def test_what_is_clipped_and_models_that_are_missing_later_are_told(command, log, bundle, tmp_path):
    more = [("part1/pan", [7.0]), ("model/use", ["violins", 0, 8, 3]), ("part2/model", ["violins"])]
    lines = [format_line(0.05, f"/gn/{addr}", args) for addr, args in more]
    log.write_text("\n".join([log.read_text(), *lines]))
    result = command("render", log, "--out", tmp_path / "out.wav", "--model", bundle)
    assert result.status == 0
    told = result.err.strip().splitlines()
    assert "1 values were out of range and are clipped" in told[0]
    assert "violins" in told[1]
    assert "/gn/part2/model: model 'violins' is not loaded" in told[2]
    sound, _ = soundfile.read(tmp_path / "out.wav")
    assert np.abs(sound[round(0.1 * 44100) :]).max() > 1e-3, "the last hit sounds all the same"


def test_lines_out_of_order_are_played_in_order(command, log, bundle, tmp_path):
    lines = log.read_text().splitlines()
    backwards = tmp_path / "backwards.jsonl"
    backwards.write_text("\n".join(reversed(lines)))
    for path in (log, backwards):
        assert command("render", path, "--out", path.with_suffix(".wav"), "--model", bundle).status == 0
    assert log.with_suffix(".wav").read_bytes() == backwards.with_suffix(".wav").read_bytes()


def test_the_demonstration_of_the_readme_is_a_log_without_faults():
    demo = read_log(Path(__file__).parents[2] / "docs" / "demo.jsonl")
    assert demo.clipped == 0
    assert sum(entry.target.name == "hit" for entry in demo.entries) > 50


@pytest.mark.parametrize(
    ("addr", "args"),
    [("/gn/slot/a/capture", [1.0]), ("/gn/part1/similar", [1]), ("/gn/library/similar", ["a"])],
)
def test_what_only_an_instrument_can_do_is_told(command, log, bundle, tmp_path, addr, args):
    log.write_text(format_line(0.25, addr, args))
    result = command("render", log, "--out", tmp_path / "out.wav", "--model", bundle)
    assert result.status == 2
    assert f"{addr}, at 0.25 s: only an instrument that plays can do that" in result.err
    assert not (tmp_path / "out.wav").exists()
