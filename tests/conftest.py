"""Fixtures shared by all tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from jackserver import jack_server  # noqa: F401
