"""Temporary files beside what they replace: who is writing one, and how those of dead writers go."""

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterator

from scorax._system import PathLike, System

TEMPORARY = ".tmp-"
"""What every temporary name begins with."""

_FILE = re.compile(r"\.tmp-scorax-[0-9a-f]{16}")

_unfinished: set[str] = set()


def temporary_name(folder: PathLike) -> str:
    """A new random name in the folder."""
    return os.path.join(folder, TEMPORARY + secrets.token_hex(8))


@contextlib.contextmanager
def temporary_file(system: System, folder: PathLike) -> Iterator[tuple[str, int]]:
    """Path and descriptor of a new file under a temporary name, for a block that syncs and renames it; else it is removed.

    The file is locked as long as the block runs. The kernel takes the lock from a killed writer, so the next one in the
    folder can tell what is abandoned, and removes it.
    """
    _remove_abandoned(system, folder)
    path, descriptor = _locked(system, folder)
    _unfinished.add(path)
    try:
        yield path, descriptor
    except BaseException:
        with contextlib.suppress(OSError):
            system.unlink(path)
        raise
    finally:
        _unfinished.discard(path)
        with contextlib.suppress(OSError):  # what was to last is synced: closing takes nothing back
            system.close(descriptor)


def remove_unfinished() -> None:
    """Removes what this process is writing, for a thread that ends the process without unwinding the others."""
    for path in list(_unfinished):
        with contextlib.suppress(OSError):
            os.unlink(path)


def is_held(path: PathLike) -> bool:
    """Whether a living writer has locked this temporary file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _locked(system: System, folder: PathLike) -> tuple[str, int]:
    while True:
        path = os.path.join(folder, f"{TEMPORARY}scorax-{secrets.token_hex(8)}")
        descriptor = system.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        # Where the file system has no locks nobody can tell what is abandoned, and nothing is removed.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.lexists(path):
            return path, descriptor
        os.close(descriptor)  # another writer met the file before it was locked


def _remove_abandoned(system: System, folder: PathLike) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):  # the writer says what is wrong
        for entry in os.scandir(folder):
            if _FILE.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                # Somebody else's, gone by now, or on a file system without locks: it stays.
                with contextlib.suppress(OSError):
                    if not is_held(entry.path):
                        system.unlink(entry.path)
