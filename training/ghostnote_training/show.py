"""What is seen of a training: a live display where there is a terminal for it, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import picture

if TYPE_CHECKING:
    from ghostnote_training.train import Moment

PLAIN_EVERY_S = 15.0
FRAME_S = 0.5
LEAST_COLUMNS, LEAST_LINES = 60, 14
TRAINING, HELD_OUT = "grey62", "bold orange1"


def clock(seconds: float) -> str:
    """A length of time as people say it: 0:42, 12:05, 3:04:10."""
    whole = int(max(seconds, 0.0) + 0.5)
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def unicode(encoding: str | None) -> bool:
    """Whether all characters can be written in an encoding."""
    return encoding is None or encoding.lower().replace("-", "").startswith(("utf", "cp65001"))


def errors_line(moment: Moment) -> str:
    """Both errors as they are now, and what else tells of the run."""
    parts = [f"error {moment.losses['l1_db']:.2f} dB in training"]
    if moment.history:
        best = min(moment.history, key=lambda point: point[2])
        parts.append(f"{moment.history[-1][2]:.2f} held out (best {best[2]:.2f} at step {best[0]})")
    parts.append(f"loss {moment.losses['loss']:.2f}")
    return ", ".join(parts)


def pace_line(moment: Moment) -> str:
    """Step, pace and time left."""
    kind = "finishing" if moment.cooling else "left"
    return (
        f"step {moment.step}, {moment.sounds_per_s:.0f} sounds/s, {clock(moment.elapsed_s)} trained, "
        f"{clock(moment.left_s)} {kind}"
    )


class PlainShow:
    """Lines, for files, pipes and terminals that can do no more: some for each stage, never many."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._stage, self._last, self._seen = "", 0.0, 0
        self._more = "…" if unicode(out.encoding) else "..."

    def say(self, text: str) -> None:
        """A line that stays. Nobody has to be there to read it."""
        with suppress(OSError):
            self._out.write(text + "\n")
            self._out.flush()

    def stage(self, text: str) -> None:
        """What is done from now on."""
        self._stage, self._last = text, time.monotonic()
        self.say(f"{text} {self._more}")

    def advance(self, done: float, total: float, note: str = "") -> None:
        """How far the stage is."""
        now = time.monotonic()
        if now - self._last >= PLAIN_EVERY_S or (done >= total and note):
            self._last = now
            self.say(f"{self._stage}: {100.0 * done / max(total, 1e-9):.0f} %{', ' + note if note else ''}")

    def moment(self, moment: Moment) -> None:
        """The training of the model as it is."""
        now, measured = time.monotonic(), len(moment.history)
        if measured > self._seen or now - self._last >= PLAIN_EVERY_S:
            self._last, self._seen = now, measured
            self.say(f"{100.0 * moment.done:3.0f} %  {pace_line(moment)}; {errors_line(moment)}")

    def close(self) -> None:
        """Nothing more comes."""


