"""Growing sound files: the same samples as whole ones, and readable however they end."""

from __future__ import annotations

import errno
import os
import sys

import numpy as np
import pytest
import soundfile

from ghostnote.errors import AudioFileError
from ghostnote.features import stream_writer
from ghostnote.features.sound_writer import write
from ghostnote.features.stream_writer import WavStream, open_stream, pcm24


@pytest.fixture
def sound(rng) -> np.ndarray:
    quiet = 10.0 ** rng.uniform(-9, 0.05, (50_000, 1))
    return (quiet * rng.uniform(-1, 1, (50_000, 2))).astype(np.float32)


def ints(path) -> np.ndarray:
    return soundfile.read(path, dtype="int32", always_2d=True)[0]


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_the_samples_are_those_of_a_whole_file(tmp_path, sound, suffix):
    write(tmp_path / f"whole.{suffix}", sound, 48000)
    stream = open_stream(tmp_path / f"grown.{suffix}", 48000, 2)
    for start in range(0, len(sound), 777):
        stream.write(sound[start : start + 777])
        if start % 3 == 0:
            stream.update()
    stream.close()
    stream.close()
    assert stream.frames == len(sound)
    assert soundfile.info(tmp_path / f"grown.{suffix}").subtype == "PCM_24"
    assert np.array_equal(ints(tmp_path / f"grown.{suffix}"), ints(tmp_path / f"whole.{suffix}"))


def test_the_rounding_is_libsndfiles(tmp_path, rng):
    edges = np.array([0, 1, -1, 2, -2, 1 - 2**-24, 2**-24, -(2**-24), 2**-31, -(2**-31), 2**-32, 3 * 2**-32])
    x = np.concatenate([edges, rng.uniform(-1e-6, 1e-6, 5000), rng.uniform(-1.2, 1.2, 5000)])
    x = x.astype(np.float32)
    soundfile.write(tmp_path / "x.raw", x, 44100, format="RAW", subtype="PCM_24", endian="LITTLE")
    assert pcm24(x) == (tmp_path / "x.raw").read_bytes()


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_file_that_nobody_closed_is_readable_up_to_its_last_update(tmp_path, sound, suffix):
    path = tmp_path / f"cut.{suffix}"
    stream = open_stream(path, 44100, 2)
    stream.write(sound)
    stream.update()
    stream.write(sound[:500])
    left = path.read_bytes()
    (tmp_path / f"left.{suffix}").write_bytes(left)
    read = ints(tmp_path / f"left.{suffix}")
    assert len(sound) - 3 * 4096 < len(read) <= len(sound) + 500
    write(tmp_path / f"whole.{suffix}", sound, 44100)
    shared = min(len(read), len(sound))
    assert np.array_equal(read[:shared], ints(tmp_path / f"whole.{suffix}")[:shared])
    stream.close()


def test_over_the_limit_of_riff_it_is_rf64(tmp_path, sound):
    path = tmp_path / "long.wav"
    stream = WavStream(path, 48000, 2, limit=60_000)
    stream.write(sound[:10_000])
    stream.update()
    assert (soundfile.info(path).format, path.read_bytes()[:4]) == ("WAV", b"RIFF")
    stream.write(sound[10_000:10_001])
    stream.close()
    assert path.read_bytes()[:4] == b"RF64"
    assert soundfile.info(path).format in ("RF64", "WAV")
    assert len(ints(path)) == 10_001
    assert os.path.getsize(path) % 2 == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no sparse files there")
def test_sizes_beyond_four_gigabytes(tmp_path, sound):
    """A sparse file: nobody needs a disk of that size for it."""
    path = tmp_path / "huge.wav"
    stream = WavStream(path, 48000, 2)
    stream.frames = 800_000_000
    stream.write(sound[:1000])
    stream.close()
    info = soundfile.info(path)
    assert info.frames == 800_001_000
    tail = soundfile.read(path, start=800_000_000, dtype="int32")[0]
    write(tmp_path / "tail.wav", sound[:1000], 48000)
    assert np.array_equal(tail, ints(tmp_path / "tail.wav"))


def test_a_full_disk_keeps_what_it_took(tmp_path, sound, monkeypatch):
    path = tmp_path / "full.wav"
    stream = open_stream(path, 48000, 2)
    real, room = stream_writer._write_at, 100_003

    def full(fd: int, data: bytes, at: int) -> int:
        if at >= room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data[: room - at], at)

    monkeypatch.setattr(stream_writer, "_write_at", full)
    with pytest.raises(AudioFileError, match=r"full\.wav: cannot be written .No space left on device"):
        stream.write(sound)
    stream.close()
    assert stream.frames == (room - 80) // 6
    write(tmp_path / "whole.wav", sound, 48000)
    assert np.array_equal(ints(path), ints(tmp_path / "whole.wav")[: stream.frames])


def test_what_cannot_be_recorded_into_is_named(tmp_path):
    with pytest.raises(AudioFileError, match=r"cannot record into \.mp3; end it in \.wav or \.flac"):
        open_stream(tmp_path / "a.mp3", 44100, 2)
    with pytest.raises(AudioFileError, match=r"nowhere.*No such file"):
        open_stream(tmp_path / "nowhere" / "a.wav", 44100, 2)
    for name in ("a.wav", "a.flac"):
        (tmp_path / name).write_text("precious")
        with pytest.raises(FileExistsError):
            open_stream(tmp_path / name, 44100, 2)
        assert (tmp_path / name).read_text() == "precious"
