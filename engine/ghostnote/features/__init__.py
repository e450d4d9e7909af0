"""Spectral features shared by the engine and training."""
