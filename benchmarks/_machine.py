"""What a result must say about where it was taken."""

import datetime
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any


def machine(*packages: str) -> dict[str, Any]:
    """Date, processor, cores, threads of a process, load and versions; only public facts, no host name."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "threads": int(os.environ.get("NPROC") or os.cpu_count() or 1),
        "load": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        **{name: _version(name) for name in ("scorax", "jax", *packages)},
    }


def described(facts: dict[str, Any]) -> str:
    """The facts in one line."""
    place = f"{facts['date']}, {facts['cores']} cores of {facts['cpu']}, {facts['threads']} threads, load {facts['load'][0]}"
    shown = ("date", "cpu", "cores", "threads", "load")
    return ", ".join([place, *(f"{name} {facts[name]}" for name in facts if name not in shown)])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"
