"""The system calls behind ``scorax._write``; nothing else may use them."""

import errno
import os

PathLike = str | os.PathLike[str]


class System:
    """The system calls that writing needs, one method each, so that a test can stand in for the machine."""

    def open(self, path: PathLike, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC, 0o666)

    def write(self, descriptor: int, data: "bytes | memoryview") -> int:
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def mkdir(self, path: PathLike) -> None:
        os.mkdir(path)

    def rename(self, source: PathLike, target: PathLike) -> None:
        os.replace(source, target)

    def unlink(self, path: PathLike) -> None:
        os.unlink(path)

    def rmdir(self, path: PathLike) -> None:
        os.rmdir(path)

    def fsync_dir(self, path: PathLike) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        except OSError as error:
            # Some network and overlay file systems cannot sync a folder and say so by EINVAL.
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(descriptor)
