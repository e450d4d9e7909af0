"""Shards: the same from the same contents, wherever they are, and only plain things in and out."""

from __future__ import annotations

import pickle
import shutil
import sys

import numpy as np
import pytest
import soundfile

from ghostnote.decode.bundle import Manifest
from ghostnote.errors import BundleError
from ghostnote.features import other_formats
from ghostnote.features.segmentation import SegmentOptions
from ghostnote.library import embedding
from ghostnote.library.embedding import FAILED, OK, UNSUPPORTED, Item, Shard, content_of, embed_shard, mark_of
from soundfolders import RATE, hit, write


@pytest.fixture
def shard(bundle):
    digest = Manifest.from_file(bundle / "model.json").digest

    def make(*paths, cut=None, digest=digest):
        names = [str(path).encode() for path in paths]
        items = tuple(Item(name, content_of(name), mark_of(name)) for name in names)
        return Shard(items, str(bundle), digest, cut)

    return make


def test_what_goes_in_and_out_can_be_pickled_and_is_repeated(shard, tmp_path):
    one = shard(write(tmp_path / "a.wav", hit(1)), write(tmp_path / "b.flac", hit(2)))
    sent = pickle.loads(pickle.dumps(one))
    assert (sent, sent.key) == (one, one.key)
    first, again = embed_shard(one), pickle.loads(pickle.dumps(embed_shard(sent)))
    for before, after in zip(first, again, strict=True):
        assert (before.content, before.status) == (after.content, OK)
        assert np.array_equal(before.sounds[0].latent, after.sounds[0].latent)
        assert before.sounds[0].descriptors == after.sounds[0].descriptors


def test_a_shard_is_known_by_content_model_and_cutting(shard, tmp_path):
    path = write(tmp_path / "a.wav", hit(1))
    moved = shutil.copy(path, tmp_path / "other name.wav")
    assert shard(path).key == shard(moved).key
    other = write(tmp_path / "b.wav", hit(2))
    keys = {shard(path).key, shard(other).key, shard(path, cut=SegmentOptions()).key}
    keys |= {shard(path, digest="0" * 64).key, shard(path, other).key}
    assert len(keys) == 5


def test_where_a_sound_is_in_its_file(shard, tmp_path):
    late = np.concatenate([np.zeros(RATE // 4), hit(1, 0.1)])
    (found,) = embed_shard(shard(write(tmp_path / "a.wav", late)))
    (sound,) = found.sounds
    assert sound.onset_s == pytest.approx(0.25, abs=0.001)
    assert 0.03 < sound.descriptors.length_s <= 0.1
    (cut,) = embed_shard(shard(tmp_path / "a.wav", cut=SegmentOptions()))
    assert cut.sounds[0].onset_s == pytest.approx(0.25, abs=0.001)
    assert np.abs(cut.sounds[0].latent - sound.latent).max() < 0.3


def test_another_model_in_the_place_is_refused(shard, tmp_path):
    with pytest.raises(BundleError, match="was changed"):
        embed_shard(shard(write(tmp_path / "a.wav", hit(1)), digest="0" * 64))


def test_whatever_goes_wrong_in_a_file_costs_that_file_only(shard, tmp_path, monkeypatch):
    paths = [write(tmp_path / f"{k}.wav", hit(k)) for k in range(3)]
    real = embedding.sounds_in

    def fail(path, *rest):
        if path.endswith("1.wav"):
            raise MemoryError("too much")
        return real(path, *rest)

    monkeypatch.setattr(embedding, "sounds_in", fail)
    found = embed_shard(shard(*paths))
    assert [one.status for one in found] == [OK, FAILED, OK]
    assert "MemoryError" in found[1].reason


def test_what_needs_an_extra_says_which(shard, tmp_path, monkeypatch):
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x1cftypM4A " + bytes(100))
    monkeypatch.setattr(other_formats, "available", lambda: False)
    (found,) = embed_shard(shard(tmp_path / "a.m4a"))
    assert found.status == UNSUPPORTED
    assert "ghostnote[formats]" in found.reason


@pytest.mark.parametrize("name", ["a.caf", "a.opus", "a.ogg", "a.mp3", "a.aiff", "a.w64", "a.au"])
def test_formats_are_nearly_the_same_sound(shard, tmp_path, name):
    rate = 48000
    sound = hit(1, 0.3, rate)
    options = {"format": "OGG", "subtype": "OPUS"} if name == "a.opus" else {}
    soundfile.write(tmp_path / name, sound, rate, **options)
    soundfile.write(tmp_path / "plain.wav", sound, rate)
    found, plain = embed_shard(shard(tmp_path / name, tmp_path / "plain.wav"))
    assert (found.status, found.reason) == (OK, "")
    scale = np.linalg.norm(plain.sounds[0].latent)
    assert np.linalg.norm(found.sounds[0].latent - plain.sounds[0].latent) < 0.5 * scale


@pytest.mark.skipif(not other_formats.available(), reason="the extra `formats` (PyAV) is not installed")
@pytest.mark.parametrize("cut", [None, SegmentOptions()])
def test_m4a_through_the_extra(shard, tmp_path, cut):
    import av

    sound = np.concatenate([np.zeros(4000, dtype=np.float32), hit(1, 0.3, 48000)])
    with av.open(str(tmp_path / "a.m4a"), "w") as out:
        stream = out.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        frame.sample_rate = 48000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    soundfile.write(tmp_path / "plain.wav", sound, 48000)
    (tmp_path / "broken.m4a").write_bytes((tmp_path / "a.m4a").read_bytes()[:200])
    found, plain, broken = embed_shard(
        shard(tmp_path / "a.m4a", tmp_path / "plain.wav", tmp_path / "broken.m4a", cut=cut)
    )
    assert (found.status, broken.status) == (OK, FAILED)
    scale = np.linalg.norm(plain.sounds[0].latent)
    assert np.linalg.norm(found.sounds[0].latent - plain.sounds[0].latent) < 0.5 * scale
    assert "av" in sys.modules
