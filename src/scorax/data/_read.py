"""One door for data files: the suffix says the format, the first bytes must agree."""

import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from scorax._errors import EnvironmentFailure, InputError, explain, refusal
from scorax._text import quote, shown_path, suggest
from scorax.data._csv import read_csv
from scorax.data._folders import Others, parquet_files
from scorax.data._numpy import read_npy, read_npz
from scorax.data._parquet import ParquetFiles
from scorax.data._remarks import remarks_on_kinds
from scorax.data._source import TableSource
from scorax.data._table import Limits, Missing, Table

_TEXT = (".csv", ".tsv")
_READERS: dict[str, Callable[[Path, Limits, Missing], Table]] = {
    ".npy": read_npy,
    ".npz": read_npz,
}

_UTF_16 = "UTF-16 text"
_MAGIC = {
    b"\x1f\x8b": "gzip data",
    b"PK\x03\x04": "a zip archive",
    b"BZh": "bzip2 data",
    b"\xfd7zXZ\0": "xz data",
    b"\x28\xb5\x2f\xfd": "zstandard data",
    b"PAR1": "a Parquet file",
    b"\x93NUMPY": "a NumPy array",
    b"\x89PNG": "a PNG image",
    b"\x89HDF": "an HDF5 file",
    b"\xff\xfe": _UTF_16,
    b"\xfe\xff": _UTF_16,
}
_STARTS = {".parquet": b"PAR1", ".npy": b"\x93NUMPY", ".npz": b"PK"}


def read_table(
    path: str | os.PathLike[str],
    *,
    limits: Limits | None = None,
    missing: Missing = "refuse",
    others: Others = "refuse",
    texts: Collection[str] = (),
    ignored: Collection[str] = (),
    stated: Collection[str] = (),
) -> Table:
    """Reads a table: ``.csv`` or ``.tsv`` with a header, ``.parquet`` or a folder of such files, ``.npy``, or ``.npz``.

    The files of a folder have the same columns; their rows follow each other in the order of the names, of which those that begin
    with ``_`` or ``.`` are passed over.

    Args:
        path: the file, whose suffix decides the format, or the folder.
        limits: what it may cost (``Limits()`` by default).
        missing: ``refuse`` a table with missing cells, ``keep`` them as NaN, or ``drop`` their rows.
        others: whether a folder with other files is refused, or they are passed over.
        texts: names of columns of CSV whose cells are texts whatever they look like, as those of the table of a fit are: of few
            rows ``1.10`` would be a number, and ``None`` a missing one.
        ignored: names of columns that nobody asks for: of Parquet they may be of a type that no table has, and their cells are
            then missing.
        stated: names of columns of which a person has said what they are: no remark is made on what they may be.

    Raises:
        InputError: the file is not such a table; the line names the file, the column and the row, counted from 1
            below the header.
    """
    path, limits = Path(path), limits or Limits()
    with _explained(path):
        found = _parquet_at(path, others)
        if found is not None:
            files, remarks = found
            table = ParquetFiles(path, files, limits, ignored=ignored).read(missing)
        elif path.suffix.lower() in _TEXT:
            table, remarks = read_csv(path, limits, missing, texts), ()
        else:
            table, remarks = _READERS[path.suffix.lower()](path, limits, missing), ()
        return replace(table, remarks=remarks + table.remarks + remarks_on_kinds(table, {*texts, *ignored, *stated}))


def open_table(
    path: str | os.PathLike[str],
    *,
    limits: Limits | None = None,
    others: Others = "refuse",
    texts: Collection[str] = (),
    ignored: Collection[str] = (),
    stated: Collection[str] = (),
) -> TableSource:
    """A table to be read piece by piece, its missing cells NaN: a Parquet file, or a folder of them, may be larger than memory.

    Anything else is read here; arguments and errors are those of :func:`read_table`.
    """
    path, limits = Path(path), limits or Limits()
    with _explained(path):
        found = _parquet_at(path, others)
        if found is not None:
            files, remarks = found
            return TableSource(ParquetFiles(path, files, limits, whole=False, ignored=ignored), remarks)
    table = read_table(path, limits=limits, missing="keep", texts=texts, ignored=ignored, stated=stated)
    return TableSource(table, table.remarks)


def _parquet_at(path: Path, others: Others) -> tuple[list[Path], tuple[str, ...]] | None:
    """The Parquet files of a path, and what to say of them; ``None`` where it is another data file."""
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        files, remarks = parquet_files(path, others)
    else:
        files, remarks = [path], ()
        if path.suffix.lower() not in (".parquet", *_TEXT, *_READERS):
            raise refusal(
                path,
                expected="a file ending in .csv, .tsv, .parquet, .npy or .npz",
                got=f"the ending {quote(path.suffix, 20)}",
                do="convert or rename it",
            )
    for file in files:
        own = os.stat(file)
        if not stat.S_ISREG(own.st_mode):
            raise refusal(file, expected="a regular file", got="a device or pipe", do="save it")
        _check_start(file, own.st_size)
    return (files, remarks) if files[0].suffix.lower() == ".parquet" else None


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Makes one line of what the system says of a path."""
    place = shown_path(path)
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise refusal(place, expected="a data file", got="no such file", do=f"check the path{_near(path)}") from None
    except PermissionError:
        raise EnvironmentFailure(
            f"{place}: " + explain(expected="a readable file", got="permission denied", do="change its permissions")
        ) from None
    except OSError as error:
        if isinstance(error, EnvironmentFailure):
            raise
        raise refusal(place, expected="a readable file", got=str(error.strerror), do="check the path") from None
    except ValueError as error:
        if isinstance(error, InputError) or "null" not in str(error):
            raise
        raise InputError(explain(expected="a path", got="a zero byte in it", do="check the path")) from None


def _near(path: Path) -> str:
    try:
        return suggest(path.name, sorted(os.listdir(path.parent))[:1000])
    except OSError:
        return ""


def _check_start(path: Path, size: int) -> None:
    with path.open("rb") as file:
        start = file.read(16)
    place = shown_path(path)
    if size == 0:
        raise refusal(place, expected="data", got="an empty file", do="check the file")
    wanted = _STARTS.get(path.suffix.lower())
    if wanted is not None and start.startswith(wanted):
        return
    found = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "other bytes")
    if wanted is not None or found != "other bytes":
        expected, do = f"what the ending {path.suffix} says", "convert, unpack or rename the file"
        if wanted is None and found == _UTF_16:
            expected, do = "UTF-8 text", "save the file as CSV in UTF-8 (a spreadsheet calls it CSV UTF-8)"
        raise refusal(place, expected=expected, got=found, do=do)
