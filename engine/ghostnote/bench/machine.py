"""The machine that figures were taken on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from pathlib import Path

from ghostnote import __version__

_PACKAGES = ("numpy", "scipy", "onnxruntime", "sounddevice", "rtmixer")


def describe() -> dict[str, object]:
    """CPU, cores, system, versions, date and load average."""
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count() or 0,
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "ghostnote": __version__,
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "load": list(load_average()),
        "realtime": realtime_granted(),
    }


def cpu_name() -> str:
    """The processor's name as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def load_average() -> tuple[float, ...]:
    """Load over 1, 5 and 15 minutes; empty where the system does not tell."""
    return tuple(round(x, 2) for x in os.getloadavg()) if hasattr(os, "getloadavg") else ()


def cpu_s(pid: int) -> float:
    """Processor time that a process's threads have used, in s; to the nanosecond on Linux."""
    try:
        counted = [path.read_text(encoding="ascii") for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
        used_s = 1e-9 * sum(int(line.split()[0]) for line in counted)
    except (OSError, ValueError, IndexError):  # a thread ended just now
        used_s = 0.0
    return used_s or _ticked_cpu_s(pid)


def _ticked_cpu_s(pid: int) -> float:
    import psutil

    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def realtime_granted() -> bool:
    """Whether this user's threads may have real-time priority (SCHED_FIFO)."""
    try:
        import resource

        return os.geteuid() == 0 or resource.getrlimit(resource.RLIMIT_RTPRIO)[0] != 0
    except (ImportError, AttributeError, OSError, ValueError):
        return False


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"
