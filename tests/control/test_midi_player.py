"""One port, played: notes and ids, pedals, banks, RPN, MPE, endless controls, and that nothing hangs."""

from __future__ import annotations

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.control.midi_decode import decode
from ghostnote.control.midi_files import parse
from ghostnote.control.midi_library import compiled
from ghostnote.control.midi_map import MidiMap
from ghostnote.control.midi_player import Player
from ghostnote.control.midi_takeover import Takeover
from ghostnote.state.registry import DEFAULTS, TARGETS, check
from ghostnote.state.table import Parameter

BEND = "/gn/part1/expr/bend"


class Port:
    """A player, the values it sees, and mido on the other side of the cable."""

    def __init__(self, *controls: dict, **more) -> None:
        document = {"schema": "ghostnote-midi-map", "version": 1, "device": {"match": "*"}}
        found = compiled(parse({**document, "controls": list(controls), **more}, "test"))
        self.values = dict(DEFAULTS)
        self.takeover = Takeover()
        self.player = Player("port", 3, found if controls else MidiMap(), self.values, self.takeover)

    def send(self, kind: str, channel: int = 1, **fields: int):
        """Actions of one message; what they set is in effect at once."""
        actions = self.player.play(decode(mido.Message(kind, channel=channel - 1, **fields).bytes()), 0.0)
        for addr, args in actions or ():
            if isinstance(TARGETS[addr].row, Parameter):
                self.values[addr] = args[0]
        return actions

    def cc(self, control: int, value: int, channel: int = 1):
        return self.send("control_change", channel, control=control, value=value)

    def rpn(self, number: int, value: int, channel: int = 1, fine: int | None = None):
        self.cc(101, number >> 7, channel)
        self.cc(100, number & 127, channel)
        told = self.cc(6, value, channel)
        return told if fine is None else self.cc(38, fine, channel)


@pytest.fixture
def port() -> Port:
    return Port()


def note_id(actions) -> int:
    return actions[0][1][2]


def test_a_note_and_its_release_have_the_same_id_which_is_its_own(port):
    ids = [note_id(port.send("note_on", c, note=n, velocity=9)) for c in (1, 2) for n in (60, 61)]
    assert len(set(ids)) == 4
    assert port.send("note_off", 2, note=61) == [("/gn/part2/off", (61, ids[3]))]
    assert port.send("note_on", 1, note=60, velocity=0) == [("/gn/part1/off", (60, ids[0]))]


def test_the_drum_pads_hit_parts_and_the_second_row_chooses_the_slot_of_the_part_hit_last(port):
    assert port.send("note_on", 10, note=38, velocity=127) == [("/gn/part3/hit", (1.0,))]
    assert port.send("note_on", 10, note=45, velocity=5) == [("/gn/part3/program", (1,))]
    assert port.send("note_off", 10, note=38) == []
    port.send("note_on", 6, note=60, velocity=5)
    assert port.send("note_on", 10, note=51, velocity=5) == [("/gn/part6/program", (7,))]


def test_the_bend_range_follows_rpn_0_finely_and_by_steps(port):
    assert port.rpn(0, 7, 3) == [("/gn/part3/bend_range", (7.0,))]
    assert port.rpn(0, 7, 3, fine=50) == [("/gn/part3/bend_range", (7.5,))]
    assert port.cc(96, 0, 3) == [("/gn/part3/bend_range", (8.5,))]
    port.cc(101, 127, 3)
    port.cc(100, 127, 3)
    assert port.cc(96, 0, 3) == []


def test_fourteen_bits_when_low_bits_arrive(port):
    port.cc(20, 0)
    ((addr, coarse),) = port.cc(20, 127)
    assert (addr, coarse) == ("/gn/part1/axis/d1", (4.0,))
    port.cc(20, 100)
    port.cc(52, 1)
    assert port.cc(20, 101) == []
    ((_, (one,)),) = port.cc(52, 1)
    ((_, (two,)),) = port.cc(52, 2)
    assert 0 < two - one < 8 / 10_000


def test_panic_forgets_what_is_held(port):
    port.send("note_on", 1, note=60, velocity=9)
    assert port.cc(120, 0) == [("/gn/panic", ())]
    assert port.player.release_all() == []


