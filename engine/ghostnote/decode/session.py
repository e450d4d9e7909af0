"""One ONNX graph in onnxruntime: one thread, one provider, and a deadline on every run."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ghostnote.decode.deadline import WATCHDOG
from ghostnote.decode.giving_way import GivingWay
from ghostnote.errors import BundleError, GhostnoteError

Float32 = NDArray[np.float32]

DEADLINE_FACTOR = 4.0
"""A live run is ended at this many times the declared maximum."""

OFFLINE_DEADLINE_S = 30.0
"""Deadline of a run that nobody hears: long, so that a busy machine cannot change a rendered sample."""

_FATAL_ONLY = 4


class InferenceError(GhostnoteError):
    """A run of a graph failed; while playing, the decode worker counts this and goes on."""


class DeadlineError(InferenceError):
    """A run was ended because it took longer than its deadline."""


class OutputError(InferenceError):
    """A run gave NaN or infinity."""


@dataclass(frozen=True)
class Port:
    """Name, shape and element type (onnxruntime's wording) of a graph's input or output."""

    name: str
    shape: tuple[int | str | None, ...]
    kind: str = "tensor(float)"

    def __str__(self) -> str:
        dims = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} {self.kind} [{dims}]"


class GraphRunner:
    """An inference session over bytes that were verified before. Thread: any; not realtime-safe."""

    def __init__(self, data: bytes) -> None:
        """Build the session. Raises BundleError when onnxruntime refuses the graph."""
        try:
            self._session = ort.InferenceSession(
                data,
                _options(),
                providers=["CPUExecutionProvider"],
                enable_fallback=0,
                read_config_from_model=0,
            )
        except Exception as error:  # onnxruntime raises many kinds, UnicodeDecodeError among them
            raise BundleError(f"onnxruntime refuses the graph: {one_line(error)}") from None
        self.inputs = tuple(Port(p.name, tuple(p.shape), p.type) for p in self._session.get_inputs())
        self.outputs = tuple(Port(p.name, tuple(p.shape), p.type) for p in self._session.get_outputs())
        self._wanted = [self.outputs[0].name] if self.outputs else []

    def run(self, feeds: dict[str, Float32], deadline_s: float, *, gives_way: bool = True) -> Float32:
        """The first output for `feeds`, which the caller owns from then on.

        `gives_way`: see `GivingWay`; a run of less than a millisecond need not.

        Raises DeadlineError when `deadline_s` passed (checked by onnxruntime between operators), OutputError
        for NaN or infinity in the output, InferenceError when the run fails otherwise.
        """
        options = ort.RunOptions()
        options.log_severity_level = _FATAL_ONLY
        token = WATCHDOG.arm(options, deadline_s)
        failure: Exception | None = None
        try:
            with GivingWay() if gives_way else nullcontext():
                output: Float32 = self._session.run(self._wanted, feeds, options)[0]
        except Exception as error:  # see above
            failure = error
        if not WATCHDOG.disarm(token):
            raise DeadlineError(f"inference was ended after its deadline of {deadline_s * 1e3:.0f} ms")
        if failure is not None:
            raise InferenceError(f"inference failed: {one_line(failure)}")
        # min and max carry NaN and infinity through, without the temporary that isfinite needs.
        if not np.isfinite(output.min()) or not np.isfinite(output.max()):
            raise OutputError("inference gave NaN or infinity")
        return output


def _options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _FATAL_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Otherwise bytes that look like an .ort file would be loaded as one, past the operator check.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return options


def one_line(error: Exception) -> str:
    """The text of an exception as one line of at most 200 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."
