"""Scenes on disk: files, their older versions, and what they hold."""
