"""Inputs by fakes: a device that another program holds, the way round rtmixer, a device that goes away."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from ghostnote.audio import blocking_input, rtmixer_input
from ghostnote.audio import input as inputs
from ghostnote.audio.blocking_input import BLOCK, BlockingInput
from ghostnote.audio.devices import JACK_API, Device, DeviceList
from ghostnote.audio.input import InputState, open_input
from ghostnote.audio.rtmixer_input import SILENT_S, RtmixerInput
from ghostnote.errors import DeviceError
from playing import wait_for

MIC = Device("Scarlett 2i2", "ALSA", 2, 48_000, 0.005, True, 3)
JACK = Device("system", JACK_API, 2, 44_100, 0.003, False, 7)


class PortAudioError(Exception):
    """What sounddevice raises."""


class Stream:
    """A PortAudio stream whose blocks a test lets come, one by one."""

    def __init__(self, refused: str = "", **given) -> None:
        if refused:
            raise PortAudioError(refused)
        self.given, self.closed = given, False
        self.samplerate, self.latency = given["samplerate"], 0.004
        self._coming = threading.Semaphore(0)
        self._gone = self._overflow = False
        self._count = 0

    def start(self) -> None:
        pass

    def let_come(self, blocks: int, overflow: bool = False) -> None:
        self._overflow = overflow
        self._coming.release(blocks)

    def pull_out(self) -> None:
        self._gone = True
        self._coming.release()

    def read(self, frames: int) -> tuple[bytes, bool]:
        self._coming.acquire()
        if self._gone:
            raise PortAudioError("the device is gone")
        self._count += 1
        return np.full(
            (frames, self.given["channels"]), self._count, dtype=np.float32
        ).tobytes(), self._overflow

    def close(self, ignore_errors: bool) -> None:
        self.closed = True


@pytest.fixture
def pulled():
    """Streams that have to end with the test."""
    streams: list[Stream] = []
    yield streams
    for stream in streams:
        stream.pull_out()


@pytest.fixture
def drivers(monkeypatch, pulled):
    """Fakes of sounddevice and rtmixer; `busy`: labels and ways that are refused."""
    busy: set[tuple[str, str]] = set()

    def raw(**given) -> Stream:
        device = {MIC.index: MIC, JACK.index: JACK}[given["device"]]
        stream = Stream("Device unavailable" if (device.name, "blocking") in busy else "", **given)
        pulled.append(stream)
        return stream

    sound = SimpleNamespace(PortAudioError=PortAudioError, RawInputStream=raw)
    monkeypatch.setattr(blocking_input, "sounddevice", lambda: sound)

    class Rtmixer(RtmixerInput):
        """An rtmixer that refuses where it shall, and never opens anything."""

        def __init__(self, device: Device) -> None:
            if (device.name, "rtmixer") in busy:
                raise DeviceError(f"input {device.label!r} cannot be opened; is another program holding it?")
            self.name = device.label

    monkeypatch.setattr(rtmixer_input, "RtmixerInput", Rtmixer)
    monkeypatch.setattr(inputs, "list_inputs", lambda: DeviceList((MIC, JACK), ("ALSA", JACK_API)))
    return busy


def test_a_device_that_rtmixer_cannot_open_is_read_by_blocking(drivers):
    drivers.add((MIC.name, "rtmixer"))
    source = open_input("scarlett")
    assert isinstance(source, BlockingInput)
    assert (source.name, source.rate, source.channels) == (MIC.label, 48_000, 2)


def test_a_named_device_in_use_is_said_to_be_and_no_other_is_taken(drivers):
    drivers.update({(MIC.name, "rtmixer"), (MIC.name, "blocking")})
    with pytest.raises(DeviceError, match=r"Scarlett.*Device unavailable; is another program holding it\?"):
        open_input("scarlett")


def test_without_a_name_a_server_stands_in_for_a_device_in_use(drivers):
    drivers.update({(MIC.name, "rtmixer"), (MIC.name, "blocking")})
    assert open_input(None).name == JACK.label
    drivers.update({(JACK.name, "rtmixer"), (JACK.name, "blocking")})
    with pytest.raises(DeviceError, match=r"Scarlett.*; then .*system"):
        open_input(None)


def test_blocks_come_in_order_and_what_was_lost_is_counted(drivers, pulled):
    source = BlockingInput(MIC)
    (stream,) = pulled
    assert source.read().shape == (0, 2)
    stream.let_come(2)
    found = np.zeros((0, 2), dtype=np.float32)

    def three(blocks: int) -> bool:
        nonlocal found
        found = np.concatenate([found, source.read()])
        return len(found) == blocks * BLOCK

    wait_for(lambda: three(2), "two blocks")
    assert found[0, 0] == 1.0
    assert found[-1, 1] == 2.0
    assert source.counters() == {"overflows": 0}
    stream.let_come(1, overflow=True)
    wait_for(lambda: three(3), "a third")
    assert source.counters() == {"overflows": 1}


def test_who_does_not_listen_loses_the_oldest_and_not_the_memory(drivers, pulled, monkeypatch):
    source = BlockingInput(MIC)
    pulled[0].let_come(blocking_input._KEPT + 10)
    wait_for(lambda: source.counters()["overflows"] == 10, "the loss counted")
    blocks = source.read()
    assert len(blocks) == blocking_input._KEPT * BLOCK
    assert blocks[0, 0] == 11.0


def test_a_device_that_is_pulled_out_is_lost_and_can_be_closed(drivers, pulled):
    source = BlockingInput(MIC)
    assert source.state is InputState.RUNNING
    pulled[0].pull_out()
    wait_for(lambda: source.state is InputState.LOST, "the loss")
    assert source.read().shape == (0, 2)
    source.close()
    assert pulled[0].closed
    assert source.state is InputState.CLOSED


class Ring:
    """A pa_ringbuffer with what a test puts in."""

    def __init__(self, channels: int) -> None:
        self.waiting = np.zeros((0, channels), dtype=np.float32)

    @property
    def read_available(self) -> int:
        return len(self.waiting)

    def readinto(self, out: np.ndarray) -> None:
        out[:], self.waiting = self.waiting[: len(out)], self.waiting[len(out) :]


class Recorder:
    """An rtmixer.Recorder that is told whether it runs."""

    def __init__(self, **given) -> None:
        self.samplerate, self.latency, self.active = given["samplerate"], 0.002, True
        self.actions: list[object] = []

    def start(self) -> None:
        pass

    def record_ringbuffer(self, ring: Ring) -> object:
        self.actions = [object()]
        return self.actions[0]

    def close(self, ignore_errors: bool) -> None:
        self.active = False


@pytest.fixture
def recorded(monkeypatch):
    """An input by rtmixer over fakes, its recorder and ring, and a clock."""
    made: dict[str, object] = {}
    clock = SimpleNamespace(now=100.0)

    def recorder(**given) -> Recorder:
        made["recorder"] = Recorder(**given)
        return made["recorder"]

    def ring(size: int, count: int) -> Ring:
        made["ring"] = Ring(size // 4)
        return made["ring"]

    monkeypatch.setitem(sys.modules, "rtmixer", SimpleNamespace(Recorder=recorder, RingBuffer=ring))
    monkeypatch.setattr(rtmixer_input, "sounddevice", lambda: SimpleNamespace(PortAudioError=PortAudioError))
    monkeypatch.setattr(rtmixer_input, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return RtmixerInput(MIC), made["recorder"], made["ring"], clock


def test_a_full_ring_is_counted_and_recording_begins_again(recorded):
    source, recorder, ring, _ = recorded
    ring.waiting = np.ones((5, 2), dtype=np.float32)
    recorder.actions = []  # rtmixer drops its action when the ring is full
    assert len(source.read()) == 5
    assert source.counters() == {"overflows": 0}
    assert len(source.read()) == 0
    assert source.counters() == {"overflows": 1}
    assert recorder.actions
    source.read()
    assert source.counters() == {"overflows": 1}


def test_a_stream_that_ended_or_gives_nothing_is_lost(recorded):
    source, recorder, ring, clock = recorded
    assert source.state is InputState.RUNNING
    clock.now += SILENT_S + 0.1
    assert source.state is InputState.LOST
    ring.waiting = np.ones((5, 2), dtype=np.float32)
    source.read()
    assert source.state is InputState.RUNNING
    recorder.active = False
    assert source.state is InputState.LOST
    source.close()
    assert source.state is InputState.CLOSED
