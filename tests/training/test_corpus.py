"""Groups and splits: no recording, microphone or velocity layer on both sides."""

from __future__ import annotations

import re

import pytest

from ghostnote_training import corpus


@pytest.mark.parametrize(
    ("source", "stem", "group"),
    [
        ("muldjordkit", "KdrumL_01_close", "muldjordkit/KdrumL"),
        ("muldjordkit", "KdrumL_25_room", "muldjordkit/KdrumL"),
        ("muldjordkit", "RideRBell_3_close", "muldjordkit/RideR"),
        ("gogodze2", "ks_vl10_rr2_retro", "gogodze2/ks"),
        ("frankensnare", "14a_basic_sn_vl3_rr2_mix", "frankensnare/14a"),
        ("frankensnare", "14a_basic_ss_vl1_rr1_oh", "frankensnare/14a"),
        ("frankensnare", "clap_person1_rr3", "frankensnare/clap_person1"),
        ("sonicpi", "bd_haus", "sonicpi/bd_haus"),
    ],
)
def test_group_is_the_instrument(source, stem, group):
    assert corpus.group_of(source, stem) == group


def test_held_out_groups_do_not_leak(data_dir):
    train, test = corpus.split(corpus.read(data_dir, ["drums"]))
    assert len(train) > 1000
    assert len(test) > 200
    assert not {item.group for item in train} & {item.group for item in test}
    assert "uzu" not in {item.source for item in train}

    def hit(item):
        return re.sub(r"_(close|room|retro|mix|oh)$", "", item.path.stem)

    assert not {hit(item) for item in train} & {hit(item) for item in test}


def test_every_class_is_held_out_somewhere(data_dir):
    _, test = corpus.split(corpus.read(data_dir, ["drums"]))
    assert set(corpus.CLASSES) <= {item.label for item in test}


def test_machine_folds_are_disjoint_complete_and_even(data_dir):
    items = corpus.read(data_dir, ["drum_machines_dev"])
    folds = corpus.machine_folds(items, 3, seed=0)
    machines = {item.machine for item in items}
    assert set().union(*folds) >= machines
    assert sum(len(fold) for fold in folds) == len(set().union(*folds))
    assert any(set(corpus.SHARED_RECORDINGS) <= fold for fold in folds)
    sizes = [sum(item.machine in fold for item in items) for fold in folds]
    assert max(sizes) < 1.2 * min(sizes)


def test_unlicensed_sounds_never_reach_the_decoder(data_dir):
    items = corpus.read(data_dir, ["drums"])
    assert {item.set for item in items} == {"drums"}
    assert not any("none stated" in item.licence for item in items)
