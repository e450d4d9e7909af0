"""All sounding notes: who gets a row, who gives way, which hops fall due, and the mix of one quantum."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.envelope import CHOKE_S, Envelopes
from ghostnote.synth.frames import FrameReader
from ghostnote.synth.phase import PLANS, Mode, PhaseBank
from ghostnote.synth.pitch import AFTER, BEFORE, HIGHEST, SampleReader, ramp, ratio_of
from ghostnote.synth.voice import Sound, Voice
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]

HOLD_FADE_S = 0.6
RECOVER_S = 0.02
_SPARE_ROWS = 8
_FEW = 3


class VoicePool:
    """Up to `polyphony` notes plus a few rows in which stolen ones fade out.

    A voice makes samples at its sound's own pitch, in time that its pitch stretches, and they are played at
    the speed of its pitch. Each row's samples wait in a queue; the next one to be played stands at `_at`,
    with the `BEFORE` ones before it kept for interpolation.

    Thread: render. Realtime-safe: bounded work per quantum, no locks, no files.
    """

    def __init__(self, spec: FeatureSpec, polyphony: int, quantum: int, telemetry: Telemetry) -> None:
        rows = polyphony + _SPARE_ROWS
        self._spec = spec
        self._quantum = quantum
        self._telemetry = telemetry
        self._banks = {mode: PhaseBank(spec, mode, rows) for mode in PLANS}
        self._reader = FrameReader(spec)
        self._envelopes = Envelopes(rows, spec.sample_rate, quantum)
        self._free = list(range(rows - 1, -1, -1))
        longest = max(bank.hop for bank in self._banks.values())
        most = BEFORE + AFTER + int(quantum * ratio_of(HIGHEST))
        self._fifo = np.zeros((rows, most + 2 * longest), dtype=np.float32)
        self._filled = np.zeros(rows, dtype=np.intp)
        self._at = np.zeros(rows, dtype=np.float64)
        self._ratios = np.ones(rows, dtype=np.float64)
        self._samples = SampleReader()
        self._gains = np.zeros((2, rows), dtype=np.float32)
        self._ramp = np.arange(1, quantum + 1, dtype=np.float32) / np.float32(quantum)
        self.voices: list[Voice] = []

    def start(self, voice_of: Callable[[int], Voice], attack_s: float, limit: int) -> Voice:
        """Begin a note; `voice_of(row)` makes it. The oldest note gives way when `limit` are sounding."""
        playing = [v for v in self.voices if not v.ended]
        for old in playing[: max(0, len(playing) + 1 - limit)]:
            self.end(old, CHOKE_S)
            self._telemetry.count("voices_stolen")
        if not self._free:
            self._drop(self.voices[0])
        voice = voice_of(self._free.pop())
        self._filled[voice.row] = 0
        self._gains[:, voice.row] = -1.0
        self._envelopes.start(voice.row, attack_s)
        self.voices.append(voice)
        return voice

    def end(self, voice: Voice, time_s: float) -> None:
        """Fade a note out; its row is free when it is silent."""
        voice.ended = True
        self._envelopes.fall(voice.row, time_s)

    def silence(self) -> None:
        """Forget all notes at once (the caller silences the output)."""
        for voice in list(self.voices):
            self._drop(voice)

    def hold(self, voice: Voice) -> None:
        """Stay on the present frame and fade, because what should come next has not been decoded."""
        if not voice.held and not voice.ended:
            voice.held = True
            self._envelopes.fall(voice.row, HOLD_FADE_S)

    def replace(self, voice: Voice, sound: Sound) -> None:
        """Give a sounding note new magnitudes: they hold from the next hop that can still change."""
        voice.sound = sound
        if voice.hops > 0:
            self._revise(voice)
        if voice.held and not voice.ended:
            voice.held = False
            self._envelopes.rise(voice.row, RECOVER_S)

    def _revise(self, voice: Voice) -> None:
        bank = self._banks[voice.mode]
        if not bank.revisable:
            return
        targets = self._reader.read(
            [voice.sound.magnitudes],
            [voice.frame - bank.revisable * bank.frame_step / self._ratios[voice.row]],
            bank.revisable,
            bank.frame_step,
            [self._ratios[voice.row]],
        )
        bank.revise(np.array([voice.row]), targets)

    def render(self, levels: Float32, semitones: Float32, out: Float32) -> None:
        """Mix one quantum into `out`, shape (quantum, 2).

        `levels`: shape (2, parts + 1), left and right gain of each part number at the end of this quantum;
        `semitones`: shape (parts + 1,), pitch of each part number.
        """
        out[:] = 0.0
        if not self.voices:
            return
        rows = np.array([v.row for v in self.voices], dtype=np.intp)
        before = self._ratios[rows]
        for voice in self.voices:
            self._ratios[voice.row] = ratio_of(voice.semitones + float(semitones[voice.part]))
            if not self._filled[voice.row]:
                self._lay(voice)
        fresh = self._at[rows] < 0.0
        before[fresh] = self._ratios[rows[fresh]]
        start = np.abs(self._at[rows])
        positions = ramp(start, before, self._ratios[rows], self._quantum)
        plain = (start == BEFORE) & (positions[:, -1] == BEFORE + self._quantum)
        reach = np.where(plain, 0, AFTER)
        needed = np.floor(positions[:, -2]).astype(np.intp) + np.maximum(reach, 1)
        for mode, bank in self._banks.items():
            self._advance(mode, bank, dict(zip(rows.tolist(), needed.tolist(), strict=True)))
        block = self._fifo[rows, BEFORE : BEFORE + self._quantum]
        bent = np.flatnonzero(~plain)
        if len(bent):
            block[bent] = self._samples.read(self._fifo[rows[bent]], positions[bent, :-1])
        self._mix(rows, block, levels, out)
        self._consume(rows, positions[:, -1])
        self._retire()

    def _lay(self, voice: Voice) -> None:
        """Begin a row's queue with silence, so that its first sample is played `delay` samples from now."""
        wait = voice.delay * self._ratios[voice.row]
        silence = BEFORE + int(np.ceil(wait))
        self._fifo[voice.row, :silence] = 0.0
        self._filled[voice.row] = silence
        # Negative until the first quantum has been read: there is no earlier ratio to come from.
        self._at[voice.row] = -(silence - wait)

    def _advance(self, mode: str, bank: PhaseBank, needed: dict[int, int]) -> None:
        sounding = [v for v in self.voices if v.mode == mode]
        while due := [v for v in sounding if self._filled[v.row] < needed[v.row]]:
            if len(sounding) > _FEW:
                # One large batch costs far less than several small ones, so many voices step together.
                room = BEFORE + bank.hop
                due = [v for v in sounding if self._filled[v.row] < max(room, needed[v.row])]
            going = [v for v in due if v.hops > 0]
            self._begin([v for v in due if v.hops == 0], bank)
            if going:
                self._step(going, bank)

    def prepare(self, sound: Sound, mode: Mode) -> Iterator[None]:
        """Compute ahead, in slices, how an unpitched note of `sound` begins; what it sounds like stays."""
        bank = self._banks[mode]
        targets = self._reader.read([sound.magnitudes], [0.0], bank.start_frames, bank.frame_step, [1.0])
        for opening in bank.open(targets):
            if opening is not None:
                sound.openings[mode] = opening
            yield

    def _opened(self, voice: Voice) -> bool:
        return voice.mode in voice.sound.openings and self._ratios[voice.row] == 1.0

    def _begin(self, group: list[Voice], bank: PhaseBank) -> None:
        for voice in filter(self._opened, group):
            rows, opening = np.array([voice.row], dtype=np.intp), voice.sound.openings[bank.mode]
            bank.begin(rows, opening)
            self._keep([voice], rows, opening.samples.copy(), bank)
        if rest := [voice for voice in group if voice.hops == 0]:
            self._step(rest, bank)

    def _step(self, group: list[Voice], bank: PhaseBank) -> None:
        starting = group[0].hops == 0
        rows = np.array([v.row for v in group], dtype=np.intp)
        targets = self._reader.read(
            [v.sound.magnitudes for v in group],
            [v.frame for v in group],
            bank.start_frames if starting else bank.lookahead + 1,
            bank.frame_step,
            self._ratios[rows].tolist(),
        )
        samples = bank.start(rows, targets) if starting else bank.step(rows, targets)
        self._keep(group, rows, samples, bank)

    def _keep(self, group: list[Voice], rows: NDArray[np.intp], samples: Float32, bank: PhaseBank) -> None:
        healthy = np.asarray(np.isfinite(samples).all(axis=1))
        for i, voice in enumerate(group):
            if not healthy[i]:
                samples[i] = 0.0
                self._telemetry.trouble(
                    "voice_not_finite", f"part {voice.part}: a note went wrong and was ended"
                )
                self.end(voice, CHOKE_S)
            at = self._filled[voice.row]
            self._fifo[voice.row, at : at + bank.hop] = samples[i]
            pace = bank.frame_step / float(self._ratios[voice.row])
            if voice.hops == 0:
                voice.frame = bank.first_frame(1) * pace
            elif not voice.held:
                voice.frame += pace
            voice.hops += 1
        self._filled[rows] += bank.hop

    def _mix(self, rows: NDArray[np.intp], block: Float32, levels: Float32, out: Float32) -> None:
        before, after = self._envelopes.advance(rows)
        goal = levels[:, [v.part for v in self.voices]]
        goal = goal * np.array([v.velocity for v in self.voices], dtype=np.float32)
        now = np.where(self._gains[:, rows] < 0.0, goal, self._gains[:, rows])
        self._gains[:, rows] = goal
        first, last = now * before, goal * after
        out += (first @ block + ((last - first) @ block) * self._ramp).T

    def _consume(self, rows: NDArray[np.intp], played: NDArray[np.float64]) -> None:
        spent = np.floor(played).astype(np.intp) - BEFORE
        for row, count in zip(rows.tolist(), spent.tolist(), strict=True):
            self._fifo[row, : self._filled[row] - count] = self._fifo[row, count : self._filled[row]]
        self._filled[rows] -= spent
        self._at[rows] = played - spent

    def _retire(self) -> None:
        for voice in list(self.voices):
            reach = self._spec.n_fft / self._spec.hop / float(self._ratios[voice.row])
            past = voice.frame - reach > voice.sound.audible_frames
            if (past and not voice.held) or self._envelopes.silent(voice.row):
                self._drop(voice)

    def _drop(self, voice: Voice) -> None:
        voice.ended = True
        self.voices.remove(voice)
        self._free.append(voice.row)
