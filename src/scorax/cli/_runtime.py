"""The environment of a command, set before JAX is imported: thread count, compile cache, log level."""

import json
import logging
import os
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from scorax.cli._console import note

Devices = Annotated[
    int,
    typer.Option(
        "--devices", min=1, max=64, metavar="N", help="Devices that share the rows; a processor counts as N of them."
    ),
]
"""How many devices a command uses: of its rows each has the same result on one and on many."""


def usable_cores() -> int:
    """The number of cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def recorded_nproc(run: Path) -> int | None:
    """The thread count under which the run in the folder `run` was trained, if it says so readably."""
    try:
        text = (run / "run.json").read_text(encoding="utf-8")[:1_048_576]
        value = json.loads(text).get("nproc")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None  # whoever loads the run names what is wrong with it
    return value if isinstance(value, int) and 0 < value <= 4096 else None


def pin_threads(run: Path | None, devices: int = 1) -> None:
    """Fix ``NPROC``, the number of XLA's worker threads, because the bits of every result depend on it.

    A run that exists decides; a value set from outside wins over it, and is warned about. The processor counts as ``devices``
    devices, unless more are set from outside; the other kinds of devices are as many as there are.
    """
    recorded = None if run is None else recorded_nproc(run)
    given = os.environ.get("NPROC")
    if recorded is not None and given not in (None, str(recorded)):
        note(f"warning: NPROC={given}, but the run was trained with {recorded}: results will not be equal bit for bit")
    os.environ.setdefault("NPROC", str(recorded or usable_cores()))
    there = os.environ.get("JAX_NUM_CPU_DEVICES", "")
    if devices > (int(there) if there.isdigit() else 1):
        os.environ["JAX_NUM_CPU_DEVICES"] = str(devices)


def compile_cache_folder() -> Path:
    """Where compiled programs of this jaxlib are kept: in the user's cache folder, never in a run folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "scorax" / "xla" / metadata.version("jaxlib")


def use_compile_cache(enabled: bool) -> None:
    """Turn on JAX's persistent compile cache; a `JAX_COMPILATION_CACHE_DIR` that is set wins."""
    if not enabled:
        os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
        return
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = compile_cache_folder()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            note(f"warning: no compile cache, start-up will be slower: {error}")
            return
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.05")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


class _Notes(logging.Handler):
    """Log records as escaped lines on the standard error of the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        note(f"{record.levelname.lower()}: {self.format(record)}")


def log_to_stderr(debug: bool) -> None:
    """Send the messages of the library to standard error: warnings, or everything with `debug`."""
    logger = logging.getLogger("scorax")
    logger.handlers = [_Notes()]
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
