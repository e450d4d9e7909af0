"""All sounding notes: who gets a row, who gives way, which hops fall due, and the mix of one quantum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.envelope import CHOKE_S, Envelopes
from ghostnote.synth.frames import FrameReader
from ghostnote.synth.phase import PLANS, PhaseBank
from ghostnote.synth.voice import Sound, Voice
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]

HOLD_FADE_S = 0.6
RECOVER_S = 0.02
_SPARE_ROWS = 8
_FEW = 3


class VoicePool:
    """Up to `polyphony` notes plus a few rows in which stolen ones fade out.

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
        self._fifo = np.zeros(
            (rows, 2 * max(b.hop for b in self._banks.values()) + quantum), dtype=np.float32
        )
        self._filled = np.zeros(rows, dtype=np.intp)
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
        self._filled[voice.row] = voice.delay
        self._fifo[voice.row, : voice.delay] = 0.0
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
        """Give a sounding note new magnitudes: they hold from the next hop that is not yet committed."""
        voice.sound = sound
        if voice.held and not voice.ended:
            voice.held = False
            self._envelopes.rise(voice.row, RECOVER_S)

    def render(self, levels: Float32, semitones: Float32, out: Float32) -> None:
        """Mix one quantum into `out`, shape (quantum, 2).

        `levels`: shape (2, parts + 1), left and right gain of each part number at the end of this quantum;
        `semitones`: shape (parts + 1,), pitch of each part number.
        """
        out[:] = 0.0
        if not self.voices:
            return
        for mode, bank in self._banks.items():
            self._advance(mode, bank, semitones)
        rows = np.array([v.row for v in self.voices], dtype=np.intp)
        block = self._fifo[rows, : self._quantum]
        self._mix(rows, block, levels, out)
        self._consume(rows)
        self._retire()

    def _advance(self, mode: str, bank: PhaseBank, semitones: Float32) -> None:
        sounding = [v for v in self.voices if v.mode == mode]
        due = [v for v in sounding if self._filled[v.row] < self._quantum]
        if not due:
            return
        if len(sounding) > _FEW:
            # One large batch costs far less than several small ones, so many voices step together.
            due = [v for v in sounding if self._filled[v.row] < bank.hop]
        for group in ([v for v in due if v.hops == 0], [v for v in due if v.hops > 0]):
            if not group:
                continue
            starting = group[0].hops == 0
            rows = np.array([v.row for v in group], dtype=np.intp)
            targets = self._reader.read(
                [v.sound.magnitudes for v in group],
                [v.frame for v in group],
                bank.start_frames if starting else bank.lookahead + 1,
                bank.frame_step,
                [v.semitones + float(semitones[v.part]) for v in group],
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
            if voice.hops == 0:
                voice.frame = bank.first_frame(1) * bank.frame_step
            elif not voice.held:
                voice.frame += bank.frame_step
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

    def _consume(self, rows: NDArray[np.intp]) -> None:
        self._fifo[rows, : -self._quantum] = self._fifo[rows, self._quantum :]
        self._filled[rows] -= self._quantum

    def _retire(self) -> None:
        for voice in list(self.voices):
            past = voice.frame - self._spec.n_fft / self._spec.hop > voice.sound.audible_frames
            if (past and not voice.held) or self._envelopes.silent(voice.row):
                self._drop(voice)

    def _drop(self, voice: Voice) -> None:
        voice.ended = True
        self.voices.remove(voice)
        self._free.append(voice.row)
