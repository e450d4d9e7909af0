"""How well and how fast sound comes back from its magnitudes: spectral convergence, and time for a hop."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ghostnote.errors import UsageError
from ghostnote.features import audio_file, stft
from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.frames import FrameReader
from ghostnote.synth.phase import MODES, Mode, PhaseBank

Float32 = NDArray[np.float32]
Row = dict[str, str | int | float | None]

DRUMS = 28
LOOP_S = 4.0
_WARM_UP = 20
_TOGETHER = 14


@dataclass(frozen=True)
class Clip:
    """A sound of the corpus; `kind` is `drums` or `long`."""

    name: str
    kind: str
    samples: Float32


def corpus(folder: Path, spec: FeatureSpec) -> list[Clip]:
    """The fixed corpus of the data in `folder`: every n-th of its drums by name, 28 in all, and all loops.

    Drums are as long as a model's sounds, loops cut to 4 s. Raises UsageError when there is nothing.
    """
    drums = sorted((folder / "drums").rglob("*.flac"))
    drums = drums[:: max(1, len(drums) // DRUMS)][:DRUMS]
    loops = sorted((folder / "long").glob("*.flac"))
    if not drums and not loops:
        raise UsageError(
            f"{folder} holds no drums/*/*.flac and no long/*.flac: name a folder with sound data"
        )
    long = replace(spec, frames=round(LOOP_S * spec.sample_rate / spec.hop))
    return [
        Clip(path.stem, kind, audio_file.load(path, geometry))
        for kind, paths, geometry in (("drums", drums, spec), ("long", loops, long))
        for path in paths
    ]


def convergence(
    folder: Path, spec: FeatureSpec | None = None, griffin_lim: Sequence[int] = (10, 32, 100)
) -> list[Row]:
    """Spectral convergence of both modes on true magnitudes, librosa's `griffinlim` beside them.

    `griffin_lim`: iteration counts, each without momentum and with librosa's own 0.99; none leaves librosa
    out. A row has `method`, `lookahead_ms` (None: the whole sound), the mean over all clips, drums and
    long loops in dB (higher is better), and the worst clip. The row `low_latency, model frames` has every
    second frame interpolated, as when a model is played, and is measured on the model's frames.
    """
    spec = spec or FeatureSpec()
    clips = corpus(folder, spec)
    rows = []
    for mode in MODES:
        bank = PhaseBank(spec, mode, _TOGETHER)
        lookahead_ms = 1000.0 * bank.lookahead * bank.hop / spec.sample_rate
        fine = replace(spec, hop=bank.hop)
        rows.append(_row(mode, lookahead_ms, clips, streamed_db(clips, fine, bank)))
        if fine != spec:
            name = f"{mode}, model frames"
            rows.append(_row(name, lookahead_ms, clips, streamed_db(clips, spec, bank)))
    for count in griffin_lim:
        for momentum in (0.0, 0.99):
            name = f"librosa.griffinlim, {count} iterations, momentum {momentum}"
            values = [_offline(clip, spec, count, momentum) for clip in clips]
            rows.append(_row(name, None, clips, values))
    return rows


def speed(voices: Sequence[int] = (1, 4, 8, 16, 32), hops: int = 200) -> list[Row]:
    """Time that one hop takes for so many voices, all due at once, and for starting them.

    Times of the clock are medians and p95; `cpu` are means of what this thread itself used, which other
    programs disturb less. `real_time_factor` is the clock's median, `cpu_factor` the processor time, over the
    duration of a hop. The control is a fixed piece of work (64 real transforms of 1024 samples) between the
    hops: in a row where it is slower than elsewhere, so was the machine.
    """
    return [_speed(mode, count, hops) for mode in MODES for count in voices]


def _speed(mode: Mode, voices: int, hops: int) -> Row:
    spec, rng = FeatureSpec(), np.random.default_rng(0)
    bank, rows = PhaseBank(spec, mode, voices), np.arange(voices)
    noise: Float32 = rng.rayleigh(0.01, (voices, spec.frames, spec.bins)).astype(np.float32)
    control = rng.standard_normal((64, spec.n_fft), dtype=np.float32)
    start, step, fixed = _Stopwatch(), _Stopwatch(), _Stopwatch()
    for _ in range(_WARM_UP):
        start.time(partial(bank.start, rows, noise[:, : bank.start_frames]))
    for j in range(hops):
        first = j % (spec.frames - bank.lookahead - 1)
        step.time(partial(bank.step, rows, noise[:, first : first + 1 + bank.lookahead]))
        fixed.time(partial(fft.rfft, control, axis=-1))
    hop_ms = 1000.0 * bank.hop / spec.sample_rate
    return {
        "mode": mode,
        "voices": voices,
        "hop_ms": hop_ms,
        "step_p50_ms": step.quantile(0.5),
        "step_p95_ms": step.quantile(0.95),
        "step_cpu_ms": step.cpu_ms,
        "start_p50_ms": start.quantile(0.5),
        "start_cpu_ms": start.cpu_ms,
        "real_time_factor": step.quantile(0.5) / hop_ms,
        "cpu_factor": step.cpu_ms / hop_ms,
        "control_p50_ms": fixed.quantile(0.5),
        "control_p95_ms": fixed.quantile(0.95),
        "control_cpu_ms": fixed.cpu_ms,
    }


class _Stopwatch:
    def __init__(self) -> None:
        self._clock: list[float] = []
        self._cpu = 0.0

    def time(self, work: Callable[[], object]) -> None:
        cpu, clock = time.thread_time(), time.perf_counter()
        work()
        self._clock.append(time.perf_counter() - clock)
        self._cpu += time.thread_time() - cpu

    def quantile(self, share: float) -> float:
        return 1000.0 * float(np.quantile(self._clock, share))

    @property
    def cpu_ms(self) -> float:
        return 1000.0 * self._cpu / len(self._clock)


def spectral_convergence_db(wanted: Float32, samples: Float32, spec: FeatureSpec) -> float:
    """−20·log10(‖S − |STFT(y)|‖ / ‖S‖) of samples y against magnitudes S (F, B); higher is better."""
    got = stft.magnitudes(samples, spec, len(wanted))
    error = float(np.linalg.norm(wanted - got)) / float(np.linalg.norm(wanted))
    return -20.0 * float(np.log10(max(error, 1e-10)))


def stream(sounds: Sequence[Float32], hop: int, bank: PhaseBank, count: int) -> Float32:
    """Play n sounds at once on the first rows of a phase bank.

    `sounds`: n arrays (F, B), frames `hop` samples apart; where the bank's hop is shorter it gets their
    interpolation, as in playing. Returns `count` hops of the bank, shape (n, count * bank.hop).
    """
    rows, step, reader = np.arange(len(sounds)), bank.hop / hop, FrameReader(bank.bins)
    out = np.empty((len(sounds), count, bank.hop), dtype=np.float32)
    for j in range(count):
        frames = 1 + bank.lookahead if j else bank.start_frames
        targets = reader.read(sounds, [bank.first_frame(j) * step] * len(sounds), frames, step)
        out[:, j] = (bank.step if j else bank.start)(rows, targets)
    return out.reshape(len(sounds), -1)


def streamed_db(clips: Sequence[Clip], spec: FeatureSpec, bank: PhaseBank) -> list[float]:
    """Spectral convergence in dB of clips that went through a bank; magnitudes are taken at `spec.hop`."""
    wanted = [stft.magnitudes(clip.samples, spec, _frames(clip, spec)) for clip in clips]
    values = []
    for first in range(0, len(clips), _TOGETHER):
        part = wanted[first : first + _TOGETHER]
        count = (max(len(w) for w in part) * spec.hop + spec.n_fft) // bank.hop
        played = stream(part, spec.hop, bank, count)
        values += [spectral_convergence_db(w, y, spec) for w, y in zip(part, played, strict=True)]
    return values


def _offline(clip: Clip, spec: FeatureSpec, iterations: int, momentum: float) -> float:
    import librosa

    wanted = stft.magnitudes(clip.samples, spec, _frames(clip, spec))
    renamed = "rng" in inspect.signature(librosa.griffinlim).parameters  # since librosa 1.0
    seed: dict[str, Any] = {"rng" if renamed else "random_state": 0}
    samples = librosa.griffinlim(
        wanted.T / stft.magnitude_scale(spec.n_fft),
        n_iter=iterations,
        hop_length=spec.hop,
        momentum=momentum,
        **seed,
    )
    return spectral_convergence_db(wanted, samples, spec)


def _frames(clip: Clip, spec: FeatureSpec) -> int:
    """Frames that see the clip, its last samples included."""
    return -(-len(clip.samples) // spec.hop) + spec.n_fft // (2 * spec.hop)


def _row(method: str, lookahead_ms: float | None, clips: list[Clip], values: list[float]) -> Row:
    row: Row = {"method": method, "lookahead_ms": lookahead_ms, "clips": len(clips)}
    row["mean_db"] = float(np.mean(values))
    for kind in ("drums", "long"):
        chosen = [v for v, clip in zip(values, clips, strict=True) if clip.kind == kind]
        row[f"{kind}_db"] = float(np.mean(chosen)) if chosen else None
    row["worst_db"] = min(values)
    row["worst_clip"] = clips[int(np.argmin(values))].name
    return row
