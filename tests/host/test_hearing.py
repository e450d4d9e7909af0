"""From sound to messages: what goes out when, and that the same sound gives the same messages."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from bundles import build_bundle
from features.onsetkit import hit, place
from ghostnote.decode.model import load
from ghostnote.ears.thinker import Thinker
from ghostnote.errors import BundleError
from ghostnote.features.spec import FeatureSpec
from ghostnote.host.hearing import Heard, Hearing
from ghostnote.host.show import Show
from ghostnote.telemetry import Telemetry

RATE = 48_000


class Kept:
    """Streams that keep what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, dict]] = []
        self.said: list[tuple[float, str, tuple]] = []

    def numbers(self, values, heard) -> None:
        self.sent.append((heard, dict(values)))

    def words(self, messages, heard) -> None:
        self.said += [(heard, addr, tuple(args)) for addr, args in messages]

    def of(self, name: str) -> list[tuple[float, tuple]]:
        return [(at, args) for at, addr, args in self.said if addr == f"/gn/in/{name}"]


@pytest.fixture(scope="module")
def thinker(tmp_path_factory):
    folder = build_bundle(tmp_path_factory.mktemp("bundles") / "tiny", spec=FeatureSpec(frames=86))
    return Thinker(load(folder), unknown=0.0)


def hear(thinker, samples: np.ndarray, block: int = 128, telemetry: Telemetry | None = None):
    kept, over = Kept(), []
    show = Show(thinker, RATE, kept, "/gn/in")
    hearing = Hearing(thinker, RATE, show, telemetry or Telemetry(), over=over.append, aside=False)
    for at in range(0, len(samples), block):
        piece = samples[at : at + block]
        hearing.take(piece[:, None], 100.0 + (at + len(piece)) / RATE)
    hearing.finish()
    return kept, over


def beats() -> np.ndarray:
    return place([(0.3, hit(RATE)), (0.8, hit(RATE, 90, seed=1)), (1.1, hit(RATE, 300, seed=2))], 2.0, RATE)


def test_words_carry_the_time_at_which_the_sound_began(thinker):
    kept, over = hear(thinker, beats())
    onsets = kept.of("onset")
    assert [args[0] for _, args in onsets] == [1, 2, 3]
    for (at, _), wanted in zip(onsets, (0.3, 0.8, 1.1), strict=True):
        assert at == pytest.approx(100.0 + wanted, abs=0.002)
    for at, args in kept.of("answer"):
        assert at == pytest.approx(onsets[args[0] - 1][0], abs=1e-6)
    assert [heard.number for heard in over] == [1, 2, 3]


def test_answers_get_older_and_the_last_one_says_so(thinker):
    kept, over = hear(thinker, beats())
    for number in (1, 2, 3):
        answers = [args for _, args in kept.of("answer") if args[0] == number]
        ages = [args[3] for args in answers]
        assert ages[:3] == pytest.approx([30.0, 60.0, 120.0], abs=0.1)
        assert all(a < b for a, b in pairwise(ages))
        assert [args[4] for args in answers] == [0] * (len(answers) - 1) + [1]
        for args, answer in zip(answers, over[number - 1].answers, strict=True):
            assert args[1:3] == (answer.label, answer.confidence)
            assert args[5] == answer.index


def test_all_numbers_are_in_every_bundle_sixty_times_a_second(thinker):
    kept, _ = hear(thinker, beats())
    names = list(kept.sent[0][1])
    assert all(list(values) == names for _, values in kept.sent)
    assert "/gn/in/class/p/kick" in names
    assert {"/gn/in/level/l", "/gn/in/rms/r", "/gn/in/band8", "/gn/in/class/changes"} <= set(names)
    times = np.array([at for at, _ in kept.sent])
    assert np.diff(times).max() < 1.5 / 60
    assert 60 * 2 * 0.95 < len(times) < 60 * 2 + 40
    last = kept.sent[-1][1]
    assert last["/gn/in/onsets"] == 3
    assert last["/gn/in/class/changes"] == len(kept.of("answer"))


def test_numbers_change_with_the_words_and_not_a_bundle_later(thinker):
    kept, _ = hear(thinker, beats())
    first = next(at for at, values in kept.sent if values["/gn/in/onsets"] == 1)
    assert first - 100.3 < 0.025


def test_classes_are_told_at_the_start_and_again(thinker):
    kept, _ = hear(thinker, np.zeros(11 * RATE, dtype=np.float32), block=4096)
    told = kept.of("classes")
    assert [args for _, args in told] == [thinker.classes] * 3
    assert kept.of("model")[0][1] == (thinker.model.manifest.name,)


def test_blocks_change_nothing_of_what_is_said(thinker):
    def said(block: int):
        kept, _ = hear(thinker, beats(), block)
        return [(args[0], args[1], round(args[2], 4), args[4]) for _, args in kept.of("answer")]

    assert said(64) == said(128) == said(1000)


def test_coordinates_come_with_the_sounds_that_were_heard_long_enough(thinker):
    kept, _ = hear(thinker, beats())
    assert {args[0] for _, args in kept.of("latent")} == {1, 2, 3}


def test_a_model_that_fails_is_told_once_and_onsets_go_on(thinker, monkeypatch):
    def fail(question):
        raise BundleError("the graph is broken")

    monkeypatch.setattr(thinker, "answer", fail)
    telemetry = Telemetry()
    kept, over = hear(thinker, beats(), telemetry=telemetry)
    assert len(kept.of("onset")) == 3
    assert not kept.of("answer")
    assert over == []
    assert [r.text for r in telemetry.take_reports()] == [
        "a sound could not be classified: the graph is broken"
    ]


def test_without_input_the_stream_goes_on_in_silence(thinker):
    kept = Kept()
    hearing = Hearing(thinker, RATE, Show(thinker, RATE, kept, "/gn/in"), Telemetry(), aside=False)
    hearing.take(np.ones((4096, 2), dtype=np.float32), 1.0)
    hearing.rest(2.0)
    assert kept.sent[-1][0] == 2.0
    assert kept.sent[-1][1]["/gn/in/level/l"] == 0.0
    assert list(kept.sent[-1][1]) == list(kept.sent[0][1])


def test_what_is_over_brings_its_sound(thinker):
    _, over = hear(thinker, beats())
    for heard in over:
        assert isinstance(heard, Heard)
        assert len(heard.samples) > 0.1 * 44_100
        assert np.abs(heard.samples).max() > 0.1
