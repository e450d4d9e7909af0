"""From sound to messages: a stream of blocks in, answers and numbers for visuals out."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ghostnote.audio.resample import StreamResampler
from ghostnote.ears.listener import Listener
from ghostnote.ears.options import ListenOptions
from ghostnote.ears.sounds import Answer, Began, Question
from ghostnote.ears.thinker import Thinker
from ghostnote.errors import GhostnoteError
from ghostnote.host.show import Show
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]

LOCATED_AFTER_S = 0.1
"""Sounds are placed on the axes when that much of them was heard: less says little."""
_WAITING = 4


@dataclass
class Heard:
    """A sound that is over: its beginning in s since the start and in monotonic time, what it was taken for,
    and `samples` (n,) of it at the model's rate.
    """

    number: int
    at_s: float
    at: float
    answers: list[Answer] = field(default_factory=list)
    samples: Float32 = field(default_factory=lambda: np.zeros(0, dtype=np.float32))


class Hearing:
    """Listens to a stream at `rate` and tells `show`.

    `over`: called with each sound that is over; `answered`: with each question, its answer, and when the
    sound began (monotonic).

    `aside`: coordinates are computed in a thread of their own, so that no answer waits for them. What fails
    is told once and nothing else suffers. Thread: one; not that of the audio.
    """

    def __init__(
        self,
        thinker: Thinker,
        rate: int,
        show: Show,
        telemetry: Telemetry,
        *,
        options: ListenOptions | None = None,
        over: Callable[[Heard], None] = lambda heard: None,
        answered: Callable[[Question, Answer, float], None] = lambda question, answer, at: None,
        aside: bool = True,
    ) -> None:
        """Raises DeviceError for a rate that cannot be converted."""
        spec = thinker.model.spec
        self._thinker, self._show, self._telemetry = thinker, show, telemetry
        self._over, self._answered = over, answered
        self._listener = Listener(spec, options)
        self._resampler = StreamResampler(rate, spec.sample_rate, 1)
        self._rate, self._model_rate = rate, spec.sample_rate
        self._since = 0
        self._heard: dict[int, Heard] = {}
        self._end = 0.0
        self._located: deque[tuple[Question, Float32]] = deque()
        self._to_locate: queue.Queue[Question | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
        if aside:
            self._thread = threading.Thread(target=self._locate_all, name="ghostnote-latent", daemon=True)
            self._thread.start()

    @property
    def hurried(self) -> bool:
        """Whether an early answer about the present sound is still to come."""
        return self._listener.hurried

    def take(self, block: Float32, end: float) -> None:
        """What came in: a block (n, channels) whose last frame is heard at monotonic time `end`."""
        step = self._show.step
        for at in range(0, len(block), step):
            piece = block[at : at + step]
            self._take(piece, end - (len(block) - at - len(piece)) / self._rate)

    def rest(self, now: float) -> None:
        """Nothing comes in at monotonic time `now`: the stream to visuals goes on."""
        self._show.silent()
        self._show_all(now)

    def finish(self) -> None:
        """The stream is over: answer what can still be asked."""
        for question in self._listener.finish():
            self._answer(question)
        self._show_all(self._end)

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._to_locate.put(None)
            self._thread.join(timeout=2.0)

    def _take(self, piece: Float32, end: float) -> None:
        self._end = end
        self._show.take(piece)
        mono = piece if piece.shape[1] == 1 else piece.mean(axis=1, dtype=np.float32)[:, None]
        found = self._listener.process(self._resampler.process(mono)[:, 0])
        for one in found:
            if isinstance(one, Began):
                self._begin(one)
            else:
                self._answer(one)
        self._since += len(piece)
        if found or self._since >= self._show.step:
            self._since %= self._show.step
            self._show_all(end)

    def _time_of(self, sample: int) -> float:
        """Monotonic time at which a sample of the listener is heard."""
        return self._end - (self._listener.heard - sample) / self._model_rate - self._resampler.delay_s

    def _begin(self, began: Began) -> None:
        at_s = max(0.0, began.at / self._model_rate - self._resampler.delay_s)
        at = self._time_of(began.at)
        self._heard[began.number] = Heard(began.number, at_s, at)
        self._show.picture.began(began)
        self._show.say("onset", at, began.number, began.strength)

    def _answer(self, question: Question) -> None:
        heard = self._heard[question.number]
        if question.final:
            del self._heard[question.number]
        try:
            answer = self._thinker.answer(question)
        except GhostnoteError as error:
            self._telemetry.trouble("ears_failed", f"a sound could not be classified: {error}")
            return
        self._answered(question, answer, heard.at)
        heard.answers.append(answer)
        self._show.picture.answered(answer)
        words = answer.number, answer.label, answer.confidence, 1000.0 * answer.age_s
        self._show.say("answer", heard.at, *words, int(answer.final), answer.index)
        if question.age_s >= LOCATED_AFTER_S or question.final:
            self._ask_where(question)
        if question.final:
            heard.samples = question.samples
            self._over(heard)

    def _ask_where(self, question: Question) -> None:
        if self._thread is None:
            self._locate(question)
            return
        try:
            self._to_locate.put_nowait(question)
        except queue.Full:
            self._telemetry.count("ears_unlocated")

    def _locate_all(self) -> None:
        while (question := self._to_locate.get()) is not None:
            self._locate(question)

    def _locate(self, question: Question) -> None:
        try:
            self._located.append((question, self._thinker.locate(question)))
        except GhostnoteError as error:
            self._telemetry.trouble("ears_unlocated", f"a sound has no place in the model: {error}")

    def _show_all(self, heard: float) -> None:
        while self._located:
            question, where = self._located.popleft()
            self._show.picture.located(where)
            self._show.later("latent", question.number, *(float(x) for x in where))
        self._show.send(heard)
