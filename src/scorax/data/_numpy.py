"""``.npy`` and ``.npz`` with the header checked against the bytes present before anything is allocated."""

import contextlib
import io
import math
import os
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scorax._errors import InputError, refusal
from scorax._text import listing, quote, shown_path
from scorax.data._bad_cells import BadCells
from scorax.data._table import Limits, Missing, Table, check_bytes, check_count, check_matrix, check_names

_HEADER = 10_000
"""NumPy's own bound for text that Python's parser sees; a matrix needs 128 bytes."""
_MEMBERS = 1000
_BOMB_RATIO, _BOMB_BYTES = 200, 64 * 2**20


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    length: int

    @property
    def size(self) -> int:
        """Bytes of the data, in Python integers: a product in 64 bits can be made to wrap round to the size of the file."""
        return math.prod(self.shape, start=int(self.dtype.itemsize))


def _header(stream: Any, where: object) -> _Header:
    """The header at the start of a stream, which may say anything."""
    # NumPy reads as many bytes as the header says it has, up to 4 GiB, before it refuses them.
    start = io.BytesIO(stream.read(_HEADER + 12))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's about headers of Python 2 and odd escapes
            version = np.lib.format.read_magic(start)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, fortran, dtype = read(start, max_header_size=_HEADER)
    # NumPy hands the header to Python's parser: a header can raise whatever tokens, literals and types can.
    except Exception as error:
        reason = f"{type(error).__name__} in its header"
        raise refusal(where, "a NumPy array", reason, "save it again with numpy.save") from None
    if any(not isinstance(n, int) or isinstance(n, bool) or not 0 <= n < 2**63 for n in shape):
        raise refusal(where, "a NumPy array", "a header with a shape that is none", "save it again")
    return _Header(shape, fortran, dtype, start.tell())


def _check(header: _Header, present: int, where: object, limits: Limits) -> None:
    shape, dtype = header.shape, header.dtype
    check_matrix(shape, dtype, where)
    if header.size != present:
        raise refusal(
            where,
            f"the data of shape {shape} and type {dtype}",
            f"{present} bytes",
            "the file is damaged: copy it again",
        )
    if 0 in shape:
        raise refusal(where, "at least one row and one column", f"shape {shape}", "check the file")
    check_count(shape[1], where, limits)
    check_bytes(shape[0] * shape[1] * 8, where, limits)


def _finish(array: np.ndarray, names: tuple[str, ...] | None, where: object, missing: Missing, limits: Limits) -> Table:
    if names is not None:
        check_names(names, where, limits)
        if len(names) != array.shape[1]:
            raise refusal(where, f"{array.shape[1]} column names", f"{len(names)}", "save one name for each column")
    table = Table.of(array, names, shown_path(where))
    bad = BadCells(where, table.columns)
    for j in range(table.values.shape[1]):
        bad.note_values(j, table.values[:, j], 1)
    return bad.settle(table, missing)


def read_npy(path: Path, limits: Limits, missing: Missing) -> Table:
    """Reads a 2-D array of numbers; see ``read_table``."""
    with path.open("rb") as file:
        header = _header(file, path)
        _check(header, os.fstat(file.fileno()).st_size - header.length, path, limits)
        order = "F" if header.fortran else "C"
        array = np.memmap(file, header.dtype, "r", header.length, header.shape, order)
    return _finish(array, None, path, missing, limits)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str, limits: Limits) -> bytes:
    """The bytes of a member, counted while they come: what the archive declares is not believed."""
    check_bytes(info.file_size, where, limits, "the member once decompressed")
    if info.file_size > _BOMB_BYTES and info.file_size > _BOMB_RATIO * max(info.compress_size, 1):
        got = f"{info.file_size} bytes packed into {info.compress_size}"
        raise refusal(where, "an archive of measured numbers", got, "save it with numpy.savez (not compressed)")
    parts, total = [], 0
    with archive.open(info) as stream:
        while part := stream.read(2**20):
            total += len(part)
            if total > info.file_size:
                raise refusal(where, f"{info.file_size} bytes", "more", "the archive is damaged: save it again")
            parts.append(part)
    return b"".join(parts)


def _names(data: bytes, where: str, limits: Limits) -> tuple[str, ...]:
    header = _header(io.BytesIO(data), where)
    shape, dtype = header.shape, header.dtype
    if dtype.kind != "U" or len(shape) != 1 or header.size != len(data) - header.length:
        got = f"shape {str(shape)[:60]} and type {str(dtype)[:60]}"
        raise refusal(where, "a 1-D array of strings", got, "save columns=numpy.array([...names...])")
    check_count(shape[0], where, limits)
    if dtype.itemsize // 4 > limits.field_bytes:
        raise refusal(where, "short names", f"names of {dtype.itemsize // 4} characters", "shorten them")
    return _texts(np.frombuffer(data, dtype, offset=header.length), where)


