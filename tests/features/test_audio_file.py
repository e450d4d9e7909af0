"""Sound files: every rate, form and kind of damage, and what is said about the ones that cannot be used."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostnote.errors import AudioFileError
from ghostnote.features import audio_file
from ghostnote.features.spec import FeatureSpec

SPEC = FeatureSpec()
RATE = SPEC.sample_rate


def hit(rate: int = RATE, seconds: float = 0.5, hz: float = 440.0) -> np.ndarray:
    """A decaying sine that starts at full level, shape (n,)."""
    t = np.arange(round(seconds * rate)) / rate
    return (0.8 * np.cos(2 * np.pi * hz * t) * np.exp(-8 * t)).astype(np.float32)


def put(path, samples, rate=RATE, **options):
    soundfile.write(path, samples, rate, **options)
    return path


def power(samples) -> float:
    return float(np.square(samples, dtype=np.float64).sum())


def test_a_plain_file_comes_back(tmp_path):
    sound = audio_file.load(put(tmp_path / "a.wav", hit(), subtype="FLOAT"), SPEC)
    assert sound.shape == (SPEC.samples,)
    assert sound.dtype == np.float32
    assert np.array_equal(sound[: len(hit())], hit())
    assert not sound[len(hit()) :].any()


FORMS = {
    "wav 8 bit": ("a.wav", {"subtype": "PCM_U8"}, 0.02),
    "wav 16 bit": ("a.wav", {"subtype": "PCM_16"}, 1e-4),
    "wav 24 bit": ("a.wav", {"subtype": "PCM_24"}, 1e-6),
    "wav double": ("a.wav", {"subtype": "DOUBLE"}, 1e-7),
    "aiff": ("a.aiff", {"subtype": "PCM_24"}, 1e-6),
    "flac": ("a.flac", {"subtype": "PCM_24"}, 1e-6),
    "ogg": ("a.ogg", {"subtype": "VORBIS"}, 0.1),
    "mp3": ("a.mp3", {}, 0.1),
    "wrong suffix": ("a.mp3", {"format": "FLAC", "subtype": "PCM_24"}, 1e-6),
    "no suffix": ("a", {"format": "WAV", "subtype": "PCM_24"}, 1e-6),
    "odd name": ("ü ♪ 'x'.wav", {"subtype": "PCM_24"}, 1e-6),
}


@pytest.mark.parametrize("case", FORMS, ids=lambda case: case.replace(" ", "-"))
def test_formats(tmp_path, case):
    name, options, tolerance = FORMS[case]
    sound = audio_file.load(put(tmp_path / name, hit(), **options), SPEC, trim=False)
    shift = int(np.correlate(sound[:4000], hit()[:2000], "valid").argmax())  # coders may delay
    assert shift < 1600
    inner = slice(200, 4000)  # lossy coders ring at the attack
    assert np.abs(sound[shift:][inner] - hit()[inner]).max() < tolerance


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 48000, 88200, 96000, 192000, 384000])
def test_any_rate_is_the_same_sound(tmp_path, rate):
    sound = audio_file.load(put(tmp_path / "a.wav", hit(rate), rate, subtype="FLOAT"), SPEC)
    expected = hit()
    inner = slice(200, len(expected) - 200)
    error = power(sound[inner] - expected[inner]) / power(expected[inner])
    assert error < 1e-5
    assert power(sound) == pytest.approx(power(expected), rel=0.05)


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8, 32])
def test_equal_channels_are_one(tmp_path, channels):
    samples = np.repeat(hit()[:, None], channels, axis=1)
    sound = audio_file.load(put(tmp_path / "a.wav", samples, subtype="FLOAT"), SPEC)
    assert np.allclose(sound[: len(hit())], hit(), atol=1e-6)


def test_channels_are_averaged(tmp_path):
    samples = np.stack([hit(), np.zeros_like(hit())], axis=1)
    sound = audio_file.load(put(tmp_path / "a.wav", samples, subtype="FLOAT"), SPEC)
    assert np.allclose(sound[: len(hit())], hit() / 2, atol=1e-6)


@pytest.mark.parametrize("weak", [1.0, 0.95])
def test_channels_that_cancel_leave_the_loudest(tmp_path, weak):
    samples = np.stack([-weak * hit(), hit()], axis=1)
    sound = audio_file.load(put(tmp_path / "a.wav", samples, subtype="FLOAT"), SPEC)
    assert np.array_equal(np.abs(sound[: len(hit())]), np.abs(hit()))
    assert weak == 1.0 or sound[0] > 0


def test_unrelated_channels_do_not_count_as_cancelling(tmp_path):
    samples = np.random.default_rng(0).standard_normal((RATE, 16)).astype(np.float32) * 0.1
    sound = audio_file.load(put(tmp_path / "a.wav", samples, subtype="FLOAT"), SPEC, trim=False)
    assert np.allclose(sound[:RATE], samples.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("lead", [0, 1, 999, RATE, 9 * RATE])
def test_onset_comes_first(tmp_path, lead):
    noise = np.random.default_rng(1).standard_normal(lead).astype(np.float32) * 1e-4
    path = put(tmp_path / "a.wav", np.concatenate([noise, hit()]), subtype="FLOAT")
    assert np.array_equal(audio_file.load(path, SPEC)[: len(hit())], hit())


def test_untrimmed_keeps_the_lead(tmp_path):
    path = put(tmp_path / "a.wav", np.concatenate([np.zeros(500, np.float32), hit()]), subtype="FLOAT")
    sound = audio_file.load(path, SPEC, trim=False)
    assert not sound[:500].any()
    assert np.array_equal(sound[500 : 500 + len(hit())], hit())


def test_onset_is_within_50_db_of_the_peak(tmp_path):
    ramp = 10.0 ** (np.linspace(-80, 0, 801) / 20)
    sound = audio_file.load(put(tmp_path / "a.wav", ramp, subtype="DOUBLE"), SPEC)
    assert 20 * np.log10(sound[0]) == pytest.approx(-50.0, abs=0.11)


def test_long_sound_is_cut_with_a_fade(tmp_path):
    long = np.full(3 * RATE, 0.5, np.float32)
    sound = audio_file.load(put(tmp_path / "a.wav", long, subtype="FLOAT"), SPEC)
    fade = round(0.005 * RATE)
    assert np.all(sound[:-fade] == 0.5)
    assert np.all(np.diff(sound[-fade:]) <= 0)
    assert sound[-1] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("rate", [RATE, 48000])
def test_sound_that_is_not_read_to_its_end_fades_where_reading_stopped(tmp_path, monkeypatch, rate):
    monkeypatch.setattr(audio_file, "MAX_VALUES", rate)
    long = np.full(3 * rate, 0.5, np.float32)
    sound = audio_file.load(put(tmp_path / "a.wav", long, rate, subtype="FLOAT"), SPEC)
    assert np.abs(np.diff(sound[1000:])).max() < 0.01
    assert np.allclose(sound[1000 : RATE - 300], 0.5, atol=1e-3)
    assert not sound[RATE:].any()


def test_sound_of_just_the_right_length_is_not_faded(tmp_path):
    exact = np.full(SPEC.samples, 0.5, np.float32)
    assert np.all(audio_file.load(put(tmp_path / "a.wav", exact, subtype="FLOAT"), SPEC) == 0.5)


def test_level_is_kept(tmp_path):
    quiet = audio_file.load(put(tmp_path / "q.wav", hit() * 0.001, subtype="FLOAT"), SPEC)
    loud = audio_file.load(put(tmp_path / "l.wav", hit() * 4.0, subtype="FLOAT"), SPEC)
    assert np.allclose(loud, quiet * 4000.0, atol=1e-5)
    assert loud.max() > 3.0


@pytest.mark.parametrize("rate", [8000, 44100, 192000])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_few_samples_are_a_sound(tmp_path, rate, count):
    path = put(tmp_path / "a.wav", np.full(count, 0.9, np.float32), rate, subtype="FLOAT")
    sound = audio_file.load(path, SPEC)
    assert np.abs(sound).max() > 0.1
    assert not sound[1000:].any()


def test_huge_file_is_read_only_at_its_start(tmp_path):
    """Ten hours as a sparse file: silence, but for a hit at the start."""
    path = put(tmp_path / "a.wav", hit(8000), 8000, subtype="PCM_16", format="RF64")
    with soundfile.SoundFile(path, "r+") as file:
        assert file.samplerate == 8000
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.truncate(size + 10 * 3600 * 8000 * 2)
    sound = audio_file.load(path, SPEC)
    assert power(sound) > 1.0


def test_read_is_bounded(tmp_path, monkeypatch):
    asked = []
    real = soundfile.SoundFile.read

    def counted(self, frames, **options):
        asked.append(frames * self.channels)
        return real(self, frames, **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", counted)
    path = put(tmp_path / "a.wav", np.repeat(hit(8000, 14.0)[:, None], 2, axis=1), 8000)
    audio_file.load(path, SPEC)
    assert sum(asked) < 2 * 12.1 * 8000
    monkeypatch.setattr(audio_file, "MAX_VALUES", 1000)
    asked.clear()
    audio_file.load(path, SPEC)
    assert sum(asked) <= 1002


def wav_header(rate=RATE, channels=1, data=1000, bits=16):
    """Bytes of a WAV file that states what it is told to, with 1000 bytes of sound."""
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, (rate * width) & 0xFFFFFFFF, width & 0xFFFF, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", data)
    return b"RIFF" + struct.pack("<I", 36 + data) + body + b"\x10\x20" * 500


def absent(path):
    pass


def folder(path):
    path.mkdir()


def content(data):
    return lambda path: path.write_bytes(data)


def sound(samples, **options):
    return lambda path: soundfile.write(path, np.asarray(samples), RATE, format="WAV", **options)


def cut(keep):
    def make(path):
        soundfile.write(path, hit(), RATE, format="FLAC")
        path.write_bytes(path.read_bytes()[:keep])

    return make


def with_value(value, at=-1):
    samples = hit()
    samples[at] = value
    return sound(samples, subtype="FLOAT")


BAD = {
    "missing": (absent, "there is no such file"),
    "folder": (folder, "is a folder"),
    "empty": (content(b""), "is empty"),
    "one byte": (content(b"R"), "not a sound file that can be read"),
    "text": (content(b"kick drums are great\n" * 50), "not a sound file that can be read"),
    "picture": (content(b"\x89PNG\r\n\x1a\n" + b"\0" * 100), "not a sound file that can be read"),
    "zeros": (content(b"\0" * 1000), "not a sound file that can be read"),
    "wav cut in the header": (content(wav_header()[:20]), "not a sound file|no samples"),
    "wav cut after the header": (content(wav_header()[:44]), "has no samples"),
    "flac cut in the header": (cut(30), "not a sound file|cannot be read|no samples"),
    "no frames": (sound(np.zeros(0, np.float32)), "has no samples"),
    "silent": (sound(np.zeros(5000)), r"is silent \(below -80 dBFS\): nothing to learn"),
    "almost silent": (sound(np.full(5000, 5e-5), subtype="FLOAT"), "is silent"),
    "one silent sample": (sound(np.zeros(1)), "is silent"),
    "silent for long": (sound(np.r_[np.zeros(11 * RATE), hit()]), "its first 10 s are silent"),
    "silent channels": (sound(np.zeros((5000, 8))), "is silent"),
    "nan": (with_value(np.nan), "holds NaN or infinity"),
    "infinity": (with_value(-np.inf, 0), "holds NaN or infinity"),
    "no rate": (content(wav_header(rate=0)), "not a sound file|its header states"),
    "rate of 4 GHz": (content(wav_header(rate=2**32 - 1)), "not a sound file|its header states"),
    "rate of 2 MHz": (content(wav_header(rate=2_000_000)), "its header states 2000000 Hz"),
    "rate of 10 Hz": (content(wav_header(rate=10)), "its header states 10 Hz"),
    "no channels": (content(wav_header(channels=0)), "not a sound file|its header states"),
    "500 channels": (content(wav_header(channels=500)), "its header states 500 channels"),
}


@pytest.mark.parametrize("trim", [True, False])
@pytest.mark.parametrize("case", BAD, ids=lambda case: case.replace(" ", "-"))
def test_refuses(tmp_path, case, trim):
    make, match = BAD[case]
    path = tmp_path / "bad.wav"
    make(path)
    with pytest.raises(AudioFileError, match=match) as caught:
        audio_file.load(path, SPEC, trim=trim)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert text.count(str(path)) == 1
    assert "\n" not in text


@pytest.mark.parametrize("name", ["nul\0byte.wav", "x" * 5000, ""])
def test_impossible_names(name):
    with pytest.raises(AudioFileError, match=r"cannot be read|no such file|is a folder"):
        audio_file.load(name, SPEC)


def test_raw_suffix(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"\1\2" * 500)
    with pytest.raises(AudioFileError, match=r"cannot be read|not a sound file"):
        audio_file.load(tmp_path / "a.raw", SPEC)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_no_permission(tmp_path):
    path = put(tmp_path / "a.wav", hit())
    path.chmod(0)
    with pytest.raises(AudioFileError, match="no permission"):
        audio_file.load(path, SPEC)


def test_no_permission_is_told(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    path = put(tmp_path / "a.wav", hit())
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(AudioFileError, match="no permission to read it"):
        audio_file.load(path, SPEC)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(AudioFileError, match="device or pipe"):
        audio_file.load(tmp_path / "a.wav", SPEC)


def test_header_that_promises_more_than_there_is(tmp_path):
    """A recording cut off by a crash is still a sound."""
    path = tmp_path / "a.wav"
    path.write_bytes(wav_header(data=2**31 - 1))
    assert power(audio_file.load(path, SPEC)) > 0


@pytest.mark.parametrize("form", ["WAV", "AIFF", "FLAC", "OGG", "MP3"])
def test_damaged_files_are_read_or_refused(tmp_path, form):
    """Flipped bytes, boundary bytes and cuts, mostly in the header."""
    rng = np.random.default_rng(len(form))
    path = tmp_path / "a.bin"
    soundfile.write(path, hit(seconds=0.2), RATE, format=form)
    data = path.read_bytes()
    for index in range(80):
        broken = bytearray(data)
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(min(len(broken), 100) if rng.random() < 0.7 else len(broken)))
            broken[at] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.integers(256)]))
        if index % 8 == 0:
            del broken[int(rng.integers(1, len(broken))) :]
        path.write_bytes(broken)
        try:
            sound = audio_file.load(path, SPEC)
        except AudioFileError as error:
            assert str(error).startswith(str(path))  # noqa: PT017
            continue
        assert np.isfinite(sound).all()


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 3000),
    channels=st.integers(1, 9),
    rate=st.sampled_from([8000, 22050, 44100, 48000, 192000]),
    lead=st.integers(0, 2000),
    seed=st.integers(0, 2**16),
    trim=st.booleans(),
)
def test_any_sound_gives_the_right_shape(tmp_path_factory, count, channels, rate, lead, seed, trim):
    samples = np.random.default_rng(seed).uniform(-1, 1, (lead + count, channels)).astype(np.float32)
    samples[:lead] = 0.0
    path = put(tmp_path_factory.getbasetemp() / "any.wav", samples, rate, subtype="FLOAT")
    sound = audio_file.load(path, SPEC, trim=trim)
    assert sound.shape == (SPEC.samples,)
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert sound.any()


def test_offset_skips(tmp_path):
    path = put(tmp_path / "a.wav", np.concatenate([hit(hz=200), hit(hz=900)]), subtype="FLOAT")
    sound = audio_file.load(path, SPEC, offset_s=0.5)
    assert np.array_equal(sound[: len(hit())], hit(hz=900))


@pytest.mark.parametrize("offset_s", [0.5, 7.0, 1e30, np.inf])
def test_offset_past_the_end(tmp_path, offset_s):
    path = put(tmp_path / "a.wav", hit())
    with pytest.raises(AudioFileError, match="ends before"):
        audio_file.load(path, SPEC, offset_s=offset_s)


def test_every_set_of_real_recordings_loads():
    root = os.environ.get("GHOSTNOTE_DATA")
    if not root:
        pytest.skip("GHOSTNOTE_DATA is not set")
    paths = sorted(Path(root).rglob("*.flac"))
    assert len(paths) > 100
    for path in paths[:: len(paths) // 40]:
        sound = audio_file.load(path, SPEC)
        assert np.abs(sound).max() > 1e-3
        assert np.abs(sound[: RATE // 10]).max() > 0.003 * np.abs(sound).max()
