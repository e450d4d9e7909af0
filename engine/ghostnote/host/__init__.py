"""Processes: supervisor, core and front."""
