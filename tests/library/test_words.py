"""What paths say of classes, and what that counts for."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.library.words import BOOST, evidence, meant, said

CLASSES = ("kick", "snare", "hihat_closed", "hihat_open", "tom_low", "tom_mid", "tom_high", "clap", "rim")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("808/BD0025.WAV", "kick"),
        ("AkaiXR10__Snaredrum-03.flac", "snare"),
        ("KorgMinipops__Hat_Closed-0.wav", "hihat_closed"),
        ("x/open hat 3.wav", "hihat_open"),
        ("OH50.wav", "hihat_open"),
        ("hihat_open/001.wav", "hihat_open"),
        ("Hats/07.wav", "hihat"),
        ("Synth_Tom_M-02.wav", "tom_mid"),
        ("toms/hi tom.wav", "tom_high"),
        ("tom7.wav", "tom"),
        ("Kicks/Snare 1.wav", "snare"),
        ("kick_snare_loop.wav", ""),
        ("kick/kick_snare_loop.wav", "kick"),
        ("recordings/2024.wav", ""),
        ("\\drums\\CP\\1.wav", "clap"),
        ("\udcff\udcfe/clap.wav", "clap"),
    ],
)
def test_paths(path, expected):
    assert said(path, CLASSES) == said(path) == expected


def test_classes_of_a_model_of_one_s_own_are_words_too():
    classes = ("gogodze2 close", "meatbass arco")
    assert said("x/Meatbass Arco 07.wav", classes) == "meatbass arco"
    assert said("x/meatbass-pizz.wav", classes) == ""


def test_evidence_shifts_and_does_not_decide():
    flat = np.full(9, 1 / 9, dtype=np.float32)
    shifted = evidence(flat, "clap", CLASSES)
    assert shifted.sum() == pytest.approx(1.0)
    assert shifted[7] == pytest.approx(BOOST / (BOOST + 8))
    sure = np.array([1.0] + [0.0] * 8, dtype=np.float32)
    assert evidence(sure, "clap", CLASSES).argmax() == 0
    rows = evidence(np.stack([flat, sure]), "tom", CLASSES)
    assert rows[0, 4:7].sum() > 0.8
    assert np.array_equal(evidence(flat, "", CLASSES), flat)
    assert np.array_equal(evidence(flat, "cowbell", CLASSES), flat)


def test_groups_mean_their_members():
    assert meant("tom", "tom_low")
    assert not meant("tom_low", "tom")
    assert not meant("", "kick")
