"""What users hand in as ``X``: arrays, lists, and data frames of any library that narwhals knows; the way back to a frame."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

import narwhals as nw
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from scorax._errors import refusal
from scorax._text import listing, quote
from scorax.data import Missing, Table
from scorax.tables._column_types import ColumnType

Library = Literal["pandas", "polars", "pyarrow", "modin", "cudf"]
"""A library of data frames."""

_PANDAS = {"pandas": "pandas", "modin": "modin.pandas", "cudf": "cudf"}
"""Modules with the classes of pandas."""


@dataclass(frozen=True)
class Frame:
    """The kind of a data frame.

    Attributes:
        library: that it is of.
        labels: of its columns; ``None`` where they are pandas' numbers from 0 on.
        count: of its columns.
        types: of its columns; a run folder of an earlier release has none.
    """

    library: Library
    labels: tuple[str, ...] | None
    count: int
    types: tuple[ColumnType, ...] = ()

    @staticmethod
    def of(X: Any, kept: Sequence[bool] | None = None) -> "Frame | None":
        """The kind of ``X`` with the columns that are kept, which are all unless it is said.

        ``None`` where it is no data frame, or one with labels of another kind.
        """
        frame = _frame(X)
        if frame is None or frame.implementation.value not in get_args(Library):
            return None
        library = cast(Library, frame.implementation.value)
        every: list[Any] = frame.columns
        kept = [True] * len(every) if kept is None else kept
        numbered = every == list(range(len(every)))
        if not (numbered or all(isinstance(label, str) for label in every)):
            return None
        labels = [str(label) for label, keep in zip(every, kept, strict=True) if keep]
        types = [ColumnType.of(series) for series, keep in zip(frame.iter_columns(), kept, strict=True) if keep]
        return Frame(library, None if numbered and all(kept) else tuple(labels), len(labels), tuple(types))

    def build(self, columns: list[np.ndarray]) -> Any:
        """A data frame of these columns, of the types that it had."""
        labels: Any = range(self.count) if self.labels is None else self.labels
        if not self.types:
            return nw.from_dict(dict(zip(labels, columns, strict=True)), backend=self.library).to_native()
        made = zip(labels, self.types, columns, strict=True)
        if (module := _PANDAS.get(self.library)) is not None:
            pandas = importlib.import_module(module)
            return pandas.DataFrame({label: kind.pandas_column(cells, pandas) for label, kind, cells in made})
        found = [kind.column(str(label), cells, self.library).to_frame() for label, kind, cells in made]
        return nw.concat(found, how="horizontal").to_native()

    def like(self, X: Any, columns: list[np.ndarray]) -> Any:
        """A data frame as :meth:`build` makes it, with the index of ``X`` where it has one; categories grow by what is new."""
        types = tuple(kind.with_categories(cells) for kind, cells in zip(self.types, columns, strict=True))
        made = replace(self, types=types).build(columns)
        if self.library in _PANDAS:
            made.index = X.index
        return made


def checked_table(
    estimator: BaseEstimator, X: Any, *, reset: bool, fewest: int = 1, missing: Missing = "refuse"
) -> Table:
    """The rows of ``X`` after scikit-learn's checks; columns of integers stay exact, also beside floats in a data frame.

    Columns of a data frame may be numbers, texts or categories, truth values, dates and times. Names of columns are those that
    scikit-learn remembers, otherwise ``x0``, ``x1``, ... Of missing cells ``keep`` makes NaN, ``refuse`` an error.

    Raises:
        InputError: a cell is infinite or, where they are refused, missing; a cell of an array is no number, or a row has another
            length (a ``ValueError``); the column is named.
        TypeError: a cell is an object of which no number can be made.
    """
    frame = _frame(X)
    if frame is not None:
        return _table_of_frame(estimator, X, frame, reset, fewest, missing)
    finite = True if missing == "refuse" else "allow-nan"
    try:
        values = validate_data(
            estimator, X, dtype="numeric", reset=reset, ensure_min_samples=fewest, ensure_all_finite=finite
        )
        values = np.asarray(values)
        values = values.astype(np.float64) if values.dtype.kind == "O" else values
    except (TypeError, ValueError) as error:
        _explain_cells(X, error)
        raise
    if (np.isinf(values) if missing == "keep" else ~np.isfinite(values)).any():  # not looked for in lists of objects
        _explain_cells(X, ValueError())
    names = [str(name) for name in getattr(estimator, "feature_names_in_", ())] or default_names(values.shape[1])
    return Table.of(values, names, "X")


def _table_of_frame(
    estimator: BaseEstimator, X: Any, frame: nw.DataFrame[Any], reset: bool, fewest: int, missing: Missing
) -> Table:
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    names = [str(name) for name in getattr(estimator, "feature_names_in_", ())] or default_names(len(frame.columns))
    if len(frame) < fewest or not names:
        shape = f"{len(frame)} rows and {len(names)} columns"
        do = "bring more data"
        raise refusal("X", expected=f"at least {fewest} rows to fit and a column", got=shape, do=do)
    columns: dict[str, Any] = {}
    for name, series in zip(names, frame.iter_columns(), strict=True):
        try:
            columns[name] = series.to_arrow()
        except Exception as error:  # Arrow's and pandas' own for Python objects of several kinds
            got = f"cells of several kinds in column {quote(name)} ({quote(str(error).splitlines()[0], 80)})"
            raise refusal("X", expected="cells of one type", got=got, do="make it one type") from None
    table = Table.of_arrow(columns, "X")
    for j, name in enumerate(table.columns):
        values = table.values[:, j]
        bad = ~np.isfinite(values) if missing == "refuse" else np.isinf(values)
        if bad.any():
            row = int(np.argmax(bad))
            got = f"{'infinity (inf)' if np.isinf(values[row]) else 'a missing cell'} in column {quote(name)}, row {row + 1}"
            do = "fill the cell, or drop the row or the column"
            raise refusal("X", expected="a finite value in every cell", got=got, do=do)
    return table


def _frame(X: Any) -> nw.DataFrame[Any] | None:
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def default_names(count: int) -> list[str]:
    """Names of columns that have none."""
    return [f"x{j}" for j in range(count)]


def _explain_cells(X: Any, error: Exception) -> None:
    """Raise what names the column, where ``error`` is about a cell or the shape of the rows."""
    if isinstance(X, np.ndarray) and X.dtype.names is not None:
        fields = listing(X.dtype.names)
        got = f"a structured array with the fields {fields}"
        raise refusal("X", expected="a 2-D array or a data frame", got=got, do="pass pandas.DataFrame(X)")
    if isinstance(X, list | tuple) and all(isinstance(row, list | tuple) for row in X):
        lengths = [len(row) for row in X]
        other = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
        if other is not None:
            expected, got = f"{lengths[0]} cells in every row", f"{lengths[other]} in row {other + 1}"
            raise refusal("X", expected=expected, got=got, do="mend the row")
    if isinstance(X, np.ndarray | list | tuple) and np.ndim(np.asarray(X, dtype=object)) == 2:
        for name, cells in zip(default_names(np.shape(X)[1]), np.asarray(X, dtype=object).T, strict=True):
            _explain_column(name, list(cells), error)


def _explain_column(label: object, cells: list[Any], error: Exception | None) -> None:
    for row, cell in enumerate(cells, start=1):
        if isinstance(cell, complex | np.complexfloating):
            return
        place = f"in column {quote(label)}, row {row}"
        try:
            number = float(cell)
        except ValueError:
            got, do = f"{quote(cell)} {place}", "encode the column as numbers, or leave it out"
            raise refusal("X", expected="numbers", got=got, do=do) from None
        except TypeError:
            if cell is not None and error is not None:
                raise TypeError(f"X {place}: {error}") from None
            got, do = f"{quote(cell)} {place}", "encode the column as numbers and fill its holes, or leave it out"
            raise refusal("X", expected="numbers", got=got, do=do) from None
        if not np.isfinite(number):
            got = f"{'NaN' if np.isnan(number) else 'infinity (inf)'} {place}"
            do = "fill the cell, or drop the row or the column"
            raise refusal("X", expected="finite numbers", got=got, do=do)