def test_losing_the_port_lets_go_of_notes(port):
    first = note_id(port.send("note_on", 1, note=60, velocity=9))
    second = note_id(port.send("note_on", 2, note=60, velocity=9))
    port.send("note_on", 2, note=64, velocity=9)
    port.send("note_off", 2, note=64)
    assert port.player.release_all() == [("/gn/part1/off", (60, first)), ("/gn/part2/off", (60, second))]
    assert port.player.release_all() == []


def test_a_bank_change_arms_the_takeover_again(port):
    port.cc(10, 64)
    assert port.cc(10, 80)
    port.cc(0, 1)
    port.values["/gn/part1/pan"] = -1.0
    assert port.cc(10, 90) == []


@pytest.mark.parametrize("kind", ["program", "reset"])
def test_what_sets_values_by_midi_arms_the_takeover_and_a_note_does_not(port, kind):
    port.cc(10, 64)
    assert port.cc(10, 80)
    port.send("note_on", 1, note=60, velocity=9)
    port.values["/gn/part1/pan"] = -1.0
    assert port.cc(10, 90)
    if kind == "program":
        port.send("program_change", 1, program=2)
    else:
        port.cc(121, 0)
    port.values["/gn/part1/pan"] = -1.0
    assert port.cc(10, 95) == []


def test_program_change_on_the_global_channel_counts_banks(port):
    assert port.send("program_change", 4, program=3) == [("/gn/part4/program", (3,))]
    assert port.send("program_change", 16, program=0) == [("/gn/scene/index", (1,))]
    port.cc(0, 1, 16)
    port.cc(32, 2, 16)
    assert port.send("program_change", 16, program=5) == [("/gn/scene/index", ((128 + 2) * 128 + 6,))]


def test_the_pedal_is_a_switch_and_comes_up_when_the_port_is_lost_or_reset(port):
    assert [port.cc(64, v, 2) for v in (63, 64, 127)] == [
        [("/gn/part2/pedal", (value,))] for value in (0, 1, 1)
    ]
    assert port.cc(121, 0, 2) == [("/gn/part2/reset", ()), ("/gn/part2/pedal", (0,))]
    port.cc(64, 127, 2)
    assert port.player.release_all() == [("/gn/part2/pedal", (0,))]


def test_pressure_reaches_the_notes_that_are_held(port):
    ids = [note_id(port.send("note_on", 1, note=n, velocity=9)) for n in (60, 64)]
    assert port.send("aftertouch", 1, value=127) == [("/gn/part1/expr/press", (i, 1.0)) for i in ids]
    assert port.send("polytouch", 1, note=64, value=0) == [("/gn/part1/expr/press", (ids[1], 0.0))]
    assert port.send("polytouch", 1, note=65, value=9) == []


