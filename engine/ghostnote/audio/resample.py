"""Sample-rate conversion of a stream by an exact ratio, with a delay of a fraction of a millisecond."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ghostnote.errors import DeviceError

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

STOP_DB = 90.0
"""Design attenuation of the window; what is left after the minimum-phase step is above 80 dB."""
PASS_SHARE = 0.907
"""End of the pass band as a share of the lower Nyquist frequency: 20 kHz at 44.1 kHz."""
MAX_PHASES = 8192
_CHUNK = 64
"""Input frames converted at once: a quantum of the engine."""
_MAX_BAND = 1 << 20
"""Largest number of elements of a band matrix (4 MB)."""


class StreamResampler:
    """Polyphase windowed-sinc converter; a Kaiser design made minimum-phase, for the sake of latency.

    Output frame k lies at input time k·rate_in/rate_out exactly, so nothing drifts; the ratio is kept as a
    fraction of whole numbers. Feeding in pieces gives the same samples, within rounding, as feeding at once.
    Equal rates pass through untouched. Raises `DeviceError` for a pair of rates without a usable ratio.

    One period of the ratio is a band matrix; a piece of input is multiplied by the part of it that begins
    where the last piece ended. Ratios whose matrix would be large gather filters and windows instead.

    Kaiser, J.: "Nonrecursive digital filter design using the I0-sinh window function", ISCAS 1974; minimum
    phase by the real cepstrum: Oppenheim & Schafer, "Discrete-Time Signal Processing".

    Thread: render thread. Realtime-safe: yes, after construction.
    """

    def __init__(self, rate_in: int, rate_out: int, channels: int) -> None:
        if min(rate_in, rate_out) < 1000 or max(rate_in, rate_out) > 1_000_000:
            raise DeviceError(f"cannot convert {rate_in} Hz to {rate_out} Hz: rates are 1 kHz to 1 MHz")
        common = math.gcd(rate_in, rate_out)
        self._up, self._down = rate_out // common, rate_in // common
        if self._up > MAX_PHASES:
            raise DeviceError(
                f"cannot convert {rate_in} Hz to {rate_out} Hz (ratio {self._up}/{self._down}); "
                "set the device to 44100, 48000, 88200, 96000 or 192000 Hz"
            )
        self._channels = channels
        self._fed = 0
        self._given = 0
        self.delay_s = 0.0
        """Delay of low frequencies in seconds, already part of `process`."""
        self._band: Float32 | None = None
        if self._up != self._down:
            self._table = _polyphase(self._up, self._down)
            taps = self._table.shape[1]
            self._line: Float32 = np.zeros((channels, taps - 1 + _CHUNK), dtype=np.float32)
            self._windows = np.lib.stride_tricks.sliding_window_view(self._line, taps, axis=1)
            response = self._table[:, ::-1].T.ravel().astype(np.float64)
            centre = float(np.arange(response.size) @ response) / float(response.sum())
            self.delay_s = centre / (self._up * rate_in)
            if (self._down + taps + _CHUNK) * (self._up + self._ceil_out(_CHUNK) + 1) <= _MAX_BAND:
                self._band = self._banded()

    def needed(self, frames_out: int) -> int:
        """Input frames that `process` must be given next to deliver at least `frames_out` frames."""
        if frames_out <= 0:
            return 0
        last = (self._given + frames_out - 1) * self._down // self._up
        return max(0, last + 1 - self._fed)

    def flush(self) -> None:
        """Forget the sound that is still in the filter; time goes on."""
        if self._up != self._down:
            self._line[:] = 0.0

    @np.errstate(over="ignore", invalid="ignore")  # the safety chain sees to what is not finite
    def process(self, block: Float32) -> Float32:
        """The next output, shape (m, channels) float32, for the next input, shape (n, channels).

        After `n` frames in all, ceil(n · rate_out / rate_in) frames in all have come out.
        """
        if self._up == self._down:
            self._fed += len(block)
            self._given += len(block)
            return block
        if len(block) == _CHUNK:
            return self._process(block.T).T
        parts = [self._process(block[k : k + _CHUNK].T) for k in range(0, len(block), _CHUNK)]
        if not parts:
            return np.zeros((0, self._channels), dtype=np.float32)
        return np.concatenate(parts, axis=1).T

    def _process(self, sound: Float32) -> Float32:
        """Shape (channels, n ≤ `_CHUNK`) in, (channels, m) out."""
        line, n = self._line, sound.shape[1]
        past = self._table.shape[1] - 1
        line[:, past : past + n] = sound
        fed, given = self._fed, self._given
        self._fed = fed + n
        self._given = end = self._ceil_out(self._fed)
        if self._band is None:
            at, phase = np.divmod(np.arange(given, end, dtype=np.int64) * self._down, self._up)
            out: Float32 = np.einsum("cmt,mt->cm", self._windows[:, at - fed], self._table[phase])
        else:
            out = np.matmul(line[:, : past + n], self._band[fed : fed + past + n, given:end])
        line[:, :past] = line[:, n : n + past]
        if self._fed >= self._down:
            self._wrap()
        return out

    def _ceil_out(self, fed: int) -> int:
        return -(-fed * self._up // self._down)

    def _banded(self) -> Float32:
        """Gain from each input frame of a period and before to each output frame, shape (inputs, outputs).

        Input row i is frame i - (taps - 1) of the period; both go on by a chunk beyond its end.
        """
        taps = self._table.shape[1]
        outputs = np.arange(self._up + self._ceil_out(_CHUNK) + 1)
        at, phase = np.divmod(outputs * self._down, self._up)
        band = np.zeros((int(at[-1]) + taps, outputs.size), dtype=np.float32)
        band[at + np.arange(taps)[:, None], outputs] = self._table[phase].T
        return np.ascontiguousarray(band[: self._down + taps - 1 + _CHUNK])

    def _wrap(self) -> None:
        """Keep the counters small over days: a whole number of periods may be forgotten."""
        periods = min(self._fed // self._down, self._given // self._up)
        self._fed -= periods * self._down
        self._given -= periods * self._up


def _polyphase(up: int, down: int) -> Float32:
    """Filter table, shape (up, taps): row p, reversed in time, is the response at phase p."""
    nyquist = min(1.0, up / down)
    """The lower Nyquist frequency in units of the input's."""
    width = 2.0 * (1.0 - PASS_SHARE) * nyquist
    taps = math.ceil((STOP_DB - 7.95) / (2.285 * math.pi * width)) + 1
    length = taps * up
    centre = (length - 1) / 2.0
    times = (np.arange(length) - centre) / up
    beta = 0.1102 * (STOP_DB - 8.7)
    prototype = np.sinc(nyquist * times) * np.kaiser(length, beta)
    short = _minimum_phase(prototype)[:length]
    table = short.reshape(taps, up).T
    table = table / table.sum(axis=1, keepdims=True)
    return np.ascontiguousarray(table[:, ::-1], dtype=np.float32)


def _minimum_phase(response: Float64) -> Float64:
    """The causal response with the same magnitudes and the least delay (real cepstrum)."""
    size = fft.next_fast_len(max(8 * response.size, 1 << 16))
    magnitude = np.abs(fft.rfft(response, size))
    cepstrum = fft.irfft(np.log(np.maximum(magnitude, 1e-7 * magnitude.max())), size)
    fold = np.zeros(size)
    fold[0] = 1.0
    fold[1 : (size + 1) // 2] = 2.0
    if size % 2 == 0:
        fold[size // 2] = 1.0
    return np.asarray(fft.irfft(np.exp(fft.rfft(cepstrum * fold)), size))
