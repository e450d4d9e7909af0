"""`ghostnote listen --file`: one line for each sound, and what is said of what cannot be listened to."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from bundles import NINE, build_bundle
from features.onsetkit import hit, place
from ghostnote.features.spec import FeatureSpec

TIMES = (0.3, 0.7, 1.2)


@pytest.fixture(scope="module", params=[44_100, 48_000])
def recording(request, tmp_path_factory):
    rate = request.param
    path = tmp_path_factory.mktemp("heard") / f"hits-{rate}.wav"
    sound = place([(t, hit(rate, 100 + 60 * k, seed=k)) for k, t in enumerate(TIMES)], 2.0, rate)
    soundfile.write(path, np.stack([sound, sound], axis=1), rate)
    return path


def test_each_sound_is_a_line_of_json_with_its_answers(command, bundle, recording):
    done = command("listen", "--file", recording, "--model", bundle, "--json")
    assert (done.status, done.err) == (0, "")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [f["number"] for f in found] == [1, 2, 3]
    for one, at in zip(found, TIMES, strict=True):
        assert abs(one["at_s"] - at) < 0.002
        assert set(one["probabilities"]) == set(NINE)
        ages = [a["age_s"] for a in one["answers"]]
        assert ages == sorted(ages)
        assert ages[0] == pytest.approx(0.03, abs=0.001)
        assert one["class"] == one["answers"][-1]["class"]
        assert one["class"] in (*NINE, "unknown")


def test_for_people_it_is_a_line_with_time_and_class(command, bundle, recording):
    done = command("listen", "--file", recording, "--model", bundle, "--unknown", "1")
    lines = done.out.splitlines()
    assert len(lines) == len(TIMES)
    assert lines[0].lstrip().startswith("0.3")
    assert "unknown" in lines[0]


def test_it_ends_when_it_is_told_to(command, bundle, recording):
    done = command("listen", "--file", recording, "--model", bundle, "--seconds", "0.6")
    assert len(done.out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--file", "nothing.wav"], "nothing.wav: there is no such file"),
        (["--file", "{text}"], "text.wav: not a sound file"),
        (["--file", "{folder}"], "is a folder"),
        (["--file", "{good}", "--targets", "here:too:many"], "HOST:PORT is needed"),
        (["--file", "{good}", "--threshold", "10"], "threshold_db 10"),
        (["--file", "{good}", "--hold", "1"], "hold_s"),
        (["--file", "{good}", "--unknown", "7"], "unknown 7"),
        (["--file", "{good}", "--seconds", "-1"], "--seconds"),
    ],
)
def test_what_cannot_be_is_one_line(command, bundle, sounds, arguments, said):
    names = {"text": sounds / "text.wav", "folder": sounds, "good": sounds / "noise.wav"}
    done = command("listen", "--model", bundle, *(a.format(**names) for a in arguments))
    assert done.status == 2
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    assert said in done.err


def test_a_model_that_cannot_tell_classes_is_refused(command, tmp_path, sounds):
    folder = build_bundle(tmp_path / "dumb", name="dumb", classes=(), spec=FeatureSpec(frames=86))
    done = command("listen", "--file", sounds / "noise.wav", "--model", folder)
    assert done.status == 2
    assert "model dumb has no classifier" in done.err


def test_a_file_and_an_input_are_not_both_listened_to(command, sounds):
    done = command("listen", "--file", sounds / "noise.wav", "--input", "mic")
    assert done.status == 2
