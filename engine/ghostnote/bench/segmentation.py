"""How well recordings are cut into sounds that are known, beside librosa and SampleVAE's settings."""

from __future__ import annotations

import importlib.util
import json
import os
import time
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench import onset_scenes as scenery
from ghostnote.bench import onsets_live
from ghostnote.bench.engine_cost import Yardstick
from ghostnote.bench.jack_server import UnavailableError
from ghostnote.bench.onset_scenes import RATE, Scene
from ghostnote.bench.onset_score import NOTHING, TOLERANCE_S, Counts, match, score, total
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.result import Section
from ghostnote.bench.stats import Goal, Summary
from ghostnote.features import segmentation

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]
Row = dict[str, object]
Method = Callable[[Float32], Int64]

DATA_VARIABLE = "GHOSTNOTE_DATA"
SCENES = 32
LIVE_SCENES = 12
F1_GOAL = 0.9
FALSE_GOAL = 2.0
MISSED_GOAL = 0.03
NOISE_S = 60.0
CYMBALS = 60
_QUIET_S = 0.5
_HISS_DB = -75.0


def ghostnote_onsets(samples: Float32) -> Int64:
    """The engine's own, with its default options."""
    return segmentation.onsets(samples, RATE)


def librosa_onsets(samples: Float32) -> Int64:
    """librosa's `onset_detect` as it is."""
    import librosa

    return np.asarray(librosa.onset.onset_detect(y=samples, sr=RATE, units="samples"), dtype=np.int64)


def samplevae_onsets(samples: Float32, rate: int = 16_000, hop: int = 256) -> Int64:
    """librosa's with the settings of SampleVAE: 16 kHz, hop 256, backtracking."""
    import librosa
    import soxr

    lower = soxr.resample(samples, RATE, rate, quality="HQ")
    envelope = librosa.onset.onset_strength(y=lower, sr=rate, hop_length=hop)
    frames = librosa.onset.onset_detect(onset_envelope=envelope, sr=rate, hop_length=hop, backtrack=True)
    return np.round(np.asarray(frames) * (hop * RATE / rate)).astype(np.int64)


METHODS: Mapping[str, Method] = {
    "ghostnote": ghostnote_onsets,
    "librosa default": librosa_onsets,
    "SampleVAE's settings": samplevae_onsets,
}


def methods() -> Mapping[str, Method]:
    """What is compared: the engine's own alone where librosa is not installed."""
    there = importlib.util.find_spec("librosa") is not None
    return METHODS if there else {"ghostnote": ghostnote_onsets}


def segmentation_section(options: BenchOptions) -> Section:
    """Onsets of known sounds over ambiences, false ones without, cymbals in one piece, and speed."""
    section = Section(
        "segmentation",
        f"{SCENES} scenes of {scenery.SCENE_S:g} s, sounds at known times; within {1e3 * TOLERANCE_S:g} ms",
    )
    named = os.environ.get(DATA_VARIABLE)
    if not named:
        raise UnavailableError(f"{DATA_VARIABLE} names no folder with sound data")
    folder = Path(named)
    made = scenery.scenes(folder, SCENES, options.seed)
    counted = {
        name: [score(scene, method(scene.samples)) for scene in made] for name, method in methods().items()
    }
    section.tables["constructed"] = [by_kind(name, per_scene) for name, per_scene in counted.items()]
    section.tables["beds"] = [by_bed(name, made, per_scene) for name, per_scene in counted.items()]
    section.tables["false onsets per minute"] = [false_per_minute(n, m, folder) for n, m in methods().items()]
    section.tables["cymbals alone"] = [cymbals_alone(n, m, folder) for n, m in methods().items()]
    section.tables["loops"] = [loops(n, m, folder) for n, m in methods().items()]
    section.figures["start_before_attack_ms"] = Summary.of(starts_before_ms(made))
    section.numbers["sounds_audible"] = float(sum(p.audible for s in made for p in s.placed))
    section.numbers["sounds_placed"] = float(sum(len(s.placed) for s in made))
    times_real, yardstick, cpu = speed(made)
    section.numbers["times_real_time_cpu"] = cpu
    section.figures["times_real_time"] = Summary.of(times_real)
    section.control["yardstick_ms"] = Summary.of(yardstick)
    live = onsets_live.heard(made[:LIVE_SCENES], folder)
    section.tables["live"] = [onsets_live.row(live)]
    section.tables["live, by sensitivity"] = onsets_live.curve(made[:LIVE_SCENES], folder)
    section.figures["live_told_after_ms"] = Summary.of(live.after_ms)
    everything = total({str(k): total(c) for k, c in enumerate(counted["ghostnote"])})
    section.goals.append(Goal("onsets, F1 within 50 ms", everything.f1, F1_GOAL, "", at_least=True))
    ambience = section.tables["false onsets per minute"][0]["ambiences"]
    assert isinstance(ambience, float)
    section.goals.append(Goal("false onsets per minute on ambiences", ambience, FALSE_GOAL, ""))
    missed = 1.0 - live.counts.recall
    section.goals.append(Goal("missed live, share of sounds", missed, MISSED_GOAL, ""))
    noisy = float(np.mean([live.false_per_minute[name] for name in scenery.ambiences(folder)] or [np.nan]))
    section.goals.append(Goal("false live, onsets per minute on ambiences", noisy, FALSE_GOAL, ""))
    return section


