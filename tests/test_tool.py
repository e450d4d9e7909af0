"""The Python tool with the names of SampleVAE's: `generate` and `predict`, arguments and results."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import soundfile

from bundles import NINE, build_bundle
from ghostnote.decode.session import OutputError
from ghostnote.errors import AudioFileError, BundleError, UsageError
from ghostnote.features.spec import FeatureSpec
from ghostnote.tool import SoundSampleTool

RATE = 44100
FRAMES = 86
"""Half a second, to be quick."""


@pytest.fixture(scope="module")
def tool(tmp_path_factory) -> SoundSampleTool:
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    return SoundSampleTool(build_bundle(folder, spec=FeatureSpec(frames=FRAMES)))


@pytest.fixture
def files(tmp_path, rng) -> list[str]:
    fall = np.exp(-np.arange(20_000) / 3000)
    soundfile.write(tmp_path / "a.wav", 0.5 * fall * rng.standard_normal(20_000), RATE)
    soundfile.write(tmp_path / "b.wav", 0.5 * fall * np.sin(0.02 * np.arange(20_000)), RATE)
    return [str(tmp_path / "a.wav"), str(tmp_path / "b.wav")]


def test_arguments_are_those_of_samplevae():
    """Names, order and defaults that existing scripts rely on; additions are keyword-only."""
    parameters = inspect.signature(SoundSampleTool.generate).parameters
    assert list(parameters)[1:6] == ["out_file", "audio_files", "weights", "normalize_weights", "variance"]
    assert parameters["normalize_weights"].default is True
    assert parameters["variance"].default == 0.0
    added = [p for name, p in parameters.items() if name in ("seed", "rng")]
    assert len(added) == 2
    assert all(p.kind is p.KEYWORD_ONLY for p in added)
    assert list(inspect.signature(SoundSampleTool.predict).parameters)[1:] == ["input_audio", "offset"]


def test_generate_writes_what_it_returns(tool, tmp_path, files):
    samples = tool.generate(str(tmp_path / "out.wav"), audio_files=files, weights=[1, 2])
    heard, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert (rate, samples.shape, samples.dtype) == (RATE, (FRAMES * 256, 2), np.float32)
    assert np.allclose(heard, samples, atol=2e-4)
    assert 0.01 < np.abs(samples).max() <= 1.0
    assert np.flatnonzero(np.abs(samples).max(axis=1))[0] < 0.005 * RATE, "it begins at once"


def test_a_random_sound_needs_nothing_but_a_place(tool, tmp_path):
    one, other = (tool.generate(tmp_path / "out.wav") for _ in range(2))
    assert not np.array_equal(one, other)


def test_chance_is_repeatable(tool, tmp_path):
    one, same, other = (tool.generate(tmp_path / "out.wav", seed=s) for s in (4, 4, 5))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert np.array_equal(one, tool.generate(tmp_path / "out.wav", rng=np.random.default_rng(4)))


def test_weights_as_arrays_and_tuples(tool, tmp_path, files):
    listed = tool.generate(tmp_path / "out.wav", files, [1, 3])
    assert np.array_equal(listed, tool.generate(tmp_path / "out.wav", tuple(files), np.array([0.25, 0.75])))
    assert not np.array_equal(listed, tool.generate(tmp_path / "out.wav", files, [1, 3], False))


def test_predict_gives_probabilities_and_a_class(tool, files):
    assert tool.class_names == list(NINE)
    probabilities, name = tool.predict(files[0])
    assert probabilities.shape == (9,)
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert name == NINE[int(np.argmax(probabilities))]


def test_predict_from_an_offset_hears_what_is_there(tool, tmp_path, rng):
    silence = 1e-4 * rng.standard_normal(RATE // 2)
    tone = 0.5 * np.sin(0.3 * np.arange(RATE // 2))
    soundfile.write(tmp_path / "both.wav", np.concatenate([silence, tone]), RATE)
    soundfile.write(tmp_path / "tone.wav", tone, RATE)
    later, _ = tool.predict(tmp_path / "both.wav", offset=0.5)
    alone, _ = tool.predict(tmp_path / "tone.wav")
    assert later == pytest.approx(alone, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"weights": [1.0]}, UsageError, "weights are for sound files"),
        ({"audio_files": "ab", "weights": [1]}, UsageError, "need as many weights"),
        ({"audio_files": "ab", "weights": [1, np.nan]}, UsageError, "weights must be numbers"),
        ({"audio_files": "x"}, AudioFileError, "missing"),
        ({"variance": np.inf}, UsageError, "variance inf"),
        ({"seed": -1}, UsageError, "seed -1"),
    ],
)
def test_what_cannot_be_is_told(tool, tmp_path, files, arguments, error, said):
    names = {"a": files[0], "b": files[1], "x": str(tmp_path / "missing.wav")}
    given = dict(arguments)
    if "audio_files" in given:
        given["audio_files"] = [names[n] for n in given["audio_files"]]
    with pytest.raises(error, match=said):
        tool.generate(tmp_path / "out.wav", **given)
    assert not (tmp_path / "out.wav").exists()


def test_a_point_without_a_sound_is_no_other_sound(tmp_path, tool, monkeypatch):
    def refuse(*args: object, **more: object) -> np.ndarray:
        raise OutputError("inference gave NaN or infinity")

    monkeypatch.setattr(tool._model, "decode", refuse)
    with pytest.raises(UsageError, match=r"no sound: .*NaN"):
        tool.generate(tmp_path / "out.wav")
    assert not (tmp_path / "out.wav").exists()


def test_a_model_that_is_none_is_told(tmp_path):
    with pytest.raises(BundleError, match="nonesuch"):
        SoundSampleTool("nonesuch")


def test_a_model_without_a_classifier_generates_but_does_not_predict(tmp_path, files):
    plain = SoundSampleTool(build_bundle(tmp_path / "plain", classes=(), name="plain"))
    assert plain.class_names == []
    with pytest.raises(BundleError, match="no classifier"):
        plain.predict(files[0])


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A folder of sounds to search, and a home for the library."""
    from ghostnote.library import indexing
    from librarykit import Inline
    from soundfolders import fill

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(indexing, "Crew", Inline)
    fill(tmp_path / "sounds", [f"{k}.wav" for k in range(5)])
    return tmp_path / "sounds"


def test_find_similar_gives_files_onsets_and_distances(tool, library, files):
    names = list(inspect.signature(SoundSampleTool).parameters)
    assert names == ["model", "library_dir", "library_segmentation"]
    finding = SoundSampleTool(str(tool._model.folder), library_dir=str(library))
    found, onsets, distances = finding.find_similar(files[0], num_similar=3)
    assert len(found) == len(onsets) == len(distances) == 3
    assert distances == sorted(distances)
    assert all(str(library) in name for name in found)
    own, _, _ = finding.find_similar(library / "0.wav", 10, weights="latent=1,loudness=0.2")
    assert len(own) == 4
    assert finding.find_similar(library / "0.wav", 1, within="length<1", itself=True)[2] == [0.0]


def test_find_similar_among_the_sounds_of_recordings(tool, library, files):
    from soundfolders import recording, write

    write(library / "long.wav", recording(4))
    finding = SoundSampleTool(str(tool._model.folder), str(library), True)
    found, onsets, _ = finding.find_similar(files[0], 20)
    assert len(found) == 9
    assert sorted(round(t, 1) for t in onsets)[-3:] == [0.6, 1.2, 1.8] or max(onsets) > 1.5


def test_find_similar_needs_a_library(tool, files):
    with pytest.raises(UsageError, match="give the tool a library_dir"):
        tool.find_similar(files[0])
