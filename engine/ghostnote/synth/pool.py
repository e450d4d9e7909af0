"""All sounding notes: who gets a row, who gives way, which hops fall due, and when a note is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.crossfade import Crossfades
from ghostnote.synth.envelope import CHOKE_S, Envelopes
from ghostnote.synth.mixing import Mixer
from ghostnote.synth.phase import PLANS, Mode, PhaseBank
from ghostnote.synth.pitch import BEFORE, ratio_of
from ghostnote.synth.playhead import Playheads
from ghostnote.synth.queues import SampleQueues
from ghostnote.synth.texture import TextureBank
from ghostnote.synth.voice import Sound, Voice
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]

HOLD_FADE_S = 0.6
RECOVER_S = 0.02
WITHIN_ATTACK_S = 0.003
"""Least fade-in of a note that begins within its sound, which would break in otherwise."""
NO_SMOOTHING: Mapping[str, float] = MappingProxyType({})
_SPARE_ROWS = 8
_FEW = 3


class VoicePool:
    """Up to `polyphony` notes, a few rows in which stolen ones fade out, and one for each note's twin.

    A voice makes samples at its sound's own pitch, in time that its pitch stretches, and they are played at
    the speed of its pitch. What did not change since the last quantum is not looked at again.

    Thread: render. Realtime-safe: bounded work per quantum, no locks, no files.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        polyphony: int,
        quantum: int,
        telemetry: Telemetry,
        *,
        parts: int = 8,
        smoothing_s: Mapping[str, float] = NO_SMOOTHING,
        textures: TextureBank | None = None,
    ) -> None:
        """Notes of part numbers up to `parts`; see `Playheads` for the time constants and the textures."""
        rows = 2 * polyphony + _SPARE_ROWS
        self._telemetry = telemetry
        self._banks: dict[Mode, PhaseBank] = {mode: PhaseBank(spec, mode, rows) for mode in PLANS}
        self._playheads = Playheads(spec, quantum, parts, smoothing_s, textures)
        self.heads = self._playheads.heads
        self._envelopes = Envelopes(rows, spec.sample_rate, quantum)
        self._queues = SampleQueues(rows, quantum, max(bank.hop for bank in self._banks.values()))
        self._mixer = Mixer(rows, quantum, spec.sample_rate)
        self._crossfades = Crossfades(rows, quantum, spec.sample_rate)
        self._most = polyphony + _SPARE_ROWS
        self._free = list(range(rows - 1, -1, -1))
        self.voices: list[Voice] = []
        self._of_mode: dict[Mode, list[Voice]] = {mode: [] for mode in PLANS}
        self._semitones: list[float] = []
        self._retuned = False
        self._may_be_over = False

    def start(
        self,
        voice_of: Callable[[int], Voice],
        attack_s: float,
        limit: int,
        decay_s: float = 0.0,
        sustain: float = 1.0,
    ) -> Voice:
        """Begin a note; `voice_of(row)` makes it. The oldest note gives way when `limit` are sounding."""
        playing = [v for v in self.voices if not v.ended]
        for old in playing[: max(0, len(playing) + 1 - limit)]:
            self.end(old, CHOKE_S)
            self._telemetry.count("voices_stolen")
        if len(self.voices) - self._crossfades.giving_way >= self._most:
            self._drop(self.voices[0])
        voice = voice_of(self._free.pop())
        head = self.heads[voice.part]
        if head.moving and all(v.part != voice.part for v in playing):
            head.jump()
        voice.within = self._playheads.begin(voice)
        least_s = WITHIN_ATTACK_S if voice.within else 0.0
        self._envelopes.start(voice.row, max(attack_s, least_s), decay_s, sustain)
        self._mixer.start(voice.row, voice.part, voice.velocity, voice.balance)
        self.voices.append(voice)
        self._of_mode[voice.mode].append(voice)
        self._retuned = False
        return voice

    def end(self, voice: Voice, time_s: float) -> None:
        """Fade a note out; its row is free when it is silent."""
        voice.ended = True
        for row in (voice.row, *self._crossfades.giving_way_to(voice.row)):
            self._envelopes.fall(row, time_s)

    def sustain(self, part: int, level: float, decay_s: float) -> None:
        """Give the sounding notes of a part another level to stay at."""
        for voice in self.voices:
            if voice.part == part:
                self._envelopes.sustain(voice.row, level, decay_s)

    def scrub(self, part: int, share: float) -> None:
        """Put the playheads of a part's sounding notes at `share` of their sounds."""
        for voice in self.voices:
            if voice.part == part and voice.hops > 0:
                self._playheads.scrub(voice, share)

    def bend(self, voice: Voice, semitones: float) -> None:
        """Bend one note, beside its part's pitch."""
        voice.semitones += semitones - voice.bend
        voice.bend = semitones
        if self._queues.laid(voice.row):
            pitch = self._semitones[voice.part]
            self._queues.turn(voice.row, ratio_of(voice.semitones + pitch))

    def press(self, voice: Voice, gain: float) -> None:
        """Make one note louder or softer than it was struck."""
        self._mixer.press(voice.row, voice.velocity * gain)

    def measure(self) -> None:
        """From now on keep the peaks of the parts. Thread: any."""
        self._mixer.measure()

    def peaks(self) -> Float32:
        """Largest magnitude of each part number since the last call. Thread: any, but always the same."""
        return self._mixer.peaks()

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

    def crossfade(self, voice: Voice, sound: Sound, seconds: float, wait_s: float = 0.0) -> Voice:
        """Let a twin at the same playhead play `sound` and take over from `voice` within `seconds`.

        It begins with what was made of the old sound already, so that it may `wait_s` until it is heard.

        The twin is the note from then on, and is returned. Where nothing was heard yet, or no row is free for
        a twin, the note gets its new magnitudes as by `replace` and stays what it is.
        """
        if voice.ended:
            return voice
        if voice.hops == 0 or self._crossfades.giving_way >= self._most - _SPARE_ROWS:
            self.replace(voice, sound)
            return voice
        twin = replace(voice, row=self._free.pop())
        for rows in (self._envelopes, self._queues, self._banks[voice.mode], self._mixer):
            rows.copy(voice.row, twin.row)
        self.voices.insert(self.voices.index(voice), twin)
        self._of_mode[twin.mode].append(twin)
        self._crossfades.begin(voice.row, twin.row, seconds, wait_s)
        voice.ended = True
        self.replace(twin, sound)
        return twin

    def _revise(self, voice: Voice) -> None:
        bank = self._banks[voice.mode]
        if not bank.revisable:
            return
        ratio = self._queues.ratio(voice.row)
        past = bank.revisable
        targets = self._playheads.targets([voice], [ratio], bank.frame_step, past, first=-past)
        bank.revise(np.array([voice.row]), targets)

    def render(self, levels: Float32, semitones: Float32, out: Float32) -> None:
        """Mix one quantum into `out`, shape (quantum, 2).

        `levels`: shape (2, parts + 1), left and right gain of each part number at the end of this quantum;
        `semitones`: shape (parts + 1,), pitch of each part number.
        """
        self._playheads.step()
        if not self.voices:
            out.fill(0.0)
            return
        self._tune(semitones)
        if not self._queues.suffice():
            for mode, sounding in self._of_mode.items():
                self._fill(sounding, self._banks[mode])
        before, after = self._envelopes.advance()
        block = self._queues.read()
        before, after, gone = self._crossfades.advance(block, before, after)
        self._mixer.mix(block, levels, before, after, out)
        self._queues.advance()
        if gone:
            for voice in [v for v in self.voices if v.row in gone]:
                self._drop(voice)
        if self._may_be_over or before is not after:
            self._may_be_over = False
            self._retire()

    def _tune(self, semitones: Float32) -> None:
        asked = semitones.tolist()
        if not self._retuned or asked != self._semitones:
            before = self._semitones or asked
            for voice in self.voices:
                pitch = asked[voice.part]
                if not self._queues.laid(voice.row):
                    self._queues.lay(voice.row, voice.delay, ratio_of(voice.semitones + pitch))
                elif pitch != before[voice.part]:
                    self._queues.turn(voice.row, ratio_of(voice.semitones + pitch))
            self._semitones, self._retuned = asked, True
        self._queues.follow()

    def _fill(self, sounding: list[Voice], bank: PhaseBank) -> None:
        """Make hops until no queue is short."""
        is_short = self._queues.is_short
        while due := [v for v in sounding if is_short(v.row)]:
            if len(sounding) > _FEW:
                # One large batch costs far less than several small ones, so many voices step together.
                due = [v for v in sounding if is_short(v.row, BEFORE + bank.hop)]
            going = [v for v in due if v.hops > 0]
            self._begin([v for v in due if v.hops == 0], bank)
            if going:
                self._step(going, bank)

    def prepare(self, sound: Sound, mode: Mode) -> Iterator[None]:
        """Compute ahead, in slices, how an unpitched note of `sound` begins; what it sounds like stays."""
        bank = self._banks[mode]
        targets = self._playheads.opening(sound, bank.start_frames, bank.frame_step)
        for opening in bank.open(targets):
            if opening is not None:
                sound.openings[mode] = opening
            yield

    def _opened(self, voice: Voice) -> bool:
        as_decoded = self._queues.ratio(voice.row) == 1.0 and self._playheads.is_plain(voice)
        return as_decoded and not voice.within and voice.mode in voice.sound.openings

    def _begin(self, group: list[Voice], bank: PhaseBank) -> None:
        for voice in filter(self._opened, group):
            rows, opening = np.array([voice.row], dtype=np.intp), voice.sound.openings[bank.mode]
            bank.begin(rows, opening)
            self._keep([voice], opening.samples.copy(), bank)
        if rest := [voice for voice in group if voice.hops == 0]:
            self._step(rest, bank)

    def _step(self, group: list[Voice], bank: PhaseBank) -> None:
        starting = group[0].hops == 0
        rows = np.array([v.row for v in group], dtype=np.intp)
        targets = self._playheads.targets(
            group,
            [self._queues.ratio(v.row) for v in group],
            bank.frame_step,
            bank.start_frames if starting else bank.lookahead + 1,
        )
        if starting:
            within = [i for i, voice in enumerate(group) if voice.within]
            targets[within] *= bank.onset_share
        samples = bank.start(rows, targets) if starting else bank.step(rows, targets)
        self._keep(group, samples, bank)

    def _keep(self, group: list[Voice], samples: Float32, bank: PhaseBank) -> None:
        if not np.isfinite(samples).all():
            self._end_bad(group, samples)
        for voice, hop in zip(group, samples, strict=True):
            self._queues.push(voice.row, hop)
            if voice.hops == 0 or not voice.held:
                frames = bank.frame_step if voice.hops else bank.first_frame(1) * bank.frame_step
                self._playheads.advance(voice, frames, self._queues.ratio(voice.row))
            voice.hops += 1
        self._may_be_over = True

    def _end_bad(self, group: list[Voice], samples: Float32) -> None:
        for voice, hop in zip(group, samples, strict=True):
            if not np.isfinite(hop).all():
                hop[:] = 0.0
                self._telemetry.trouble(
                    "voice_not_finite", f"part {voice.part}: a note went wrong and was ended"
                )
                self.end(voice, CHOKE_S)

    def _retire(self) -> None:
        for voice in list(self.voices):
            if (self._playheads.is_past(voice) and not voice.held) or self._envelopes.silent(voice.row):
                self._drop(voice)

    def _drop(self, voice: Voice) -> None:
        voice.ended = True
        self.voices.remove(voice)
        self._of_mode[voice.mode].remove(voice)
        for rows in (self._envelopes, self._queues, self._mixer, self._crossfades):
            rows.drop(voice.row)
        self._free.append(voice.row)
