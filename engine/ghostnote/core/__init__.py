"""The instrument: the deterministic graph and its live and offline drivers."""
