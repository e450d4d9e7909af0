"""Sound files in blocks: all of them, in order, and one line for what is none."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ghostnote.errors import AudioFileError
from ghostnote.features.stream_reader import StreamReader


def test_blocks_are_the_file(tmp_path, rng):
    path = tmp_path / "noise.wav"
    samples = rng.uniform(-0.5, 0.5, (1000, 2)).astype(np.float32)
    soundfile.write(path, samples, 32_000, subtype="FLOAT")
    reader = StreamReader(path)
    blocks = list(reader.blocks(256))
    assert (reader.rate, reader.channels) == (32_000, 2)
    assert [len(block) for block in blocks] == [256, 256, 256, 232]
    np.testing.assert_array_equal(np.concatenate(blocks), samples)
    reader.close()


def test_what_is_no_sound_file_is_named(tmp_path):
    (tmp_path / "text.wav").write_text("words")
    for name, said in (("text.wav", "not a sound file"), ("gone.wav", "no such file"), (".", "is a folder")):
        with pytest.raises(AudioFileError, match=said):
            StreamReader(tmp_path / name)
