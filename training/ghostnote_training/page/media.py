"""Pictures and sounds as data URIs, small enough to stand inside a page."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
import soundfile
from numpy.typing import NDArray

from ghostnote_training import picture

Float32 = NDArray[np.float32]

LEVELS = 64
SILENCE_DB = -66.0
"""A sound's end that stays so far below its peak is left out."""


def png(image: Float32) -> bytes:
    """A PNG file of values in 0…1, shape (rows, columns), in the colours of `picture` (indexed, deflated)."""
    rows, columns = image.shape
    palette = picture.colours(np.linspace(0.0, 1.0, LEVELS, dtype=np.float32)).tobytes()
    pixels = np.round(np.clip(image, 0.0, 1.0) * (LEVELS - 1)).astype(np.uint8)
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), pixels], axis=1).tobytes()

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"PLTE", palette),
            chunk(b"IDAT", zlib.compress(lines, 9)),
            chunk(b"IEND", b""),
        ]
    )


def trimmed(samples: Float32, rate: int) -> Float32:
    """Without the silence at the end, and with a short fade where it was cut."""
    level = np.abs(samples)
    loud = np.flatnonzero(level > max(float(level.max(initial=0.0)) * 10.0 ** (SILENCE_DB / 20.0), 1e-6))
    last = min(int(loud[-1]) + 1 if len(loud) else 0, len(samples) - 1) + rate // 50
    out = np.array(samples[: max(last, rate // 10)])
    fade = min(rate // 100, len(out))
    out[len(out) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return out


def flac(samples: Float32, rate: int) -> bytes:
    """A 16-bit FLAC file."""
    return _encoded(samples, rate, "FLAC", "PCM_16")


def mp3(samples: Float32, rate: int) -> bytes:
    """An MP3 file, a third or less of what FLAC takes."""
    return _encoded(samples, rate, "MP3", "MPEG_LAYER_III")


def _encoded(samples: Float32, rate: int, form: str, subtype: str) -> bytes:
    out = io.BytesIO()
    peak = float(np.abs(samples).max(initial=0.0))
    soundfile.write(out, samples * min(1.0, 0.98 / max(peak, 1e-9)), rate, format=form, subtype=subtype)
    return out.getvalue()


def uri(kind: str, content: bytes) -> str:
    """Content as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def sounds(waveforms: list[Float32], rate: int, most_bytes: int) -> list[str]:
    """Sounds as data URIs of at most `most_bytes` in all: FLAC where that fits, else MP3, and "" for
    what is too much even so.
    """
    short = [trimmed(one, rate) for one in waveforms]
    found = [uri("audio/flac", flac(one, rate)) for one in short]
    if sum(map(len, found)) > most_bytes and "MP3" in soundfile.available_formats():
        found = [uri("audio/mpeg", mp3(one, rate)) for one in short]
    used = 0
    for k, one in enumerate(found):
        used += len(one)
        if used > most_bytes:
            found[k], used = "", used - len(one)
    return found
