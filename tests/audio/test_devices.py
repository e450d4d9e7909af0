"""Devices are chosen by name; what is wrong is said with what there is."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from ghostnote.audio.devices import Device, DeviceList, choose_output, driver_noise, quiet_stderr
from ghostnote.errors import DeviceError
from jackserver import server_env


def device(name: str, host_api: str = "ALSA", index: int = 0, default: bool = False) -> Device:
    return Device(name, host_api, 2, 48_000, 0.01, default, index)


HOUSE = DeviceList(
    (
        device("HDA Intel PCH: ALC295 (hw:0,0)", index=0),
        device("Scarlett 2i2 USB: Audio (hw:1,0)", index=3),
        device("default", index=5, default=True),
        device("system", "JACK Audio Connection Kit", index=7),
    ),
    ("ALSA", "JACK Audio Connection Kit"),
)


@pytest.mark.parametrize(
    ("name", "index"),
    [("scarlett", 3), ("SYSTEM", 7), ("hda", 0), ("default, alsa", 5), ("jack", 7), (None, 5)],
)
def test_part_of_a_name_is_enough(name, index):
    assert choose_output(name, HOUSE).index == index


def test_an_equal_name_goes_before_one_that_contains_it():
    found = DeviceList((device("Studio 24c"), device("Studio", index=1)), ("ALSA",))
    assert choose_output("studio", found).index == 1


def test_an_ambiguous_name_lists_the_candidates():
    with pytest.raises(DeviceError, match=r"'hw:' could be any of: 'HDA.*'; 'Scarlett.*'; give more"):
        choose_output("hw:", HOUSE)


def test_a_missing_name_lists_everything():
    with pytest.raises(DeviceError, match=r"called 'apollo'; there is: 'HDA.*'system, JACK.*or 'null'"):
        choose_output("apollo", HOUSE)


def test_one_device_under_several_host_apis_is_no_ambiguity():
    found = DeviceList(
        (
            device("Speakers", "MME"),
            device("Speakers", "Windows WASAPI", 1),
            device("Speakers", "Windows WDM-KS", 2),
        ),
        ("MME", "Windows WASAPI", "Windows WDM-KS"),
    )
    assert choose_output("speakers", found).index == 1
    assert choose_output("speakers, mme", found).index == 0


def test_without_a_default_the_jack_server_is_taken():
    found = DeviceList(
        (device("system", "JACK Audio Connection Kit", 2),), ("ALSA", "JACK Audio Connection Kit")
    )
    assert choose_output(None, found).index == 2


def test_no_device_at_all_says_why():
    with pytest.raises(DeviceError, match="no audio device: PortAudio runs but finds none"):
        choose_output(None, DeviceList((), (), "PortAudio runs but finds none"))


def test_what_drivers_print_is_kept_off_the_terminal(capfd):
    with quiet_stderr():
        os.write(2, b"ALSA lib confmisc.c: no soundcards found\n")
    assert capfd.readouterr().err == ""
    assert "ALSA lib confmisc.c: no soundcards found" in driver_noise()
    os.write(2, b"back\n")
    assert capfd.readouterr().err == "back\n"


def child(code: str) -> subprocess.CompletedProcess[str]:
    """Run `code` without any JACK server in reach."""
    env = server_env("ghostnote-no-such-server")
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=180)


def test_listing_works_whatever_the_machine_has():
    done = child(
        """
        from ghostnote.audio.devices import list_outputs
        found = list_outputs()
        assert bool(found.devices) != bool(found.reason), found
        print("fine")
        """
    )
    assert done.stdout == "fine\n", done.stderr
    assert done.stderr == ""


def test_a_missing_portaudio_is_a_reason_with_advice():
    done = child(
        """
        import sys, types
        class Broken(types.ModuleType):
            pass
        import importlib.abc, importlib.machinery
        class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
            def find_spec(self, name, path, target=None):
                if name == "sounddevice":
                    return importlib.machinery.ModuleSpec(name, self)
            def create_module(self, spec):
                return None
            def exec_module(self, module):
                raise OSError("PortAudio library not found")
        sys.meta_path.insert(0, Finder())
        from ghostnote.audio.devices import list_outputs
        from ghostnote.audio.output import open_output
        from ghostnote.errors import DeviceError
        from ghostnote.telemetry import Telemetry
        found = list_outputs()
        assert found.devices == ()
        assert "PortAudio library cannot be loaded" in found.reason, found.reason
        assert "libportaudio2" in found.reason or sys.platform != "linux"
        try:
            open_output(None, telemetry=Telemetry())
        except DeviceError as error:
            print("refused:", "PortAudio" in str(error))
        """
    )
    assert done.stdout == "refused: True\n", done.stderr


def test_the_audio_package_does_not_start_portaudio_by_being_imported():
    done = child(
        """
        import sys
        import ghostnote.audio.output, ghostnote.audio.devices, ghostnote.audio.rtmixer_output
        import ghostnote.audio.blocking_output, ghostnote.audio.supervisor
        print("sounddevice" in sys.modules, "scipy.signal" in sys.modules)
        """
    )
    assert done.stdout == "False False\n", done.stderr
