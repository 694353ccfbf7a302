"""What the operating system refuses, as one line for a person."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from scorax._errors import EnvironmentFailure, InputError, explain
from scorax._system import PathLike
from scorax._text import shown_path

# What a user repairs by naming another place; everything else is the machine refusing.
_WRONG_PLACE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL})


@contextlib.contextmanager
def explaining(path: PathLike, needed: int | None = None) -> Iterator[None]:
    """Turns an ``OSError`` of the body into one line with the path, the bytes needed and the bytes free.

    Not a pipe whose reader has left: that is for the caller to say.
    """
    try:
        yield
    except (EnvironmentFailure, InputError, BrokenPipeError):
        raise
    except OSError as error:
        place, reason = shown_path(path), error.strerror or str(error)
        amount = "" if needed is None else f"{needed} bytes "
        if error.errno in _WRONG_PLACE:
            raise InputError(
                explain(expected=f"a path that can be written at {place}", got=reason, do="name another file or folder")
            ) from error
        raise EnvironmentFailure(
            explain(
                expected=f"to write {amount}to {place}",
                got=f"{reason} ({_free_bytes(path)})",
                do="free some space, check the permissions, or choose another folder",
            )
        ) from error


def _free_bytes(path: PathLike) -> str:
    for folder in (Path(path), *Path(os.path.abspath(path)).parents):
        with contextlib.suppress(OSError):
            return f"{shutil.disk_usage(folder).free} bytes free"
    return "free bytes unknown"