def by_kind(name: str, per_scene: list[dict[str, Counts]]) -> Row:
    """A row: precision, recall, F1 of all sounds, F1 of each kind, how far off the hits are."""
    kinds: dict[str, Counts] = {}
    for counts in per_scene:
        for kind, one in counts.items():
            kinds.setdefault(kind, Counts()).add(one)
    everything = total(kinds)
    row: Row = {"method": name, "F1": everything.f1, "precision": everything.precision}
    row["recall"] = everything.recall
    row |= {kind: kinds.get(kind, Counts()).f1 for kind in scenery.KINDS}
    row["false in cymbals"] = kinds.get("cymbals", Counts()).false
    row[f"false in {NOTHING}"] = kinds.get(NOTHING, Counts()).false
    off = np.abs(everything.errors_ms) if everything.errors_ms else np.array([np.nan])
    row["off by, median ms"], row["p95 ms"] = float(np.median(off)), float(np.quantile(off, 0.95))
    return row


def by_bed(name: str, made: list[Scene], per_scene: list[dict[str, Counts]]) -> Row:
    """A row: F1 by what lies under the sounds."""
    beds: dict[str, Counts] = {}
    for scene, counts in zip(made, per_scene, strict=True):
        beds.setdefault(scene.bed, Counts()).add(total(counts))
    return {"method": name, **{bed: beds[bed].f1 for bed in sorted(beds)}}


def false_per_minute(name: str, method: Method, folder: Path) -> Row:
    """A row: onsets per minute where there is none: in ambiences as recorded and in a minute of crossfaded
    pieces of each, in all of these together, and in noise."""
    row: Row = {"method": name}
    rng, length = np.random.default_rng(0), round(NOISE_S * RATE)
    found, seconds = 0, 0.0
    for place, samples in scenery.ambiences(folder).items():
        for what, piece in (("", samples), (", pieces", scenery.stretch(samples, length, rng))):
            count = len(method(piece))
            row[f"{place}{what}"] = 60.0 * count * RATE / len(piece)
            found, seconds = found + count, seconds + len(piece) / RATE
    row["ambiences"] = 60.0 * found / seconds if seconds else float("nan")
    row["pink noise"] = 60.0 * len(method(scenery.pink(length, rng) * np.float32(0.05))) / NOISE_S
    return row


def cymbals_alone(name: str, method: Method, folder: Path) -> Row:
    """A row: into how many pieces a cymbal is cut on average, by class, with quiet around it."""
    row: Row = {"method": name}
    quiet, rng = np.zeros(round(_QUIET_S * RATE), dtype=np.float32), np.random.default_rng(0)
    stock = scenery.sounds(folder, "test")["cymbals"]
    for group, paths in stock.items():
        step = max(1, len(paths) * len(stock) // CYMBALS)
        counts = []
        for path in paths[::step]:
            recording = np.concatenate([quiet, scenery.read(path), quiet])
            hiss = scenery.pink(len(recording), rng) * np.float32(10.0 ** (_HISS_DB / 20.0))
            counts.append(len(method(recording + hiss)))
        row[group] = float(np.mean(counts))
        row[f"{group}, in one piece"] = float(np.mean(np.array(counts) == 1))
    return row


def hand_checked() -> dict[str, list[float]]:
    """Onset times in s of the rhythmic long recordings, checked by eye on waveform and spectrogram."""
    text = resources.files("ghostnote.bench").joinpath("loop_onsets.json").read_text(encoding="utf-8")
    return {name: [float(t) for t in times] for name, times in json.loads(text)["onsets_s"].items()}


def loops(name: str, method: Method, folder: Path) -> Row:
    """A row: F1 on the long recordings whose onsets were checked by hand."""
    row: Row = {"method": name}
    everything = Counts()
    for place, times in hand_checked().items():
        path = folder / "long" / f"{place}.flac"
        if not path.exists():
            continue
        found = method(scenery.read(path))
        pairs = len(match(found, [(round(t * RATE),) * 2 for t in times], round(TOLERANCE_S * RATE)))
        one = Counts(pairs, len(times) - pairs, len(found) - pairs)
        everything.add(one)
        row[place] = one.f1
    row["all"] = everything.f1
    return row


def starts_before_ms(made: list[Scene]) -> list[float]:
    """How long before a sound is heard (−20 dB) its segment starts, in dry scenes; negative: cut into it.

    Only sounds that nothing rings into.
    """
    out = []
    for scene in made:
        if scene.bed != "dry":
            continue
        starts = np.array([s.start for s in segmentation.segments(scene.samples, RATE)])
        for k, placed in enumerate(scene.placed):
            if any(p.start + p.length > placed.start for p in scene.placed[:k]) or not len(starts):
                continue
            nearest = int(starts[np.argmin(np.abs(starts - placed.begins))])
            if abs(nearest - placed.begins) <= TOLERANCE_S * RATE:
                out.append(1000.0 * (placed.begins - nearest) / RATE)
    return out or [float("nan")]


def speed(made: list[Scene]) -> tuple[list[float], list[float], float]:
    """How many times faster than real time scenes are cut, one thread; the yardstick's ms between them.

    By the clock for each scene, and by the processor time of this thread for all.
    """
    yardstick = Yardstick()
    times_real, control, cpu_s = [], [], 0.0
    for scene in made:
        began, began_cpu = time.perf_counter(), time.thread_time()
        segmentation.segments(scene.samples, RATE)
        cpu_s += time.thread_time() - began_cpu
        times_real.append(len(scene.samples) / RATE / (time.perf_counter() - began))
        control.append(yardstick.ms())
    return times_real, control, scenery.total_s(made) / cpu_s
