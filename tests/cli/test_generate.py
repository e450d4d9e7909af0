"""`ghostnote generate`: one sound, random or mixed."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile


def heard(path):
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == 44100
    return samples


@pytest.fixture
def generate(command, bundle, tmp_path):
    """Generate into a file and return its samples."""
    count = iter(range(100))

    def run(*arguments: object) -> np.ndarray:
        path = tmp_path / f"out{next(count)}.wav"
        result = command("generate", *arguments, "--out", path, "--model", bundle)
        assert (result.status, result.err) == (0, "")
        return heard(path)

    return run


def test_a_seed_makes_it_repeatable(generate):
    one, same, other = generate("--seed", 1), generate("--seed", 1), generate("--seed", 2)
    assert np.array_equal(one, same)
    assert not np.allclose(one, other, atol=1e-3)
    assert one.shape == (86 * 256, 2)
    assert np.abs(one).max() > 0.01


def test_files_weights_and_variance_all_matter(generate, sounds):
    noise, tone = sounds / "noise.wav", sounds / "tone.flac"
    plain = generate(noise)
    results = [
        plain,
        generate(tone),
        generate(noise, tone),
        generate(noise, tone, "--weights", "3,1"),
        generate(noise, tone, "--weights", "2,-1"),
        generate(noise, tone, "--no-normalize"),
        generate(noise, "--variance", "0.5", "--seed", 1),
    ]
    for k, one in enumerate(results):
        assert all(not np.array_equal(one, other) for other in results[:k]), k
    assert np.array_equal(generate(noise), plain)
    assert np.array_equal(generate(noise, "--weights", "1"), plain)
    assert np.array_equal(generate(noise, tone, "--weights", "1,0"), plain)
    assert np.array_equal(generate(noise, "--weights", "0.25"), plain), "normalised"


def test_a_leading_negative_weight_is_no_option(generate, sounds):
    noise, tone = sounds / "noise.wav", sounds / "tone.flac"
    given = generate(noise, tone, "--weights", "-1,2")
    assert np.array_equal(given, generate(noise, tone, "--weights=-1,2"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["noise.wav", "--weights", "1,2"], "1 files need as many weights, got 2"),
        (["noise.wav", "--weights", "one"], "numbers with commas between them"),
        (["noise.wav", "--weights", "1,,2"], "numbers with commas between them"),
        (["noise.wav", "--weights", "nan"], "weights must be numbers"),
        (["noise.wav", "--weights", "inf"], "weights must be numbers"),
        (["--weights", "1"], "weights"),
        (["--variance", "nan"], "variance"),
        (["--variance", "inf"], "variance"),
        (["--seed", "-5"], "seed"),
        (["text.wav"], "text.wav"),
        (["empty.wav"], "empty.wav"),
        (["missing.wav"], "missing.wav"),
    ],
)
def test_what_cannot_be_is_one_line(command, bundle, sounds, tmp_path, arguments, said):
    given = [sounds / a if a.endswith(".wav") else a for a in arguments]
    out = tmp_path / "out.wav"
    result = command("generate", *given, "--out", out, "--model", bundle)
    assert result.status == 2
    assert len(result.err.strip().splitlines()) == 1
    assert said in result.err
    assert "unexpected" not in result.err
    assert not out.exists()


@pytest.mark.parametrize("out", ["nowhere/out.wav", "out.xyz", "out"])
def test_a_place_that_cannot_be_written_is_named(command, bundle, tmp_path, out):
    result = command("generate", "--out", tmp_path / out, "--model", bundle)
    assert result.status == 2
    assert "out" in result.err
    assert "unexpected" not in result.err
    assert list(tmp_path.iterdir()) == []


def test_detail_gives_the_file_back_and_is_from_nothing_to_one(generate, sounds, command, bundle, tmp_path):
    tone = sounds / "tone.flac"
    whole, half, alone = (generate(tone, "--detail", d) for d in (1, 0.5, 0))
    assert np.array_equal(generate(tone), whole)
    assert not np.array_equal(whole, half)
    assert not np.array_equal(half, alone)
    assert np.array_equal(generate("--detail", 0, "--seed", 1), generate("--seed", 1)), "a draw has none"
    result = command("generate", tone, "--detail", 2, "--out", tmp_path / "x.wav", "--model", bundle)
    assert result.status == 2
    assert "from 0 to 1" in result.err
