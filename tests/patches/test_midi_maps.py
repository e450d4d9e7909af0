"""The maps in `patches/midi`: sound, for the ports they are meant for, and in the form that a save writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ghostnote.control.midi_files import read
from ghostnote.control.midi_library import MapLibrary, compiled
from ghostnote.control.midi_player import Player
from ghostnote.control.midi_takeover import Takeover
from ghostnote.state.registry import DEFAULTS

FOLDER = Path(__file__).resolve().parents[2] / "patches" / "midi"
PORTS = {
    "korg-nanokontrol2": "nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0",
    "akai-mpd218": "MPD218:MPD218 MIDI 1 24:0",
    "novation-launch-control-xl": "Launch Control XL:Launch Control XL MIDI 1 28:0",
    "arturia-beatstep": "Arturia BeatStep:Arturia BeatStep MIDI 1 32:0",
}


def test_every_map_is_listed_and_named():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(PORTS)
    told = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}.json`" in told for name in PORTS)


@pytest.mark.parametrize("name", PORTS)
def test_a_map_is_sound_and_goes_with_its_controller_alone(name):
    path = FOLDER / f"{name}.json"
    compiled(read(path))
    library = MapLibrary([path])
    assert [other for other, port in PORTS.items() if library.of_port(port) is not None] == [name]
    text = path.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", PORTS)
def test_every_control_of_a_map_does_something(name):
    from ghostnote.control.midi_decode import MidiMessage

    found = read(FOLDER / f"{name}.json")
    for row in found.rows:
        player = Player("port", 0, compiled(found), dict(DEFAULTS), Takeover())
        channel = row.channels[0]
        done = [player.play(MidiMessage(row.kind, channel, row.number, value), 0.0) for value in (0, 127, 1)]
        assert any(actions and f"/gn/{row.path}" == actions[0][0] for actions in done)
