"""A terminal of our own with `ghostnote play` in front of it, and pictures of what it shows."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import struct
import sys
import termios
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont
from rich.cells import cell_len
from rich.color import blend_rgb
from rich.color_triplet import ColorTriplet
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME as THEME
from rich.text import Text

WHOLE = "\x1b[?2026l"
"""What the screen writes when all that it shows is as it should be."""

SIZE, CELL = 20, (12, 24)
MARGIN = 12
COLOURS = 128
_PLACE = re.compile(r"\x1b\[(\d+);1H")
_MODES = re.compile(r"\x1b\[\?\d+[hl]")
_CLEAR = "\x1b[2J"
_PATIENCE_S = 60.0


class Terminal:
    """Runs `ghostnote play` as a shell would; `arguments` are more of its own. POSIX only."""

    def __init__(self, folder: Path, env: Mapping[str, str], *arguments: str) -> None:
        pid, self._fd = pty.fork()
        if pid == 0:
            os.chdir(folder)
            command = [sys.executable, "-m", "ghostnote", "play", *arguments]
            os.execve(sys.executable, command, {**os.environ, **env, "TERM": "xterm-256color"})
        self._pid = pid
        self._raw = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def resize(self, columns: int, lines: int) -> None:
        """Another size, from the next frame on."""
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def wait_for(self, text: str) -> None:
        """Until it was written, if it is in one style. Raises TimeoutError."""
        deadline = time.monotonic() + _PATIENCE_S
        while text not in self._raw:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{text!r} is not there; written was: {self._raw[-2000:]}")
            time.sleep(0.05)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._fd, keys.encode())

    def rows(self) -> list[Text]:
        """What can be seen, line by line. It knows just what the screen of `play` writes."""
        seen = self._raw[: self._raw.rindex(WHOLE)].rpartition(_CLEAR)[2]
        pieces = _PLACE.split(seen)[1:]
        rows: dict[int, str] = {}
        for number, line in zip(pieces[::2], pieces[1::2], strict=True):
            rows[int(number)] = _MODES.sub("", line)
        return [Text.from_ansi(rows.get(k, ""), end="") for k in range(1, max(rows) + 1)]

    def close(self) -> int:
        """End it with its own keys; its exit status."""
        self.press("qq")
        _, status = os.waitpid(self._pid, 0)
        self._reader.join(2.0)
        os.close(self._fd)
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> None:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        while True:
            try:
                self._raw += decode(os.read(self._fd, 65536))
            except OSError:  # all that had it open have ended
                return


def draw(rows: list[Text], path: Path) -> None:
    """A picture of lines in a terminal, in the font that matplotlib brings along."""
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    plain = ImageFont.truetype(str(fonts / "DejaVuSansMono.ttf"), SIZE)
    bold = ImageFont.truetype(str(fonts / "DejaVuSansMono-Bold.ttf"), SIZE)
    width, height = CELL
    columns = max(row.cell_len for row in rows)
    size = (2 * MARGIN + columns * width, 2 * MARGIN + len(rows) * height)
    picture = Image.new("RGB", size, tuple(THEME.background_color))
    pen = ImageDraw.Draw(picture)
    console = Console(width=columns, color_system="truecolor")
    for line, row in enumerate(rows):
        x, y = MARGIN, MARGIN + line * height
        for segment in row.render(console):
            style = segment.style or Style()
            ink, paper = _colours(style)
            for char in segment.text:
                wide = width * cell_len(char)
                if paper != THEME.background_color:
                    pen.rectangle((x, y, x + wide - 1, y + height - 1), fill=tuple(paper))
                pen.text((x, y), char, font=bold if style.bold else plain, fill=tuple(ink))
                x += wide
    picture.quantize(COLOURS).save(path, optimize=True)


def _colours(style: Style) -> tuple[ColorTriplet, ColorTriplet]:
    ink, paper = THEME.foreground_color, THEME.background_color
    if style.color is not None:
        ink = style.color.get_truecolor(THEME)
    if style.bgcolor is not None:
        paper = style.bgcolor.get_truecolor(THEME, foreground=False)
    if style.reverse:
        ink, paper = paper, ink
    return (blend_rgb(ink, paper, 0.4) if style.dim else ink), paper