def _texts(array: np.ndarray, where: object) -> tuple[str, ...]:
    try:
        return tuple(str(name) for name in array)
    # NumPy reports a code point that does not exist as a SystemError.
    except (ValueError, SystemError):
        raise refusal(where, "text", "characters outside of Unicode", "save the names again") from None


def read_npz(path: Path, limits: Limits, missing: Missing) -> Table:
    """Reads the one 2-D array of an archive, or the one named ``X``; see ``read_table``."""
    with opened_archive(path) as archive:
        return _from_archive(path, archive, limits, missing)


@contextlib.contextmanager
def opened_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """An archive to read in; what is wrong with the file, also while it is read, is said in one line.

    Raises:
        InputError: it is damaged, or no archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        got = f"a damaged or unknown one ({type(error).__name__})"
        raise refusal(path, "an archive of numpy.savez", got, "save it again") from None


def archive_members(path: Path, archive: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """The members of an archive of arrays by the names of these, none of them more than the archive can hold."""
    infos = archive.infolist()
    if len(infos) > _MEMBERS:
        raise refusal(path, f"at most {_MEMBERS} arrays", f"{len(infos)}", "save one array")
    check_bytes(sum(info.file_size for info in infos), path, limits, "the archive once decompressed")
    for info in infos:
        name = info.filename
        if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
            raise refusal(path, "plain names of arrays", f"{quote(name)}, a way to another place", "save it again")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refusal(path, "an archive of numpy.savez", f"another packing of {quote(name)}", "save it again")
        stored = info.compress_type == zipfile.ZIP_STORED
        if info.compress_size > os.path.getsize(path) or (stored and info.compress_size != info.file_size):
            raise refusal(path, "members inside of the archive", f"a wrong size of {quote(name)}", "save it again")
    members = {info.filename.removesuffix(".npy"): info for info in infos}
    if len(members) != len(infos):
        raise refusal(path, "arrays of different names", "one name twice", "save it again")
    return members


def header_in(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> _Header:
    """The header of a member."""
    with archive.open(info) as stream:
        return _header(stream, f"{shown_path(path)}[{quote(info.filename.removesuffix('.npy'))}]")


def shape_of_npy(path: Path) -> tuple[int, ...]:
    """What the header of a file says."""
    with path.open("rb") as file:
        return _header(file, path).shape


def array_in(
    path: Path, limits: Limits, archive: zipfile.ZipFile | None = None, info: zipfile.ZipInfo | None = None
) -> np.ndarray:
    """The array of a ``.npy``, or of a member of an archive, of numbers or text, whatever its shape."""
    where: object = path
    if archive is None or info is None:
        check_bytes(os.path.getsize(path), path, limits, "the array")
        data = path.read_bytes()
    else:
        where = f"{shown_path(path)}[{quote(info.filename.removesuffix('.npy'))}]"
        data = _member(archive, info, where, limits)
    header = _header(io.BytesIO(data), where)
    if header.dtype.hasobject or header.dtype.kind not in "fiubU":
        raise refusal(where, "an array of numbers or text", f"type {quote(header.dtype)}", "convert it with astype")
    if header.size != len(data) - header.length:
        got = f"{len(data) - header.length} bytes"
        raise refusal(where, f"the data of shape {header.shape} and type {header.dtype}", got, "copy the file again")
    flat = np.frombuffer(data, header.dtype, offset=header.length)
    if header.dtype.kind == "U":
        _texts(flat, where)
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def _from_archive(path: Path, archive: zipfile.ZipFile, limits: Limits, missing: Missing) -> Table:
    members = archive_members(path, archive, limits)
    names_info = members.pop("columns", None)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, info in members.items():
        shapes[name] = header_in(archive, info, path).shape
    chosen = ["X"] if "X" in shapes else [name for name, shape in shapes.items() if len(shape) == 2]
    if len(chosen) != 1:
        got = f"{len(chosen)} 2-D arrays" + (f" ({listing(chosen)})" if chosen else "")
        raise refusal(path, "one 2-D array, or one named 'X'", got, "save one array as X")
    where = f"{shown_path(path)}[{quote(chosen[0])}]"
    data = _member(archive, members[chosen[0]], where, limits)
    header = _header(io.BytesIO(data), where)
    _check(header, len(data) - header.length, where, limits)
    order = "F" if header.fortran else "C"
    array = np.frombuffer(data, header.dtype, offset=header.length).reshape(header.shape, order=order)
    names = None
    if names_info is not None:
        there = f"{shown_path(path)}['columns']"
        names = _names(_member(archive, names_info, there, limits), there, limits)
    return _finish(array, names, path, missing, limits)
