"""A model that misbehaves on chosen jobs: NaN, exceptions, missed deadlines, runs that never end."""

from __future__ import annotations

import threading
import time

import numpy as np

from ghostnote.decode.model import Model
from ghostnote.decode.session import DeadlineError, InferenceError, OutputError


class FaultyModel:
    """Decodes as `model` does, but the n-th call (from 0) shows the fault that `faults` names for n.

    Faults: "nan", "exception", "wild exception", "deadline", "slow" (`slow_s` late), "endless" (until
    `release` is called, whatever the deadline, as a run inside one huge operator would be).
    """

    def __init__(
        self, model: Model, faults: dict[int, str], *, deadline_s: float = 30.0, slow_s: float = 0.05
    ) -> None:
        self.manifest = model.manifest
        self.spec = model.spec
        self.running = False
        self.calls = 0
        self._model = model
        self._faults = faults
        self._deadline_s = deadline_s
        self._slow_s = slow_s
        self._gate = threading.Event()

    def begin(self, faults: dict[int, str]) -> None:
        """Show these faults, counting the calls from now on."""
        self._faults = faults
        self.calls = 0

    def release(self) -> None:
        """Let every endless run end."""
        self._gate.set()

    def live_deadline_s(self, graph: str = "decoder") -> float:
        """The deadline that the maker of this model wished."""
        return self._deadline_s

    def decode(self, z: np.ndarray, texture: np.ndarray, *, deadline_s: float = 30.0) -> np.ndarray:
        """As Model.decode, unless this call is to fail."""
        fault = self._faults.get(self.calls)
        self.calls += 1
        self.running = True
        try:
            self._fail(fault)
            return self._model.decode(z, texture, deadline_s=deadline_s)
        finally:
            self.running = False

    def _fail(self, fault: str | None) -> None:
        if fault == "nan":
            raise OutputError("inference gave NaN or infinity")
        if fault == "exception":
            raise InferenceError("inference failed: on purpose")
        if fault == "wild exception":
            raise ZeroDivisionError("on purpose")
        if fault == "deadline":
            raise DeadlineError("inference was ended after its deadline")
        if fault == "slow":
            time.sleep(self._slow_s)
        if fault == "endless":
            self._gate.wait(60.0)
