"""Audio devices by name: what there is, which one is meant, and why there is none."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from ghostnote.errors import DeviceError

Direction = Literal["input", "output"]

JACK_API = "JACK Audio Connection Kit"
_API_ORDER = (
    "Windows WASAPI",
    "Core Audio",
    "ASIO",
    JACK_API,
    "PulseAudio",
    "ALSA",
    "Windows DirectSound",
    "MME",
)
_DOES = {"output": "plays", "input": "can be listened to"}
_NOISE: list[str] = []


@dataclass(frozen=True)
class Device:
    """A device that can play, or one that can be listened to; channels and latency are those of it.

    `index` is PortAudio's and holds only until the list is refreshed.
    """

    name: str
    host_api: str
    channels: int
    rate: int
    latency_s: float
    default: bool
    index: int

    @property
    def label(self) -> str:
        """Name and host API, unique in nearly every list."""
        return f"{self.name}, {self.host_api}"


@dataclass(frozen=True)
class DeviceList:
    """What there is; when `devices` is empty, `reason` says why."""

    devices: tuple[Device, ...]
    host_apis: tuple[str, ...]
    reason: str = ""


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what ALSA, JACK and PortAudio print away from the terminal; `driver_noise` has it."""
    try:
        saved = os.dup(2)
    except OSError:
        yield
        return
    with tempfile.TemporaryFile() as capture:
        os.dup2(capture.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            capture.seek(0)
            _NOISE.extend(capture.read(65536).decode("utf-8", "replace").splitlines())
            del _NOISE[:-200]


def driver_noise() -> list[str]:
    """The last lines that drivers printed while they were started or opened."""
    return list(_NOISE)


def sounddevice() -> ModuleType:
    """Import sounddevice, which starts PortAudio; `DeviceError` says what to install when it is missing."""
    try:
        with quiet_stderr():
            module = importlib.import_module("sounddevice")
    except OSError as error:
        raise DeviceError(f"the PortAudio library cannot be loaded ({error}); {_install_hint()}") from error
    except ImportError as error:
        raise DeviceError(
            f"the Python package sounddevice is missing ({error}): pip install sounddevice"
        ) from error
    if _has_jack(module):
        # Ending PortAudio aborts the process when its JACK server is gone by then; the system cleans up too.
        atexit.unregister(module._exit_handler)
    return module


def list_outputs() -> DeviceList:
    """All devices that can play. Never raises: no PortAudio is an empty list with the reason."""
    return _list("output")


def list_inputs() -> DeviceList:
    """All devices that can be listened to. Never raises, as `list_outputs`."""
    return _list("input")


def _list(direction: Direction) -> DeviceList:
    try:
        module = sounddevice()
    except DeviceError as error:
        return DeviceList((), (), str(error))
    apis: Any = module.query_hostapis()
    default_index = _default_index(module, direction)
    found = [
        Device(
            name=" ".join(entry["name"].split()),
            host_api=apis[entry["hostapi"]]["name"],
            channels=entry[f"max_{direction}_channels"],
            rate=round(entry["default_samplerate"]),
            latency_s=float(entry[f"default_low_{direction}_latency"]),
            default=index == default_index,
            index=index,
        )
        for index, entry in enumerate(module.query_devices())
        if entry[f"max_{direction}_channels"] > 0
    ]
    names = tuple(api["name"] for api in apis)
    lacking = f"PortAudio runs but finds no device that {_DOES[direction]} (host APIs: {', '.join(names)})"
    reason = "" if found else lacking
    return DeviceList(tuple(found), names, reason)


def choose_output(name: str | None, found: DeviceList | None = None) -> Device:
    """The device that `name` means, or the default one.

    A name or label that is equal (in any case) goes before one that contains `name`; the same device under
    several host APIs counts once, under the API that is best for playing live. Raises `DeviceError`
    with the candidates when it is ambiguous, with the whole list when there is none.
    """
    found = found or list_outputs()
    if not found.devices:
        raise DeviceError(f"no audio device: {found.reason}")
    return _choose(name, found, "audio device", ", or 'null'")


def choose_input(name: str | None, found: DeviceList | None = None) -> Device:
    """The input that `name` means, or the default one; as `choose_output`. Raises `DeviceError`."""
    found = found or list_inputs()
    if not found.devices:
        raise DeviceError(f"no audio input: {found.reason}; connect one, or listen to a file with --file")
    return _choose(name, found, "audio input", "")


def _choose(name: str | None, found: DeviceList, what: str, beside: str) -> Device:
    if name is None:
        return min(found.devices, key=lambda device: (not device.default, _preference(device)))
    wanted = name.strip().lower()
    for matches in (
        [device for device in found.devices if wanted in (device.name.lower(), device.label.lower())],
        [device for device in found.devices if wanted in device.label.lower()],
    ):
        if len({device.name for device in matches}) == 1:
            return min(matches, key=_preference)
        if matches:
            raise DeviceError(f"{name!r} could be any of: {_listing(matches)}; give more of the name")
    raise DeviceError(f"no {what} is called {name!r}; there is: {_listing(found.devices)}{beside}")


def refresh() -> bool:
    """Make PortAudio look for devices again, which ends every stream; whether that was possible.

    With a JACK server in the list it is not: PortAudio aborts the process if that server has died.
    """
    module = sounddevice()
    if _has_jack(module):
        return False
    with quiet_stderr():
        module._terminate()
        module._initialize()
    return True


def _has_jack(module: Any) -> bool:
    return any(api["name"] == JACK_API and api["devices"] for api in module.query_hostapis())


def _default_index(module: Any, direction: Direction) -> int:
    """PortAudio's default device, or -1 (a JACK server beside an ALSA without cards has none)."""
    try:
        return int(module.query_devices(kind=direction)["index"])
    except (module.PortAudioError, ValueError):
        return -1


def _preference(device: Device) -> int:
    return _API_ORDER.index(device.host_api) if device.host_api in _API_ORDER else len(_API_ORDER)


def _listing(devices: tuple[Device, ...] | list[Device]) -> str:
    return "; ".join(repr(device.label) for device in devices)


def _install_hint() -> str:
    system = platform.system()
    if system == "Linux":
        return (
            "install it: Debian/Ubuntu 'apt install libportaudio2', Fedora 'dnf install portaudio', "
            "Arch 'pacman -S portaudio'"
        )
    return "reinstall the Python package sounddevice, whose wheel carries it on macOS and Windows"
