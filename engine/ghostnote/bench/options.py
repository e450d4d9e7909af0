"""What `ghostnote bench` was asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from ghostnote.errors import UsageError

SIZES = (1000, 10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class BenchOptions:
    """Options of a run. `seconds`: length of what takes time, None for each section's own; `hits` of a
    latency measurement (a tenth as many knob steps); `seed` of the moments at which they come; `realtime`:
    give the JACK server real-time priority (jackd -R); `sizes`: of the libraries of `scale`."""

    model: str = "drums"
    seconds: float | None = None
    hits: int = 1000
    seed: int = 1
    realtime: bool = False
    sizes: tuple[int, ...] = SIZES

    def __post_init__(self) -> None:
        if self.hits < 10:
            raise UsageError(f"--hits {self.hits}: at least 10 are needed")
        if self.seconds is not None and not 0.1 <= self.seconds <= 86400:
            raise UsageError(f"--seconds {self.seconds}: from 0.1 to 86400")
        if not self.sizes or not all(100 <= size <= 100_000_000 for size in self.sizes):
            raise UsageError(f"--sizes {','.join(map(str, self.sizes))}: from 100 to 100000000 sounds each")
