"""What a folder is read as: a table where its files are Parquet, pictures where they are pictures, and a mixture by a word."""

import os
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from scorax._errors import refusal
from scorax._text import quote

PICTURES = (".png", ".jpg", ".jpeg")
Others: TypeAlias = Literal["refuse", "pass over"]
"""What is done with files of a folder that are none of those that are read."""

_PARQUET = ".parquet"
_LEFT_BY_WINDOWS = ("thumbs.db", "desktop.ini")
"""Hidden there, and by no name that says so."""


class Entries(NamedTuple):
    """What a folder holds, by name: files to read, files and folders that are others, and how many are hidden."""

    read: list[str]
    others: list[str]
    folders: list[str]
    hidden: int


def entries(path: Path, endings: tuple[str, ...], hidden: tuple[str, ...] = (".",)) -> Entries:
    """What a folder has, in the order of the names; what begins as ``hidden`` says, or Windows hides, is passed over and counted.

    Raises:
        InputError: the folder cannot be read.
    """
    try:
        with os.scandir(path) as found:
            every = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        got, do = str(error.strerror), "check its permissions"
        raise refusal(path, expected="a folder that can be read", got=got, do=do) from None
    shown = [e for e in every if not (e.name.startswith(hidden) or e.name.lower() in _LEFT_BY_WINDOWS)]
    folders = [entry.name for entry in shown if entry.is_dir()]
    files = [entry.name for entry in shown if not entry.is_dir()]
    read = [name for name in files if name.lower().endswith(endings)]
    return Entries(read, [name for name in files if name not in read], folders, len(every) - len(shown))


def parquet_in(path: Path) -> Entries:
    """The Parquet files of a folder; names that begin with ``_`` are notes of whoever wrote them (``_SUCCESS``)."""
    return entries(path, (_PARQUET,), (".", "_"))


def is_folder_of_pictures(path: Path) -> bool:
    """Whether a folder is read as pictures, and not as a table: unless all its files are Parquet.

    Raises:
        InputError: Parquet files stand beside something else.
    """
    found = parquet_in(path)
    if not found.read:
        return True
    _refuse_others(path, found)
    return False


def parquet_files(path: Path, others: Others) -> tuple[list[Path], tuple[str, ...]]:
    """The files of a table in a folder, in the order of their names, and what to say of it.

    Raises:
        InputError: there is none, or it stands beside something else that is not to be passed over.
    """
    found = parquet_in(path)
    if not found.read:
        got, do = "a folder without one", "name a data file"
        raise refusal(path, expected="a folder of Parquet files", got=got, do=do)
    if others == "refuse":
        _refuse_others(path, found)
    count = len(found.others) + len(found.folders)
    remarks = (f"{count} other file{'s or folders' if count > 1 else ' or folder'} passed over",) if count else ()
    return [path / name for name in found.read], remarks


def _refuse_others(path: Path, found: Entries) -> None:
    other = quote(found.others[0]) if found.others else f"the folder {quote(found.folders[0])}" if found.folders else ""
    if other:
        got = f"{quote(found.read[0])} beside {other}"
        do = "take one out, or say what to read: --as table, or --as images"
        raise refusal(path, expected="Parquet files alone, or pictures alone", got=got, do=do)