class TestMpe:
    """A lower zone of 15 members unless it says otherwise."""

    @pytest.fixture
    def mpe(self, port) -> Port:
        assert port.rpn(6, 15) == []
        return port

    def test_without_an_announcement_channels_are_parts(self, port):
        assert port.send("note_on", 2, note=60, velocity=9)[0][0] == "/gn/part2/note"

    def test_members_play_the_zones_part_and_bend_their_own_note(self, mpe):
        one = note_id(mpe.send("note_on", 2, note=60, velocity=9))
        two = note_id(mpe.send("note_on", 9, note=60, velocity=9))
        assert one != two
        assert mpe.send("pitchwheel", 2, pitch=8191) == [(BEND, (one, 48.0))]
        assert mpe.send("pitchwheel", 9, pitch=-8192) == [(BEND, (two, -48.0))]
        assert mpe.send("aftertouch", 9, value=127) == [("/gn/part1/expr/press", (two, 1.0))]
        assert mpe.cc(74, 64, 2) == [("/gn/part1/expr/timbre", (one, 0.5))]
        assert mpe.send("pitchwheel", 1, pitch=8191) == [("/gn/part1/bend", (1.0,))], "the master bends all"

    def test_a_note_begins_with_what_its_channel_was_told(self, mpe):
        mpe.send("pitchwheel", 3, pitch=4096)
        mpe.cc(74, 0, 3)
        note, *told = mpe.send("note_on", 3, note=60, velocity=9)
        assert note[0] == "/gn/part1/note"
        bend, timbre = told
        assert bend == (BEND, (note[1][2], pytest.approx(24.0, abs=0.01)))
        assert timbre == ("/gn/part1/expr/timbre", (note[1][2], 0.0))

    def test_a_released_note_is_bent_until_the_next_one(self, mpe):
        one = note_id(mpe.send("note_on", 3, note=60, velocity=9))
        assert mpe.send("note_off", 3, note=60) == [("/gn/part1/off", (60, one))]
        assert mpe.send("pitchwheel", 3, pitch=0) == [(BEND, (one, 0.0))]
        two = note_id(mpe.send("note_on", 3, note=64, velocity=9))
        assert mpe.send("pitchwheel", 3, pitch=0) == [(BEND, (two, 0.0))]

    def test_rpn_0_on_a_member_sets_the_bend_of_all_members(self, mpe):
        mpe.rpn(0, 12, 5)
        one = note_id(mpe.send("note_on", 2, note=60, velocity=9))
        assert mpe.send("pitchwheel", 2, pitch=8191) == [(BEND, (one, 12.0))]

    def test_switching_the_zone_off_releases_its_notes(self, mpe):
        one = note_id(mpe.send("note_on", 2, note=60, velocity=9))
        master = note_id(mpe.send("note_on", 1, note=60, velocity=9))
        assert mpe.rpn(6, 0) == [("/gn/part1/off", (60, one))]
        assert mpe.send("note_on", 2, note=60, velocity=9)[0][0] == "/gn/part2/note"
        assert mpe.send("note_off", 1, note=60) == [("/gn/part1/off", (60, master))]

    def test_a_second_zone_plays_the_last_part_and_takes_channels_from_the_first(self, mpe):
        low = note_id(mpe.send("note_on", 14, note=60, velocity=9))
        assert mpe.rpn(6, 5, 16) == [("/gn/part1/off", (60, low))]
        assert mpe.send("note_on", 14, note=60, velocity=9)[0][0] == "/gn/part8/note"
        assert mpe.send("note_on", 10, note=60, velocity=9)[0][0] == "/gn/part1/note"
        assert mpe.send("pitchwheel", 16, pitch=-8192) == [("/gn/part8/bend", (-1.0,))]

    def test_the_masters_pressure_is_that_of_all_its_notes(self, mpe):
        ids = {note_id(mpe.send("note_on", c, note=60, velocity=9)) for c in (2, 3)}
        assert {args for _, args in mpe.send("aftertouch", 1, value=127)} == {(i, 1.0) for i in ids}


def control(kind: str, number: int, to: str, **more):
    source = {"kind": kind, "channel": 1, "number": number, **more.pop("source", {})}
    return {"in": source, "to": to, **more}


def test_endless_controls_move_by_steps_from_where_the_value_is():
    port = Port(control("cc", 30, "/gn/part1/pan", mode="relative-bin-offset", step=0.25))
    port.values["/gn/part1/pan"] = -1.0
    assert port.cc(30, 65) == [("/gn/part1/pan", (-0.5,))]
    assert port.cc(30, 62) == [("/gn/part1/pan", (-1.0,))]
    port.takeover.changed("/gn/part1/pan", "osc:x", 0.0)
    port.values["/gn/part1/pan"] = 0.0
    assert port.cc(30, 65) == [("/gn/part1/pan", (0.5,))]


def test_endless_controls_choose_words_one_by_one():
    port = Port(control("cc", 30, "/gn/synth/mode", mode="relative-twos-complement"))
    assert [port.cc(30, v)[0][1][0] for v in (1, 1, 127)] == ["low_latency", "low_latency", "quality"]


def test_buttons_toggle_or_hold():
    port = Port(
        control("cc", 48, "/gn/part1/mute", mode="toggle"),
        control("note", 40, "/gn/part2/mute"),
        control("note", 41, "/gn/part3/mute", mode="toggle"),
    )
    presses = [port.cc(48, v) for v in (127, 0, 127, 0)]
    assert presses == [[("/gn/part1/mute", (1,))], [], [("/gn/part1/mute", (0,))], []]
    assert port.send("note_on", 1, note=40, velocity=3) == [("/gn/part2/mute", (1,))]
    assert port.send("note_off", 1, note=40) == [("/gn/part2/mute", (0,))]
    assert port.send("note_on", 1, note=41, velocity=3) == [("/gn/part3/mute", (1,))]
    assert port.send("note_off", 1, note=41) == []


