"""A table in memory, the limits under which one is read, and the rules its column names obey."""

import hashlib
import math
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from scorax._errors import refusal
from scorax._text import quote, shown_path
from scorax.data._arrow_blocks import READABLE, block_of, readable
from scorax.data._blocks import NumberBlock, joined
from scorax.data._dialect import Dialect
from scorax.data._integers import distances
from scorax.data.formats import Format

Missing: TypeAlias = Literal["refuse", "keep", "drop"]
"""What a missing cell does: refuse the table, stay as NaN, or take its row away."""


def _total_bytes() -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(256 * 2**20, memory // 5)


@dataclass(frozen=True)
class Limits:
    """What a table may cost before it is refused.

    Attributes:
        columns: number of columns.
        field_bytes: bytes of one cell of a CSV file, and of one column name.
        total_bytes: bytes of the table as float64, and of a decompressed archive; a fifth of the memory of the
            machine, and at least 256 MiB.
    """

    columns: int = 10_000
    field_bytes: int = 1_000_000
    total_bytes: int = field(default_factory=_total_bytes)


@dataclass(frozen=True, eq=False)
class Table:
    """Columns, each a number for every row and what that number means.

    Attributes:
        columns: names, all different.
        values: float64, shape (rows, columns). NaN only where a reader was told to keep missing cells.
        formats: of each column what its values mean and how the file writes them. Numbers have decimals where they are known
            (not of binary floats, nor beyond 12). Values of integers beyond 2^45 in size count from an origin, so that float64
            holds them and the noise of dequantisation exactly: the cell is ``origin + value``.
        remarks: what the reader passed over and a person may want to know, one line each; see ``notes``.
        dialect: how a CSV file of it is written.
        is_array: whether it is an array of numbers, whose columns are taken as they are.
    """

    columns: tuple[str, ...]
    values: np.ndarray
    formats: tuple[Format, ...]
    remarks: tuple[str, ...] = ()
    dialect: Dialect = field(default_factory=Dialect)
    is_array: bool = False

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not self.values.shape[1] == len(self.columns) == len(self.formats):
            raise ValueError(f"{len(self.columns)} columns do not fit values of shape {self.values.shape}")

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.values.shape[0]

    @property
    def texts(self) -> frozenset[str]:
        """Names of the columns of texts."""
        return frozenset(name for name, form in zip(self.columns, self.formats, strict=True) if form.kind == "text")

    @staticmethod
    def of(values: Any, columns: Sequence[str] | None = None, where: str = "the array") -> "Table":
        """A table from anything NumPy reads as a matrix of numbers; columns are ``x0``, ``x1``, ... unless named.

        Integers stay exact, whatever their size, where the columns range over at most 2^53 each.

        Raises:
            InputError: it is no matrix of numbers, or integers range too far.
        """
        try:
            array = np.asarray(values)
        except (ValueError, TypeError, OverflowError) as error:
            got = str(error).splitlines()[0]
            do = "give every row as many numbers"
            raise refusal(where, expected="a 2-D array of numbers", got=got, do=do) from None
        check_matrix(array.shape, array.dtype, where)
        names = tuple(f"x{j}" for j in range(array.shape[1])) if columns is None else tuple(columns)
        check_names(names, where, Limits())
        return replace(Table.of_columns({name: array[:, j] for j, name in enumerate(names)}, where), is_array=True)

    @staticmethod
    def of_columns(columns: Mapping[str, np.ndarray], where: str = "the table") -> "Table":
        """A table from named 1-D arrays of one length, each of integers, truth values or floats of at most 64 bits.

        Raises:
            InputError: an array of another type, or integers that range too far.
        """
        rows = max((len(cells) for cells in columns.values()), default=0)
        values, formats = np.empty((rows, len(columns))), []
        for j, (name, cells) in enumerate(columns.items()):
            if cells.dtype.kind not in "fiub" or cells.dtype.itemsize > 8:
                do = _REMEDIES.get(cells.dtype.kind, "remove the column or encode it as numbers")
                got = f"type {quote(cells.dtype)} in column {quote(name)}"
                raise refusal(where, expected="columns of numbers", got=got, do=do)
            if cells.dtype.kind in "iu":
                block = NumberBlock(*distances(cells, where, name), 0)
            else:
                truth = cells.dtype.kind == "b"
                block = NumberBlock(cells.astype(np.float64), 0 if truth else None, 0 if truth else None)
            values[:, j], form = joined([block], name, where)
            formats.append(form)
        return Table(tuple(columns), values, tuple(formats))

    @staticmethod
    def of_arrow(columns: Mapping[str, Any], where: str = "the table") -> "Table":
        """A table from named Arrow arrays of one length, of numbers, texts, truth values, dates or times; null is missing.

        Raises:
            InputError: an array of another type, or integers or times that range too far.
        """
        found: list[tuple[np.ndarray, Format]] = []
        for name, cells in columns.items():
            if not readable(cells.type):
                got = f"type {quote(str(cells.type), 30)} in column {quote(name)}"
                do = "remove the column or make it one of these"
                raise refusal(where, expected=READABLE, got=got, do=do)
            found.append(joined([block_of(cells, where, name)], name, where))
        rows = max((len(values) for values, _ in found), default=0)
        values = np.empty((rows, len(found)))
        for j, (column, _) in enumerate(found):
            values[:, j] = column
        return Table(tuple(columns), values, tuple(form for _, form in found))


_REMEDIES = {
    "M": "write times as integers: astype('int64')",
    "m": "write durations as integers: astype('int64')",
    "O": "convert it with astype(float), or integers with astype('int64')",
}


def check_matrix(shape: tuple[int, ...], dtype: np.dtype[Any], where: object) -> None:
    """Refuses an array that is no matrix of numbers of at most 64 bits."""
    shown = str(shape) if len(shape) <= 8 else f"({shape[0]}, ...) of {len(shape)} dimensions"
    if dtype.hasobject or dtype.kind not in "fiub" or dtype.itemsize > 8:
        expected, got = "an array of numbers", f"type {quote(dtype)}"
        do = _REMEDIES.get(dtype.kind, "convert it with astype(float)")
    elif len(shape) > 2:
        expected, got = "a 2-D array (rows, columns)", f"shape {shown}, as of pictures"
        do = "make each a row with reshape(len(x), -1), or fit them as pictures: scorax fit X.npy"
    elif len(shape) < 2:
        expected, got, do = "a 2-D array (rows, columns)", f"shape {shown}", "reshape it, one column: reshape(-1, 1)"
    else:
        return
    raise refusal(where, expected=expected, got=got, do=do)


def check_names(names: Sequence[str], where: object, limits: Limits, *, unnamed: bool = False) -> None:
    """Refuses names that are missing (unless ``unnamed``), repeated, too many or too long, naming the column."""
    place = shown_path(where)
    if not names:
        raise refusal(place, expected="columns", got="none", do="check the file")
    check_count(len(names), where, limits)
    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        # Names that differ by the spaces around them, or in how an accent is composed, look the same.
        key = unicodedata.normalize("NFC", name.strip()) if len(name) <= limits.field_bytes else name
        if not key and unnamed:
            continue
        if not key:
            problem, remedy = f"column {position} without a name", "name it in the header (a row index? remove it)"
        elif key in seen:
            first = names[seen[key] - 1]
            called = f"both named {quote(name)}" if first == name else f"named {quote(first)} and {quote(name)}"
            problem, remedy = f"columns {seen[key]} and {position} {called}", "rename one of them"
        elif len(name.encode(errors="replace")) > limits.field_bytes:
            problem, remedy = f"column {position} with a name of {len(name)} characters", "shorten it"
        elif "\0" in name or any("\ud800" <= c <= "\udfff" for c in name):
            problem, remedy = f"column {position} named {quote(name)}, which is not text", "rename it"
        else:
            seen[key] = position
            continue
        raise refusal(place, expected="distinct column names", got=problem, do=remedy)


def check_count(columns: int, where: object, limits: Limits) -> None:
    """Refuses a table with too many columns."""
    if columns > limits.columns:
        raise refusal(
            where,
            expected=f"at most {limits.columns} columns",
            got=f"{columns}" if columns < 10 * limits.columns else f"more than {10 * limits.columns - 1}",
            do="select the columns to model, or raise the limit",
        )


def check_bytes(amount: int, where: object, limits: Limits, what: str = "the table as float64") -> None:
    """Refuses what would take more memory than allowed; ``amount`` is a Python integer, so it cannot overflow."""
    if amount > limits.total_bytes:
        raise refusal(
            where,
            expected=f"at most {limits.total_bytes} bytes for {what}",
            got=f"{amount}" if amount < 2**63 else f"about 2^{int(math.log2(amount))}",
            do="take fewer rows or columns, or raise the limit",
        )


@dataclass(frozen=True)
class TableFacts:
    """Fingerprint of a table: its size and the SHA-256 of its content."""

    rows: int
    columns: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.rows:,} rows, {self.columns} columns, SHA-256 {self.sha256[:12]}..."


def fingerprint(table: Table) -> TableFacts:
    """What tells two tables apart and gives no row away; the SHA-256 is that of names and values."""
    digest = hashlib.sha256()
    for name in table.columns:
        encoded = name.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    digest.update(np.ascontiguousarray(table.values, dtype="<f8").tobytes())
    origins = {name: form.origin for name, form in zip(table.columns, table.formats, strict=True) if form.origin}
    if origins:
        digest.update(repr(sorted(origins.items())).encode())
    levels = {n: form.levels for n, form in zip(table.columns, table.formats, strict=True) if form.kind == "text"}
    if levels:
        digest.update(repr(sorted(levels.items())).encode())
    return TableFacts(table.rows, len(table.columns), digest.hexdigest())
