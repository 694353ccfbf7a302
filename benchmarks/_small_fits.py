"""A fit of seconds through the command line, to be stopped at random moments, and the bytes that it leaves."""

import hashlib
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def write_rows(table: Path) -> None:
    """Sixty rows of a Gaussian of two columns."""
    rows = np.random.default_rng(0).normal(size=(60, 2)) @ np.array([[1.0, 0.4], [0.0, 0.8]])
    np.savetxt(table, rows, delimiter=",", header="a,b", comments="", fmt="%.6f")


def fit_words(table: Path, run: Path, *, every: int) -> list[str]:
    """The words of a fit that looks at its held-out rows, and saves, at every so many steps."""
    resumed = ["--resume"] if run.exists() else []
    return [*small_fit(table, run, steps=300 if every > 1 else 40, every=every), *resumed]


def small_fit(table: Path, run: Path, *, steps: int, every: int) -> list[str]:
    """The words of a fit of two small networks."""
    keys = {
        "training.max_steps": steps,
        "training.validate_every": every,
        "training.save_every": every,
        "training.patience": 1000,
        "training.batch_size": 32,
        "network.width": 16,
        "network.depth": 1,
        "ensemble.folds": 2,
        "ensemble.starts": '["gaussian"]',
        "noise.candidates": "[0.1]",
    }
    sets = [word for key, value in keys.items() for word in ("--set", f"{key}={value}")]
    return ["fit", str(table), "-o", str(run), "--no-report", *sets]


def command(words: list[str], errors: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """The command, begun; ``errors`` is where its standard error goes."""
    return subprocess.Popen(
        [sys.executable, "-m", "scorax", *words], stdout=subprocess.DEVNULL, stderr=errors, text=True
    )


def joined(count: int) -> list[dict[str, str]]:
    """What the environment of each of so many processes of one fit says, which are started by hand on this host."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    shared = {"JAX_COORDINATOR_ADDRESS": address, "SCORAX_NUM_PROCESSES": str(count)}
    return [shared | {"SCORAX_PROCESS_ID": str(rank)} for rank in range(count)]


def finished(words: list[str]) -> float:
    """Seconds that the command took to its end, which has to be a good one."""
    began = time.monotonic()
    if code := command(words).wait():
        raise SystemExit(f"{' '.join(words)} ended with exit code {code}")
    return time.monotonic() - began


def peak_memory(process: subprocess.Popen[Any]) -> float:
    """MiB that a process held at most, which has to end well.

    By its own record. What ``wait4`` says of a child counts what the process that began it had held until then.
    """
    held = 0.0
    while process.poll() is None:
        found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
        held = held if found is None else int(found[1]) / 1024
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"expected a command that ends well, got exit code {process.returncode}")
    return held


def newest(run: Path) -> int:
    """The newest saved step; -1 without one."""
    return max((int(path.name) for path in (run / "steps").glob("[0-9]*")), default=-1)


def bytes_of(run: Path) -> dict[str, str]:
    """SHA-256 of what a fit came to: weights, averages, optimiser, progress, metrics."""
    last = max((run / "steps").iterdir())
    files = [
        *sorted(last.glob("*.safetensors")),
        run / "metrics.jsonl",
        run / "transform.safetensors",
        run / "config.json",
    ]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
