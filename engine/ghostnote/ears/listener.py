"""Sounds in a signal that comes in: when they begin, and what of them can be classified at which time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostnote.ears.ending import Ending
from ghostnote.ears.options import ListenOptions
from ghostnote.ears.sounds import Began, Question
from ghostnote.features.onset_stream import Onset, OnsetStream
from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]

MILESTONES_S = (0.030, 0.060, 0.120)
"""How much of a sound is heard before the answers that come while it goes on."""
SHOWN = (8, 14, 24)
"""Frames that the classifier is shown then, of the sound and its mirror image (see `thinker`)."""
WINDOW_EDGES = (
    *range(13), 14, 16, 18, 21, 24, 28, 32, 37, 43, 49, 57, 65, 75, 87, 102, 120, 143, 170, 200, 240, 285,
)  # fmt: skip
"""First frames of the windows in which classifiers hear: they were taught beginnings that end with a window,
so that nothing of a window is heard that is not heard to its end."""
_KEPT_S = 0.2
"""How long before what is known now a sound may have begun."""


class Listener:
    """Begins, milestones and ends of sounds in a mono signal at the model's rate.

    How the signal is cut into blocks changes nothing. Thread: whoever reads the input; not an audio callback.
    """

    def __init__(self, spec: FeatureSpec, options: ListenOptions | None = None) -> None:
        self.options = options or ListenOptions()
        self._spec = spec
        self._stream = OnsetStream(spec.sample_rate, self.options.onsets())
        self._hop = self._stream.bands.hop
        look = spec.samples + spec.n_fft + round(_KEPT_S * spec.sample_rate)
        self._buffer = np.zeros(2 * look, dtype=np.float32)
        self._look = look
        self._filled = 0
        self._base = 0
        self._number = 0
        self._at: int | None = None
        self._due: list[tuple[int, int]] = []
        """Samples of the present sound after which it is asked about, and frames that are shown then."""
        self._milestones = [
            (round(s * spec.sample_rate), min(shown, spec.frames))
            for s, shown in zip(MILESTONES_S, SHOWN, strict=True)
        ]
        self._whole = (spec.frames - 1) * spec.hop + spec.n_fft // 2
        self._ending = Ending(spec.sample_rate, self.options.threshold_db)

    @property
    def heard(self) -> int:
        """Samples that came in so far."""
        return self._base + self._filled

    def process(self, block: Float32) -> list[Began | Question]:
        """Take a block (n,), any n; what became known or can be asked now, in order of time."""
        found: list[Began | Question] = []
        block = np.nan_to_num(np.asarray(block, dtype=np.float32), posinf=0.0, neginf=0.0)
        at = 0
        while at < len(block):
            take = min(len(block) - at, self._until_next())
            piece = block[at : at + take]
            self._keep(piece)
            at += take
            for onset in self._stream.process(piece):
                found += self._begin(onset)
                piece = piece[:0]
            if self._at is not None:
                found += self._go_on(piece)
        return found

    @property
    def hurried(self) -> bool:
        """Whether an early answer about the present sound is still to come."""
        return self._at is not None and len(self._due) > 1

    def finish(self) -> list[Question]:
        """The signal is over: what was heard of a sound that still goes on."""
        return self._end(self.heard, cut=True)

    def _until_next(self) -> int:
        """Samples up to where something may happen: a hop of the detector, a milestone, or an end."""
        left = self._hop - self.heard % self._hop
        if self._due and self._at is not None:
            left = min(left, self._ending.left)
            due = self._at + self._due[0][0] - self.heard
            if 0 < due < left:
                return due
        return left

    def _keep(self, piece: Float32) -> None:
        if self._filled + len(piece) > len(self._buffer):
            drop = self._filled - self._look
            self._buffer[: self._look] = self._buffer[drop : self._filled]
            self._filled, self._base = self._look, self._base + drop
        self._buffer[self._filled : self._filled + len(piece)] = piece
        self._filled += len(piece)

    def _begin(self, onset: Onset) -> list[Began | Question]:
        at = max(onset.at, self._base)
        found: list[Began | Question] = [*self._end(at, cut=True)]
        self._number += 1
        self._at = at
        self._due = self._milestones.copy()
        while len(self._due) > 1 and at + self._due[1][0] <= self.heard:
            self._due.pop(0)  # it was decided late: a better answer is possible at once
        self._due.append((self._whole, self._spec.frames))
        before = self._samples(at - round(Ending.BEFORE_S * self._spec.sample_rate), at)
        self._ending.begin(before, self._samples(at, self.heard))
        return [*found, Began(self._number, at, onset.decided, onset.strength)]

    def _go_on(self, piece: Float32) -> list[Question]:
        assert self._at is not None
        found: list[Question] = []
        while self._due and self._at + self._due[0][0] <= self.heard:
            length, frames = self._due.pop(0)
            if not self._due:
                return [*found, *self._end(self.heard)]
            found.append(self._ask(self._at + length, frames, final=False))
        if self._ending.over(piece) and len(self._due) == 1:
            found += self._end(self.heard)
        return found

    def _end(self, end: int, *, cut: bool = False) -> list[Question]:
        """The last question about the present sound, of which nothing after sample `end` belongs to it.

        `cut`: it would have gone on.
        """
        if self._at is None:
            return []
        frames = min(self._spec.frames, self._frames_until(end))
        if cut:
            frames = max(edge for edge in (*WINDOW_EDGES, self._spec.frames) if edge <= frames)
        found = [self._ask(self._complete_at(frames), frames, final=True)] if frames > 0 else []
        self._at, self._due = None, []
        return found

    def _ask(self, end: int, frames: int, *, final: bool) -> Question:
        """A question about the present sound up to sample `end`."""
        assert self._at is not None
        end = min(end, self.heard)
        samples = self._samples(self._at, end)
        age_s = (end - self._at) / self._spec.sample_rate
        return Question(self._number, self._at, self.heard, frames, final, samples, age_s)

    def _samples(self, start: int, stop: int) -> Float32:
        """A copy of what came in from sample `start` to `stop`, as far as it is kept."""
        low = max(0, start - self._base)
        return self._buffer[low : max(low, stop - self._base)].copy()

    def _complete_at(self, frames: int) -> int:
        """The sample at which so many frames of the present sound have come in."""
        assert self._at is not None
        return self._at + (frames - 1) * self._spec.hop + self._spec.n_fft // 2

    def _frames_until(self, end: int) -> int:
        """How many frames of the present sound lie before sample `end`."""
        assert self._at is not None
        return max(0, (end - self._at - self._spec.n_fft // 2) // self._spec.hop + 1)