def test_pads_and_buttons_trigger_commands_with_their_own_arguments():
    port = Port(
        control("cc", 20, "/gn/part2/program", args=[5]),
        control("cc", 21, "/gn/part2/hit"),
        control("note", 40, "/gn/part3/note", args=[72]),
    )
    assert [port.cc(20, 127), port.cc(20, 0)] == [[("/gn/part2/program", (5,))], []]
    assert [port.cc(21, 127), port.cc(21, 0)] == [[("/gn/part2/hit", (1.0,))], []]
    ((addr, (pitch, velocity, note)),) = port.send("note_on", 1, note=40, velocity=127)
    assert (addr, pitch, velocity) == ("/gn/part3/note", 72, 1.0)
    assert port.send("note_off", 1, note=40) == [("/gn/part3/off", (72, note))]


def test_a_file_wins_over_the_default_map_and_leaves_the_rest_of_it():
    rows = [
        control("cc", 7, "/gn/master/gain", takeover="jump"),
        control("cc", 6, "/gn/part1/pan", takeover="jump"),
    ]
    port = Port(*rows)
    assert port.cc(7, 127)[0][0] == "/gn/master/gain"
    assert port.cc(6, 127) == [("/gn/part1/pan", (1.0,))]
    assert port.cc(7, 0, 2) == []
    assert port.send("note_on", 1, note=60, velocity=1)[0][0] == "/gn/part1/note"
    alone = Port(*rows, defaults=False)
    assert alone.send("note_on", 1, note=60, velocity=1) is None


def test_nrpn_and_pitch_bend_as_controls():
    port = Port(
        control("nrpn", 300, "/gn/part1/pan", takeover="jump", source={"bits": 14}),
        {"in": {"kind": "pitch_bend", "channel": 5}, "to": "/gn/master/gain", "takeover": "jump"},
    )
    port.cc(99, 300 >> 7)
    port.cc(98, 300 & 127)
    port.cc(6, 127)
    assert port.cc(38, 127) == [("/gn/part1/pan", (1.0,))]
    assert port.send("pitchwheel", 5, pitch=8191) == [("/gn/master/gain", (6.0,))]
    assert port.send("pitchwheel", 5, pitch=-8192) == [("/gn/master/gain", (-60.0,))]


MESSAGES = st.one_of(
    st.lists(st.integers(0, 255), max_size=5),
    st.tuples(st.integers(0x80, 0xEF), st.integers(0, 127), st.integers(0, 127)).map(list),
    st.tuples(st.integers(0xB0, 0xBF), st.sampled_from([0, 6, 32, 38, 64, *range(96, 102), 120, 121, 123]),
              st.sampled_from([0, 1, 6, 15, 127])).map(list),
    st.tuples(st.sampled_from([0x90, 0x91, 0x99, 0x80]), st.integers(58, 64), st.integers(0, 127)).map(list),
)  # fmt: skip


@given(st.lists(MESSAGES, max_size=150))
def test_after_any_stream_and_the_loss_of_its_port_nothing_hangs(stream):
    """Property: every note that began is released, in its part and under its id; nothing raises."""
    player = Player("port", 0, MidiMap(), DEFAULTS, Takeover())
    sounding: set[tuple[int, int, int]] = set()
    for n, data in enumerate(stream):
        message = decode(data)
        actions = player.play(message, n / 100) if message is not None else []
        note(sounding, [*(actions or ()), *player.due(n / 100)])
    note(sounding, player.release_all())
    assert not sounding


def note(sounding, actions) -> None:
    for addr, args in actions:
        target = TARGETS[addr]
        fitted, _ = check(target, args)
        if target.name == "note":
            sounding.add((target.part, fitted[0], fitted[2]))
        elif target.name == "off":
            sounding -= {s for s in sounding if s[:2] == (target.part, fitted[0]) and fitted[1] in (-1, s[2])}
        elif target.name in ("panic", "hush") and target.part is None:
            sounding.clear()
