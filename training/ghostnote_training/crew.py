"""The engine's worker processes, under the name that training knows them by."""

from ghostnote.crew import Crew, Lost, _serve

# `_serve`: a training that was begun before they moved starts its workers by this name.
__all__ = ["Crew", "Lost", "_serve"]
