"""ghostnote: a neural sampler that is played live."""

__version__ = "0.1.0"
