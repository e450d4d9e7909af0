"""Samples to a device: resampling, safety, rings, devices."""
