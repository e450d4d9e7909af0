"""The frame geometry and level scale that a model and the engine must agree on."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ghostnote.errors import BundleError


@dataclass(frozen=True)
class FeatureSpec:
    """Short-time spectrum geometry.

    Frame k of a sound is centred on sample `k * hop`, with zeros before sample 0. Magnitudes are scaled
    so that a full-scale sine has magnitude 1 at its bin. Models see magnitudes on a log scale where
    `floor` maps to 0 and full scale to 1 (`ghostnote.features.scale`).
    """

    sample_rate: int = 44100
    n_fft: int = 1024
    hop: int = 256
    frames: int = 344
    floor: float = 1e-5
    version: int = 1

    @property
    def bins(self) -> int:
        """Number of frequency bins, `n_fft // 2 + 1`."""
        return self.n_fft // 2 + 1

    @property
    def samples(self) -> int:
        """Length in samples of the sound that `frames` frames describe."""
        return self.frames * self.hop

    @property
    def duration_s(self) -> float:
        """Length in seconds of the sound that `frames` frames describe."""
        return self.samples / self.sample_rate

    def as_dict(self) -> dict[str, float | int]:
        """Plain dict, as stored in a bundle's manifest."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, float | int]) -> FeatureSpec:
        """The spec stored in a manifest.

        Raises BundleError for unknown or missing keys, since guessing a geometry detunes every sound.
        """
        expected = set(cls.__dataclass_fields__)
        if set(values) != expected:
            odd = ", ".join(sorted(set(values) ^ expected))
            raise BundleError(f"features in model.json: these keys are missing or unknown: {odd}")
        return cls(**values)  # type: ignore[arg-type]