class LiveShow:
    """The bottom of a terminal, drawn anew a few times a second; lines that stay scroll away above it."""

    def __init__(self, console: Console, title: str = "") -> None:
        self._console, self._spec = console, FeatureSpec()
        self._live = Live(console=console, auto_refresh=False, transient=True)
        with suppress(OSError):
            self._live.start()
        self._stage, self._done, self._note = title, -1.0, ""
        self._began = self._drawn = time.monotonic()
        self._moment: Moment | None = None
        self._pictured: Moment | None = None

    def say(self, text: str) -> None:
        """A line that stays."""
        with suppress(OSError):
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def stage(self, text: str) -> None:
        """What is done from now on."""
        self._stage, self._done, self._note = text, -1.0, ""
        self._moment = None
        self._began = time.monotonic()
        self._draw(always=True)

    def advance(self, done: float, total: float, note: str = "") -> None:
        """How far the stage is."""
        self._done, self._note = done / max(total, 1e-9), note
        self._draw()

    def moment(self, moment: Moment) -> None:
        """The training of the model as it is."""
        self._moment, self._done = moment, moment.done
        if moment.original is not None:
            self._pictured = moment
        self._draw(always=moment.original is not None)

    def close(self) -> None:
        """Give the terminal back."""
        with suppress(OSError):
            self._live.stop()

    def _draw(self, always: bool = False) -> None:
        now = time.monotonic()
        if always or now - self._drawn >= FRAME_S:
            self._drawn = now
            columns, lines = self._console.size
            with suppress(OSError):  # a terminal that was closed is no reason to stop learning
                self._live.update(self.frame(columns, lines), refresh=True)

    def frame(self, columns: int, lines: int) -> Group:
        """What is shown on a terminal of this size."""
        parts: list[Text | Table] = [self._bar(columns)]
        moment = self._moment
        if moment is not None:
            parts.append(_line(pace_line(moment), columns))
            parts.append(_line(errors_line(moment), columns))
            room = lines - len(parts) - 3
            if self._pictured is not None and columns >= LEAST_COLUMNS and lines >= LEAST_LINES:
                height = max(min(room - 6, 14), 5)
                parts += self._pictures(self._pictured, columns, height)
                room -= height + 1
            if len(moment.history) > 1 and room >= 4:
                parts += self._curves(moment, columns, min(room - 1, 6))
        return Group(*parts)

    def _bar(self, columns: int) -> Table:
        row = Table.grid(padding=(0, 1))
        bar = ProgressBar(
            total=1.0,
            completed=max(self._done, 0.0),
            width=max(min(columns // 3, 40), 8),
            pulse=self._done < 0.0,
        )
        share = f"{100.0 * self._done:3.0f} %" if self._done >= 0.0 else clock(time.monotonic() - self._began)
        row.add_row(
            Text(self._stage, "bold", no_wrap=True), bar, share, Text(self._note, "dim", no_wrap=True)
        )
        return row

    def _pictures(self, moment: Moment, columns: int, height: int) -> list[Text]:
        assert moment.original is not None
        assert moment.regenerated is not None
        width = min((columns - 2) // 2, 64)
        frames = picture.sounding_frames(moment.original, self._spec)
        peak = float(moment.original.max())
        images = [
            picture.half_blocks(picture.spectrogram(one, self._spec, width, 2 * height, frames, peak))
            for one in (moment.original, moment.regenerated)
        ]
        name = set_cell_size(_cut(f"original: {moment.name}", width), width + 2)
        head = Text(name, "dim", no_wrap=True)
        head.append(_cut("regenerated", width))
        joined = [Text.assemble(a, "  ", b, no_wrap=True) for a, b in zip(*images, strict=True)]
        return [head, *joined]

    def _curves(self, moment: Moment, columns: int, height: int) -> list[Text]:
        series = (
            ([point[1] for point in moment.history], TRAINING),
            ([point[2] for point in moment.history], HELD_OUT),
        )
        head = Text("error in dB: ", "dim", no_wrap=True)
        head.append("training", TRAINING).append(", ", "dim").append("held out", HELD_OUT)
        return [head, *picture.curve(series, min(columns, 130), height)]


def _cut(text: str, width: int) -> str:
    """As much of a text as fits; characters of some scripts are two columns wide."""
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + "…"


def _line(text: str, columns: int) -> Text:
    return Text(_cut(text, columns), no_wrap=True)


Show = PlainShow | LiveShow


@contextmanager
def shown(plain: bool = False) -> Iterator[Show]:
    """The display on standard error that suits it; it is put away at the end, whatever happens."""
    console = Console(stderr=True)
    lively = console.is_terminal and not console.is_dumb_terminal and not console.no_color
    lively = lively and unicode(console.encoding)
    show: Show = LiveShow(console) if lively and not plain else PlainShow(sys.stderr)
    try:
        yield show
    finally:
        show.close()
