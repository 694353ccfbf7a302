"""A table of numbers in memory, the limits under which one is read, and the rules its column names obey."""

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from scorax._errors import InputError, explain
from scorax._text import quote, shown_path

Missing: TypeAlias = Literal["refuse", "keep", "drop"]
"""What a missing cell does: refuse the table, stay as NaN, or take its row away."""

LARGEST_INTEGER = 2**53
"""The first magnitude at which float64 no longer holds every integer."""


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
    """Columns of numbers.

    Attributes:
        columns: names, all different.
        values: float64, shape (rows, columns). NaN only where a reader was told to keep missing cells.
        decimals: for each column the number of decimals with which the file writes it (0 for integers), or ``None``
            where it is not known: binary floats, exponents, more than 12 decimals.
    """

    columns: tuple[str, ...]
    values: np.ndarray
    decimals: tuple[int | None, ...]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not self.values.shape[1] == len(self.columns) == len(self.decimals):
            raise ValueError(f"{len(self.columns)} columns do not fit values of shape {self.values.shape}")

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.values.shape[0]

    @staticmethod
    def of(values: Any, columns: Sequence[str] | None = None, where: str = "the array") -> "Table":
        """A table from anything NumPy reads as a matrix of numbers; columns are ``x0``, ``x1``, ... unless named."""
        array = np.asarray(values)
        if array.ndim != 2 or array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
            raise InputError(
                f"{where}: "
                + explain(
                    expected="a 2-D array of numbers",
                    got=f"shape {array.shape} and type {array.dtype}",
                    do="reshape to (rows, columns) and convert to float64",
                )
            )
        names = tuple(f"x{j}" for j in range(array.shape[1])) if columns is None else tuple(columns)
        check_names(names, where, Limits())
        integral = array.dtype.kind in "iub"
        if integral and array.size and max(abs(int(array.max())), abs(int(array.min()))) > LARGEST_INTEGER:
            raise too_large_integer(where, names[int(np.argmax(np.abs(array.astype(np.float64)).max(axis=0)))])
        values64 = array.astype(np.float64)
        return Table(names, values64, (0 if integral else None,) * len(names))


def too_large_integer(where: object, column: str, row: int | None = None) -> InputError:
    """The refusal of an integer that float64 cannot hold."""
    place = f"column {quote(column)}" + ("" if row is None else f", row {row}")
    return InputError(
        f"{shown_path(where)}: "
        + explain(
            expected="integers below 2^53 in size",
            got=f"a larger one in {place}",
            do="remove the column (an identifier?) or write it as a decimal number",
        )
    )


def check_names(names: Sequence[str], where: object, limits: Limits) -> None:
    """Refuses names that are missing, repeated, too many or too long, naming the column."""
    place = shown_path(where)
    if not names:
        raise InputError(f"{place}: " + explain(expected="columns", got="none", do="check the file"))
    check_count(len(names), where, limits)
    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if not name.strip():
            problem, remedy = f"column {position} without a name", "name it in the header (a row index? remove it)"
        elif name in seen:
            problem, remedy = f"columns {seen[name]} and {position} both named {quote(name)}", "rename one of them"
        elif len(name.encode(errors="replace")) > limits.field_bytes:
            problem, remedy = f"column {position} with a name of {len(name)} characters", "shorten it"
        elif "\0" in name or any("\ud800" <= c <= "\udfff" for c in name):
            problem, remedy = f"column {position} named {quote(name)}, which is not text", "rename it"
        else:
            seen[name] = position
            continue
        raise InputError(f"{place}: " + explain(expected="distinct column names", got=problem, do=remedy))


def check_count(columns: int, where: object, limits: Limits) -> None:
    """Refuses a table with too many columns."""
    if columns > limits.columns:
        raise InputError(
            f"{shown_path(where)}: "
            + explain(
                expected=f"at most {limits.columns} columns",
                got=f"{columns}" if columns < 10 * limits.columns else f"more than {10 * limits.columns - 1}",
                do="select the columns to model, or raise the limit",
            )
        )


def check_bytes(amount: int, where: object, limits: Limits, what: str = "the table as float64") -> None:
    """Refuses what would take more memory than allowed; ``amount`` is a Python integer, so it cannot overflow."""
    if amount > limits.total_bytes:
        raise InputError(
            f"{shown_path(where)}: "
            + explain(
                expected=f"at most {limits.total_bytes} bytes for {what}",
                got=f"{amount}" if amount < 2**63 else f"about 2^{int(math.log2(amount))}",
                do="take fewer rows or columns, or raise the limit",
            )
        )


def fingerprint(table: Table) -> dict[str, Any]:
    """Rows, columns and a SHA-256 of names and values: tells two tables apart, gives no row away."""
    digest = hashlib.sha256()
    for name in table.columns:
        encoded = name.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    digest.update(np.ascontiguousarray(table.values, dtype="<f8").tobytes())
    return {"rows": table.rows, "columns": len(table.columns), "sha256": digest.hexdigest()}
