"""Outputs for feedback: opened for devices whose map wants it, watched, and opened again when they return."""

from __future__ import annotations

from collections.abc import Mapping as ValuesByAddress
from dataclasses import dataclass
from itertools import chain

from ghostnote.control.midi_decode import MidiMessage
from ghostnote.control.midi_feedback import FeedbackSide
from ghostnote.control.midi_map import Bound, MidiMap
from ghostnote.control.midi_names import display_name, fits
from ghostnote.control.midi_system import MidiSystem, OutputPort
from ghostnote.errors import DeviceError
from ghostnote.state.table import Value
from ghostnote.telemetry import Telemetry


@dataclass(frozen=True)
class Wanted:
    """An input whose device is to be told of changes. `match` None: a virtual output of our own."""

    name: str
    match: str | None
    midi_map: MidiMap


@dataclass(slots=True)
class _Out:
    name: str | None
    client: OutputPort
    side: FeedbackSide
    midi_map: MidiMap


class MidiOutputs:
    """Feedback to all devices. Clients are dear (a JACK client maps about 100 MB of the server's memory).

    So there is one only where a map wants feedback; the one that is not yet connected is also the one that is
    asked for names. Thread: one at a time.
    """

    def __init__(self, system: MidiSystem, telemetry: Telemetry) -> None:
        self._system = system
        self._telemetry = telemetry
        self._open: dict[str, _Out] = {}
        self._spare: OutputPort | None = None
        self._told: set[str] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outputs that are open now."""
        return tuple(display_name(out.name or "virtual") for out in list(self._open.values()))

    def follow(self, wanted: dict[str, Wanted]) -> None:
        """Open and close outputs for these inputs, by the inputs' names."""
        for key in [k for k, out in self._open.items() if k not in wanted]:
            self._close(key)
        if not wanted:
            self._drop_spare()
            return
        present = self._names()
        for key, out in list(self._open.items()):
            if out.name is not None and out.name not in present:
                self._telemetry.trouble(
                    "midi_output_lost", f"MIDI output {display_name(out.name)} went away; waiting for it"
                )
                self._close(key)
            elif out.midi_map is not wanted[key].midi_map:
                out.midi_map = wanted[key].midi_map
                out.side = FeedbackSide(out.midi_map, out.client.send)
        for key, want in wanted.items():
            if key not in self._open:
                self._connect(key, want, present)
        if len(self._open) == len(wanted):
            self._drop_spare()

    def turn(self, values: ValuesByAddress[str, Value], now: float) -> None:
        """Tell the devices what changed."""
        for key, out in list(self._open.items()):
            try:
                sent = out.side.turn(values, now)
            except DeviceError as error:
                self._telemetry.trouble("midi_output_lost", f"{error}; waiting for it")
                self._close(key)
                continue
            if sent:
                self._telemetry.count("midi_feedback", sent)

    def moved(self, key: str, bound: Bound, message: MidiMessage, now: float) -> None:
        """A control of an input was moved by hand."""
        out = self._open.get(key)
        if out is not None:
            out.side.moved(bound, message, now)

    def refresh(self) -> None:
        """Tell every device everything again."""
        for out in list(self._open.values()):
            out.side.refresh()

    def close(self) -> None:
        """Close everything."""
        for key in list(self._open):
            self._close(key)
        self._drop_spare()

    def _names(self) -> list[str]:
        """Outputs that are there now; asks a client that is there anyhow."""
        for client in chain([self._spare], (out.client for out in self._open.values())):
            if client is not None:
                return client.names()
        self._spare = self._make()
        return self._spare.names() if self._spare is not None else []

    def _connect(self, key: str, want: Wanted, present: list[str]) -> None:
        name = None
        if want.match is not None:
            used = {out.name for out in self._open.values()}
            free = [n for n in present if n not in used and fits(n, want.match)]
            shown = display_name(want.name)
            name = next((n for n in free if display_name(n) == shown), free[0] if free else None)
            if name is None:
                if key not in self._told:
                    self._told.add(key)
                    self._telemetry.trouble(
                        "midi_no_output", f"no MIDI output fits {want.match!r} for feedback; waiting for it"
                    )
                return
        client = self._spare or self._make()
        self._spare = None
        if client is None:
            return
        try:
            client.open(name)
        except DeviceError as error:
            self._telemetry.trouble("midi_output_failed", str(error))
            client.close()
            return
        self._told.discard(key)
        self._open[key] = _Out(name, client, FeedbackSide(want.midi_map, client.send), want.midi_map)

    def _make(self) -> OutputPort | None:
        try:
            return self._system.output()
        except DeviceError as error:
            self._telemetry.trouble("midi_output_failed", str(error))
            return None

    def _close(self, key: str) -> None:
        self._open.pop(key).client.close()

    def _drop_spare(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.close()
