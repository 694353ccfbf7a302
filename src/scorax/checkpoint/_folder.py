"""The run folder: where its files are, and the lock that lets one process write in it."""

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scorax import _write
from scorax._errors import FolderInUseError, InputError, explain, refusal
from scorax._os_errors import explaining
from scorax._text import quote, shown_path
from scorax.checkpoint._json import read_bounded, read_json

SEALED = ("config.json", "schema.json", "transform.safetensors")
"""Files of a run whose SHA-256 stands in the manifest of every step; they are written before the first one."""


_MAXIMUM_BYTES = 8 * 2**20
"""Bytes of a JSON file of a run: the schema of 10,000 columns takes two to three MiB."""

_BEFORE_A_RUN = ("lock", "lock.holder", "records", "run.json", "schema.json", "steps", "transform.safetensors")
"""What a killed fit may leave before ``config.json`` says that a run was begun."""


class RunFolder:
    """Paths of one run, its lock and the repair after a crash.

    Args:
        path: the folder. Nothing is created or read until a method is called.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.schema = self.path / "schema.json"
        self.transform = self.path / "transform.safetensors"
        self.run = self.path / "run.json"
        self.estimator = self.path / "estimator.json"
        self.metrics = self.path / "metrics.jsonl"
        self.log = self.path / "log.jsonl"
        self.steps = self.path / "steps"
        self.averages = self.path / "averages"
        self.records = self.path / "records"
        self.report = self.path / "report.html"
        self.lock_file = self.path / "lock"
        self._holder = self.path / "lock.holder"

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def exists(self) -> bool:
        """Whether a run was begun here."""
        return self.config.is_file()

    def foreign(self) -> Path | None:
        """Something here that a fit cannot have left before its run was begun, if there is."""
        if self.path.is_dir():
            for path in sorted(self.path.iterdir()):
                own = path.name in _BEFORE_A_RUN or path.name.startswith(_write.TEMPORARY)
                inside = sorted(path.iterdir()) if own and path in (self.steps, self.records) else []
                if not own or not all(p.name.startswith(_write.TEMPORARY) for p in inside):
                    return inside[0] if inside else path
        return None

    def create(self) -> "RunFolder":
        """Makes the folder with its subfolders; files already there stay."""
        for folder in (self.path, self.steps, self.records):
            _write.make_folder(folder)
        return self

    def require(self) -> "RunFolder":
        """This folder, if a run was begun in it; otherwise the error."""
        if not self.exists():
            got = "no such folder" if not self.path.exists() else "no config.json in it"
            raise refusal(
                self.path, expected="the folder of a run", got=got, do="name the folder given to scorax fit -o"
            )
        return self

    def step_path(self, step: int) -> Path:
        """The folder of a step."""
        return self.steps / f"{step:08d}"

    def saved_steps(self) -> list[int]:
        """Steps that have a folder, oldest first; whether they are whole is for ``load_step`` to say."""
        return _numbered(self.steps)

    def average_path(self, step: int) -> Path:
        """The folder of a snapshot of averages."""
        return self.averages / f"{step:08d}"

    def kept_averages(self) -> list[int]:
        """Steps of which averages are kept, oldest first."""
        return _numbered(self.averages)

    def read_json(self, name: str) -> Any:
        """A JSON file of the run by a strict reader of at most 8 MiB and 32 levels."""
        return read_json(self.path / name, maximum=_MAXIMUM_BYTES)

    def write_json(self, name: str, obj: Any) -> None:
        """Replaces a JSON file of the run."""
        _write.write_json(self.path / name, obj)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the run for writing; the kernel releases it when the process dies, however it dies.

        Raises:
            FolderInUseError: at once, if another process (or another lock of this one) holds it.
        """
        with self._held():
            holder = {"pid": os.getpid(), "host": socket.gethostname()}
            # Only for the message above: no truth hangs on it, so a full disk must not stop the run here.
            with contextlib.suppress(OSError):
                _write.write_json(self._holder, holder)
            yield

    def require_free(self) -> None:
        """Refuses a folder whose lock another process holds; one that has no lock is left as it is.

        Raises:
            FolderInUseError: it is held.
        """
        if self.lock_file.is_file() and self._holder.is_file():
            with self._held():
                pass

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        lock = FileLock(self.lock_file, is_singleton=False)
        with explaining(self.lock_file):
            try:
                lock.acquire(timeout=0.2, poll_interval=0.05)
            except Timeout:
                raise FolderInUseError(
                    f"{shown_path(self.path)}: "
                    + explain(expected="a free run folder", got=self._who(), do="wait for it or choose another -o")
                ) from None
        try:
            yield
        finally:
            lock.release()

    def _who(self) -> str:
        try:
            holder = json.loads(read_bounded(self._holder, 4096))
            return f"one in use by process {int(holder['pid'])} on {quote(str(holder['host']), 80)}"
        except (InputError, OSError, ValueError, KeyError, TypeError):
            return "one in use by another process"

    def recover(self) -> list[str]:
        """Clears what a killed writer left behind and ends a torn last line of the logs; needs the lock.

        Returns:
            What was done, one line each.
        """
        done = []
        for folder in (self.path, self.steps, self.records, *([self.averages] if self.averages.is_dir() else [])):
            done += [f"cleared {name} in {shown_path(folder)}" for name in _write.clean_temporaries(folder)]
        for log in (self.metrics, self.log):
            if cut_torn_line(log):
                done.append(f"cut an unfinished last line of {shown_path(log)}")
        return done


def _numbered(folder: Path) -> list[int]:
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(n) for n in names if len(n) >= 8 and n.isascii() and n.isdigit() and n == f"{int(n):08d}")


def cut_torn_line(path: Path) -> bool:
    """Cuts a file of lines after its last line feed; returns whether that changed it."""
    try:
        with path.open("rb") as file:
            size = end = file.seek(0, os.SEEK_END)
            while end > 0:
                start = max(0, end - 65_536)
                file.seek(start)
                at = file.read(end - start).rfind(b"\n")
                if at >= 0:
                    end = start + at + 1
                    break
                end = start
    except FileNotFoundError:
        return False
    if end < size:
        _write.truncate(path, end)
    return end < size


def cut_metrics(run: RunFolder, step: int) -> int:
    """Cuts ``metrics.jsonl`` back to its lines up to ``step``; returns how many bytes are kept.

    What follows the first line beyond the step, or the first broken one, was written after the state that is resumed.
    """
    kept = 0
    try:
        with run.metrics.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n") or _step_of(line) > step:
                    break
                kept += len(line)
            size = file.seek(0, os.SEEK_END)
    except FileNotFoundError:
        return 0
    if kept < size:
        _write.truncate(run.metrics, kept)
    return kept


def _step_of(line: bytes) -> int | float:
    try:
        step = json.loads(line)["step"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return float("inf")
    return step if isinstance(step, int) else float("inf")
