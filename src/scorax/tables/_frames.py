"""What users hand in as ``X``: arrays, lists, and data frames of any library that narwhals knows; the way back to a frame."""

from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import narwhals as nw
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from scorax._errors import InputError, explain
from scorax._text import listing, quote
from scorax.data import Table

Library = Literal["pandas", "polars", "pyarrow", "modin", "cudf"]
"""A library of data frames."""


@dataclass(frozen=True)
class Frame:
    """The kind of a data frame.

    Attributes:
        library: that it is of.
        labels: of its columns; ``None`` where they are pandas' numbers from 0 on.
        count: of its columns.
    """

    library: Library
    labels: tuple[str, ...] | None
    count: int

    @staticmethod
    def of(X: Any) -> "Frame | None":
        """The kind of ``X``, or ``None`` where it is no data frame, or one with labels of another kind."""
        frame = _frame(X)
        if frame is None or frame.implementation.value not in get_args(Library):
            return None
        library = cast(Library, frame.implementation.value)
        labels: list[Any] = frame.columns
        if labels == list(range(len(labels))):
            return Frame(library, None, len(labels))
        return Frame(library, tuple(labels), len(labels)) if all(isinstance(label, str) for label in labels) else None

    def build(self, columns: list[np.ndarray]) -> Any:
        """A data frame of these columns."""
        labels: Any = range(self.count) if self.labels is None else self.labels
        return nw.from_dict(dict(zip(labels, columns, strict=True)), backend=self.library).to_native()


def checked_table(estimator: BaseEstimator, X: Any, *, reset: bool, fewest: int = 1) -> Table:
    """The rows of ``X`` after scikit-learn's checks; columns of integers stay exact, also beside floats in a data frame.

    Names of columns are those that scikit-learn remembers, otherwise ``x0``, ``x1``, ...

    Raises:
        InputError: a cell is not a finite number, or a row has another length (a ``ValueError``); the column is named.
        TypeError: a cell is an object of which no number can be made.
    """
    try:
        values = np.asarray(validate_data(estimator, X, dtype="numeric", reset=reset, ensure_min_samples=fewest))
        values = values.astype(np.float64) if values.dtype.kind == "O" else values
    except (TypeError, ValueError) as error:
        _explain_cells(X, error)
        raise
    if not np.isfinite(values).all():  # scikit-learn does not look into lists of objects
        _explain_cells(X, ValueError())
    names = [str(name) for name in getattr(estimator, "feature_names_in_", ())] or default_names(values.shape[1])
    frame = _frame(X)
    if frame is None:
        return Table.of(values, names, "X")
    columns = [series.to_numpy() for series in frame.iter_columns()]
    # A column of Python objects is what scikit-learn has made of it.
    cells = [values[:, j] if c.dtype.kind == "O" else c for j, c in enumerate(columns)]
    return Table.of_columns(dict(zip(names, cells, strict=True)), "X")


def _frame(X: Any) -> nw.DataFrame[Any] | None:
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def default_names(count: int) -> list[str]:
    """Names of columns that have none."""
    return [f"x{j}" for j in range(count)]


def _explain_cells(X: Any, error: Exception) -> None:
    """Raise what names the column, where ``error`` is about a cell or the shape of the rows."""
    frame = _frame(X)
    if frame is not None:
        for label, series in zip(frame.columns, frame.iter_columns(), strict=True):
            _explain_column(label, series.to_list(), None)
        return
    if isinstance(X, np.ndarray) and X.dtype.names is not None:
        fields = listing(X.dtype.names)
        got = f"a structured array with the fields {fields}"
        raise InputError(
            "X: " + explain(expected="a 2-D array or a data frame", got=got, do="pass pandas.DataFrame(X)")
        )
    if isinstance(X, list | tuple) and all(isinstance(row, list | tuple) for row in X):
        lengths = [len(row) for row in X]
        other = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
        if other is not None:
            expected, got = f"{lengths[0]} cells in every row", f"{lengths[other]} in row {other + 1}"
            raise InputError("X: " + explain(expected=expected, got=got, do="mend the row"))
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
            raise InputError("X: " + explain(expected="numbers", got=got, do=do)) from None
        except TypeError:
            if cell is not None and error is not None:
                raise TypeError(f"X {place}: {error}") from None
            got, do = f"{quote(cell)} {place}", "encode the column as numbers and fill its holes, or leave it out"
            raise InputError("X: " + explain(expected="numbers", got=got, do=do)) from None
        if not np.isfinite(number):
            got = f"{'NaN' if np.isnan(number) else 'infinity (inf)'} {place}"
            do = "fill the cell, or drop the row or the column"
            raise InputError("X: " + explain(expected="finite numbers", got=got, do=do))
