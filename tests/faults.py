"""A stand-in for the machine that fails or dies at a chosen system call, and loses what was never synced."""

import errno
import os
import shutil
from pathlib import Path

from scorax._system import System

ERRORS = ("enospc", "enospc-on", "eio", "eio-fsync")
CRASHES = ("crash", "crash-lost", "crash-zeroed", "crash-torn")


class Crash(BaseException):
    """The process died; no clean-up of it may run any more."""


class Faulty(System):
    """Counts calls and fails number ``at`` in the given mode; ``hit`` says whether it came to that."""

    def __init__(self, at: int = -1, mode: str = "") -> None:
        self.at, self.mode, self.calls, self.hit, self.dead = at, mode, 0, False, False
        self.names: dict[int, str] = {}
        self.unsynced: set[str] = set()
        self.renames: list[tuple[str, str, bytes | None]] = []

    def _fails(self, call: str) -> bool:
        if self.dead:
            raise Crash
        number, self.calls = self.calls, self.calls + 1
        if self.mode == "enospc-on":
            due = number >= self.at >= 0 and call in ("open", "write", "mkdir", "fsync")
        elif self.mode == "eio-fsync":
            due = number == self.at and call in ("fsync", "fsync_dir")
        else:
            due = number == self.at
        self.hit = self.hit or due
        return due

    def _fail(self, path: object) -> None:
        if self.mode in CRASHES:
            self.dead = True
            raise Crash
        number = errno.ENOSPC if self.mode.startswith("enospc") else errno.EIO
        raise OSError(number, os.strerror(number), str(path))

    def open(self, path, flags):
        if self._fails("open"):
            self._fail(path)
        descriptor = super().open(path, flags)
        self.names[descriptor] = str(path)
        if flags & (os.O_WRONLY | os.O_RDWR):
            self.unsynced.add(str(path))
        return descriptor

    def write(self, descriptor, data):
        if self._fails("write"):
            super().write(descriptor, data[: len(data) // 2])
            self._fail(self.names[descriptor])
        # Short writes are legal, and large ones come back short on real machines.
        return super().write(descriptor, data[: max(1, len(data) // 2)] if len(data) > 1000 else data)

    def fsync(self, descriptor):
        if self._fails("fsync"):
            self._fail(self.names[descriptor])
        self.unsynced.discard(self.names[descriptor])

    def close(self, descriptor):
        try:
            fails = self._fails("close")
        finally:
            super().close(descriptor)
        if fails:
            self._fail(self.names[descriptor])

    def truncate(self, descriptor, size):
        if self._fails("truncate"):
            self._fail(self.names[descriptor])
        super().truncate(descriptor, size)

    def mkdir(self, path):
        if self._fails("mkdir"):
            self._fail(path)
        super().mkdir(path)

    def rename(self, source, target):
        if self._fails("rename"):
            self._fail(target)
        replaced = Path(target).read_bytes() if os.path.isfile(target) else None
        super().rename(source, target)
        self.renames.append((str(source), str(target), replaced))
        for name in list(self.unsynced):
            if name.startswith(str(source)):
                self.unsynced.discard(name)
                self.unsynced.add(str(target) + name[len(str(source)) :])

    def unlink(self, path):
        if self._fails("unlink"):
            self._fail(path)
        super().unlink(path)

    def rmdir(self, path):
        if self._fails("rmdir"):
            self._fail(path)
        super().rmdir(path)

    def fsync_dir(self, path):
        if self._fails("fsync_dir"):
            self._fail(path)
        self.renames = [r for r in self.renames if os.path.dirname(r[1]) != str(path)]

    def power_cut(self) -> None:
        """What the disk shows after the crash, in the mode's way of losing what was not synced."""
        if self.mode not in CRASHES[1:]:
            return
        for name in self.unsynced:
            path = Path(name)
            if path.is_file():
                size = path.stat().st_size
                if self.mode == "crash-zeroed":
                    path.write_bytes(bytes(size))
                else:
                    os.truncate(path, 0 if self.mode == "crash-lost" else size // 2 // 512 * 512)
        if self.mode == "crash-lost":
            for source, target, replaced in reversed(self.renames):
                if os.path.lexists(target) and not os.path.lexists(source):
                    shutil.move(target, source)
                    if replaced is not None:
                        Path(target).write_bytes(replaced)
