"""Measurements, each beside a control."""
