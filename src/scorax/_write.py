"""The only module of scorax that writes files that stay: atomic files, atomic folders, appended lines.

Every write follows one order: a temporary random name in the same folder, write, ``fsync``, rename, ``fsync`` of the
folder. A crash at any moment therefore leaves the old state or the new one, and the next write in the folder removes what
a killed one left under a temporary name. Every system call goes through ``system``, one small object that a test replaces
to fail any call it likes.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorax._os_errors import explaining
from scorax._system import PathLike, System
from scorax._temporary import TEMPORARY, is_held, temporary_file, temporary_name

_ASIDE = re.compile(r"^\.tmp-[0-9a-f]{16}-was-(?P<name>.+)$")

system = System()


@dataclass(frozen=True)
class FileDigest:
    """Size and SHA-256 of a file."""

    size: int
    sha256: str

    @staticmethod
    def of(data: bytes) -> "FileDigest":
        return FileDigest(len(data), hashlib.sha256(data).hexdigest())


def _parent(path: PathLike) -> str:
    return os.path.dirname(os.path.abspath(path))


def _write_all(descriptor: int, data: "bytes | memoryview") -> None:
    view = memoryview(data).cast("B")
    while len(view) > 0:
        view = view[system.write(descriptor, view) :]


def _create(path: PathLike, data: bytes) -> None:
    descriptor = system.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        _write_all(descriptor, data)
        system.fsync(descriptor)
    finally:
        system.close(descriptor)


def _discard(path: PathLike) -> None:
    """Removes a leftover without hiding the error that made it one."""
    with contextlib.suppress(OSError):
        if os.path.isdir(path) and not os.path.islink(path):
            _empty(path)
            system.rmdir(path)
        else:
            system.unlink(path)


def _empty(folder: PathLike) -> None:
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        if entry.is_dir(follow_symlinks=False):
            _empty(entry.path)
            system.rmdir(entry.path)
        else:
            system.unlink(entry.path)


def write_bytes(path: PathLike, data: bytes) -> None:
    """Replaces the file by these bytes, wholly or not at all; a link in its place is replaced, not followed."""
    with explaining(path, len(data)):
        with temporary_file(system, _parent(path)) as (temporary, descriptor):
            _write_all(descriptor, data)
            system.fsync(descriptor)
            system.rename(temporary, path)
        system.fsync_dir(_parent(path))


def json_bytes(obj: Any, *, indent: int | None = 2) -> bytes:
    """JSON in UTF-8 with the order of insertion kept; NaN and infinities are refused (they are not JSON)."""
    return (json.dumps(obj, indent=indent, allow_nan=False, ensure_ascii=False) + "\n").encode()


def write_json(path: PathLike, obj: Any) -> None:
    """``write_bytes`` of the object as indented JSON."""
    write_bytes(path, json_bytes(obj))


def append_json_line(path: PathLike, obj: Any) -> None:
    """Appends one line of JSON; a line that cannot be written whole is taken back."""
    data = json_bytes(obj, indent=None)
    with explaining(path, len(data)):
        descriptor = system.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            before = os.fstat(descriptor).st_size
            try:
                _write_all(descriptor, data)
            except OSError:
                with contextlib.suppress(OSError):
                    system.truncate(descriptor, before)
                raise
        finally:
            system.close(descriptor)


def truncate(path: PathLike, size: int) -> None:
    """Cuts a file back to ``size`` bytes, and syncs it."""
    with explaining(path):
        descriptor = system.open(path, os.O_WRONLY)
        try:
            system.truncate(descriptor, size)
            system.fsync(descriptor)
        finally:
            system.close(descriptor)


def sync(path: PathLike) -> None:
    """Brings what was appended to a file to the disk."""
    with explaining(path):
        descriptor = system.open(path, os.O_RDWR)
        try:
            system.fsync(descriptor)
        finally:
            system.close(descriptor)
        system.fsync_dir(_parent(path))


def make_folder(path: PathLike) -> None:
    """Creates a folder and its missing parents; one that exists is fine."""
    with explaining(path):
        missing = []
        folder = os.path.abspath(path)
        while not os.path.isdir(folder):
            if os.path.lexists(folder):
                if os.path.isdir(folder):
                    break  # another process has made it since the line above
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder)
            missing.append(folder)
            folder = os.path.dirname(folder)
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):
                system.mkdir(folder)
            system.fsync_dir(_parent(folder))


def commit_folder(
    parent: PathLike,
    name: str,
    files: Mapping[str, bytes],
    manifest: Callable[[dict[str, FileDigest]], bytes],
    manifest_name: str = "MANIFEST.json",
) -> Path:
    """Makes ``parent/name`` hold the files and a manifest of them, wholly or not at all.

    The manifest is computed from the digests and written last. A folder that already has the name is set aside under
    a name from which ``clean_temporaries`` puts it back if the commit did not come to its end.
    """
    digests = {file: FileDigest.of(data) for file, data in files.items()}
    contents = {**files, manifest_name: manifest(digests)}
    target = os.path.join(parent, name)
    with explaining(target, sum(len(data) for data in contents.values())):
        temporary = temporary_name(parent)
        aside = f"{temporary_name(parent)}-was-{name}"
        try:
            system.mkdir(temporary)
            for file, data in contents.items():
                _create(os.path.join(temporary, file), data)
            system.fsync_dir(temporary)
            if os.path.lexists(target):
                system.rename(target, aside)
            try:
                system.rename(temporary, target)
            except BaseException:
                if os.path.lexists(aside):
                    system.rename(aside, target)
                raise
        except BaseException:
            _discard(temporary)
            raise
        system.fsync_dir(parent)
        _discard(aside)
    return Path(target)


def remove_file(path: PathLike) -> None:
    """Removes a file; a missing one is fine."""
    with explaining(path):
        with contextlib.suppress(FileNotFoundError):
            system.unlink(path)
        system.fsync_dir(_parent(path))


def remove_tree(path: PathLike) -> None:
    """Removes a folder so that no reader ever finds half of it: it is renamed first. A missing one is fine."""
    with explaining(path):
        temporary = temporary_name(_parent(path))
        try:
            system.rename(path, temporary)
        except FileNotFoundError:
            return
        # Were the name to come back after a power cut, it must not name a half-emptied folder.
        system.fsync_dir(_parent(path))
        _empty(temporary)
        system.rmdir(temporary)
        system.fsync_dir(_parent(path))


def clean_temporaries(folder: PathLike) -> list[str]:
    """Ends what a killed writer began in this folder; returns the names it removed or put back.

    Call it only while holding the lock of the run, since a living writer's temporary folder looks the same.
    """
    cleaned: list[str] = []
    with explaining(folder):
        if not os.path.isdir(folder):
            return cleaned
        left = sorted((e for e in os.scandir(folder) if e.name.startswith(TEMPORARY)), key=lambda e: e.name)
        if left:
            # What a folder set aside gave way to has to be on the disk before it goes.
            system.fsync_dir(folder)
        for entry in left:
            aside = _ASIDE.match(entry.name)
            if aside and not os.path.lexists(original := os.path.join(folder, aside["name"])):
                system.rename(entry.path, original)
            elif entry.is_dir(follow_symlinks=False):
                _empty(entry.path)
                system.rmdir(entry.path)
            elif entry.is_file(follow_symlinks=False) and is_held(entry.path):
                continue
            else:
                system.unlink(entry.path)
            cleaned.append(entry.name)
        if cleaned:
            system.fsync_dir(folder)
    return cleaned


def is_special(path: PathLike) -> bool:
    """Whether the path takes bytes as they come: a pipe, a terminal, ``/dev/full``, ``/dev/stdout``."""
    if _standard_descriptor(path) is not None:
        return True
    with contextlib.suppress(OSError):
        mode = os.stat(path).st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    return False


def _standard_descriptor(path: PathLike) -> int | None:
    # Opening /dev/stdout anew would truncate or overwrite a file that the shell opened for appending.
    match = re.fullmatch(r"/dev/(?:(stdin|stdout|stderr)|fd/(\d+))|/proc/self/fd/(\d+)", os.fspath(path))
    if not match:
        return None
    named, *numbers = match.groups()
    return {"stdin": 0, "stdout": 1, "stderr": 2}[named] if named else int(next(n for n in numbers if n))


class _Output(io.RawIOBase):
    """An unbuffered stream through ``system`` whose errors name the path of the output, not the temporary one."""

    def __init__(self, descriptor: int, path: PathLike, *, seeks: bool) -> None:
        super().__init__()
        self._descriptor, self._path, self._seeks, self._at = descriptor, path, seeks, 0
        self._ended = False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seeks

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = os.lseek(self._descriptor, offset, whence)
        return self._at

    def end(self) -> None:
        """Lets later bytes fall: a file writer collected after a failure still writes its footer.

        The number of the descriptor may be that of another file by then.
        """
        self._ended = True

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        if not self._ended:
            with explaining(self._path, len(view)):
                _write_all(self._descriptor, view)
        self._at += len(view)
        return len(view)


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[io.RawIOBase]:
    """A binary stream whose bytes become the file when the body ends well, and vanish when it raises.

    An output that is a link keeps being one: its target is replaced. Pipes, terminals, ``/dev/stdout`` and
    ``/dev/full`` have no old state to keep and are written directly.
    """
    if is_special(path):
        with explaining(path):
            number = _standard_descriptor(path)
            descriptor = os.dup(number) if number is not None else system.open(path, os.O_WRONLY)
            output = _Output(descriptor, path, seeks=False)
            try:
                yield output
            finally:
                output.end()
                system.close(descriptor)
        return
    target = os.path.realpath(path)
    with contextlib.ExitStack() as stack:
        with explaining(path):
            if os.path.isdir(target):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), target)
            temporary, descriptor = stack.enter_context(temporary_file(system, _parent(target)))
        output = _Output(descriptor, path, seeks=True)
        try:
            yield output
        finally:
            output.end()
        with explaining(path):
            system.fsync(descriptor)
            system.rename(temporary, target)
            system.fsync_dir(_parent(target))
