"""The parameter table and what a performance is at one moment."""
