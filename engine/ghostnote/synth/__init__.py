"""Spectrogram frames to samples: streaming phase, texture and voices."""
