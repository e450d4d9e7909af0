"""Takeover: no control makes its parameter jump, every control gets hold of it in the end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ghostnote.control.midi_takeover import NEAR, Takeover
from ghostnote.control.midi_values import RELATIVE, Scale, knob_position, knob_value
from ghostnote.state.registry import TARGETS

PAN = "/gn/part1/pan"
SCALE = Scale(TARGETS[PAN].row)
POSITIONS = st.floats(0.0, 1.0)


def turn(takeover: Takeover, mode: str, present: float, *positions: float, control=("a", 1)):
    value, told = SCALE.value(present), []
    for position in positions:
        found = takeover.absolute(control, PAN, position, value, SCALE, mode)
        told.append(found)
        value = SCALE.value(found) if found is not None else value
    return told


def test_a_jump_is_a_jump():
    assert turn(Takeover(), "jump", 0.9, 0.1, 0.2) == [0.1, 0.2]


def test_pickup_waits_until_the_control_passes_the_value_from_either_side():
    assert turn(Takeover(), "pickup", 0.5, 0.1, 0.3, 0.6, 0.2) == [None, None, 0.6, 0.2]
    assert turn(Takeover(), "pickup", 0.5, 0.9, 0.4, 0.3) == [None, 0.4, 0.3]
    assert turn(Takeover(), "pickup", 0.5, 0.5 + NEAR / 2) == [0.5 + NEAR / 2]


def test_a_recall_arms_it_again():
    takeover = Takeover()
    assert turn(takeover, "pickup", 0.5, 0.5, 0.7) == [0.5, 0.7]
    takeover.rearm()
    assert turn(takeover, "pickup", 0.2, 0.8, 0.6, 0.1) == [None, None, 0.1]


def test_what_another_hand_set_must_be_picked_up():
    takeover = Takeover()
    turn(takeover, "pickup", 0.5, 0.5, 0.7)
    takeover.changed(PAN, "osc:127.0.0.1:5000", SCALE.value(0.2))
    assert turn(takeover, "pickup", 0.2, 0.75) == [None]


def test_a_glide_to_where_the_control_stands_keeps_it_and_a_recall_elsewhere_does_not():
    takeover = Takeover()
    turn(takeover, "pickup", 0.5, 0.5, 0.9)
    for present in (0.5, 0.6, 0.7, 0.8):
        takeover.changed(PAN, "", SCALE.value(present))
        assert takeover.has(("a", 1), PAN)
    for present in (0.7, 0.6, 0.5):
        takeover.changed(PAN, "", SCALE.value(present))
    assert not takeover.has(("a", 1), PAN)


def test_of_two_controls_the_one_that_moved_last_has_it():
    takeover = Takeover()
    turn(takeover, "jump", 0.5, 0.5, 0.9)
    assert turn(takeover, "pickup", 0.9, 0.1, 0.2, control=("b", 1)) == [None, None]
    assert turn(takeover, "pickup", 0.9, 0.95, control=("b", 1)) == [0.95]
    assert not takeover.has(("a", 1), PAN)


def test_what_is_on_its_way_counts_before_the_value_that_is_told():
    takeover = Takeover()
    turn(takeover, "jump", 0.0, 0.8)
    assert takeover.absolute(("b", 1), PAN, 0.1, SCALE.value(0.0), SCALE, "pickup") is None
    assert takeover.relative(("b", 2), PAN, 0.1, SCALE.value(0.0), SCALE) == 0.9


def test_a_port_that_went_away_is_forgotten():
    takeover = Takeover()
    turn(takeover, "pickup", 0.5, 0.5, 0.9)
    takeover.forget("a")
    assert turn(takeover, "pickup", 0.5, 0.4) == [None], "no longer known where it stood"


@given(POSITIONS, st.lists(POSITIONS, max_size=40))
def test_pickup_never_jumps_past_the_travel_of_the_hand(present, positions):
    """Property: what is set lies between where the control was and where it is, or very near."""
    takeover, before, value = Takeover(), None, present
    for position in positions:
        found = takeover.absolute("c", PAN, position, SCALE.value(value), SCALE, "pickup")
        if found is not None:
            reach = abs(position - before) if before is not None else 0.0
            assert abs(found - value) <= reach + NEAR
            value = found
        before = position


@given(POSITIONS, st.lists(POSITIONS, min_size=1, max_size=40))
def test_scale_moves_with_the_hand_and_reaches_both_ends(present, positions):
    """Property: the value moves the way the hand does, and is at the end when the hand is."""
    takeover, before, value = Takeover(), None, present
    for position in [*positions, 0.5, 1.0, 0.5, 0.0]:
        found = takeover.absolute("c", PAN, position, SCALE.value(value), SCALE, "scale")
        if found is not None and before is not None and abs(found - position) > NEAR:
            assert (found - value) * (position - before) >= -1e-9
        value = value if found is None else found
        before = position
    assert value == 0.0


@given(POSITIONS, st.lists(st.floats(-1.0, 1.0), max_size=40))
def test_an_endless_control_never_jumps_and_stays_in_range(present, changes):
    takeover, value = Takeover(), present
    for change in changes:
        found = takeover.relative("c", PAN, change, SCALE.value(value), SCALE)
        assert 0.0 <= found <= 1.0
        assert abs(found - value) <= abs(change) + 1e-9
        value = found


def test_the_four_encodings_agree_on_steps_and_signs():
    def steps(mode, *values):
        return [RELATIVE[mode](v) for v in values]

    assert steps("relative-twos-complement", 1, 63, 127, 65) == [1, 63, -1, -63]
    assert steps("relative-signed-bit", 1, 63, 65, 127) == [1, 63, -1, -63]
    assert steps("relative-signed-bit-2", 65, 127, 1, 63) == [1, 63, -1, -63]
    assert steps("relative-bin-offset", 65, 127, 63, 1) == [1, 63, -1, -63]
    assert all(abs(decode(v)) <= 64 for decode in RELATIVE.values() for v in range(128))


def test_positions_and_values_agree_both_ways_in_seven_and_fourteen_bits():
    for bits in (7, 14):
        top = (1 << bits) - 1
        assert (knob_position(0, bits), knob_position(top, bits)) == (0.0, 1.0)
        assert knob_position(1 << bits - 1, bits) == 0.5
        assert all(knob_value(knob_position(v, bits), bits) == v for v in range(top + 1))


@given(POSITIONS)
def test_a_scale_of_ones_own_is_inverted_and_may_run_backwards(position):
    row = TARGETS[PAN].row
    for scale in (SCALE, Scale(row, 0.5, -0.5), Scale(row, curve="cube"), Scale(row, -1.0, 0.25, "square")):
        assert abs(scale.position(scale.value(position)) - position) < 1e-6
    assert Scale(row, 0.5, -0.5).value(0.0) == 0.5
