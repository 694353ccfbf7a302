"""What users hand in as ``y`` and as weights: a column of numbers or of classes, and how often each row counts."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight

from scorax._errors import refusal
from scorax._text import quote
from scorax.data import Table
from scorax.tables._schema import Schema
from scorax.tables.columns import AbstractColumn, Category, Cells, Constant, Stated


def checked_target(estimator: object, y: Any) -> np.ndarray:
    """``y`` as a vector of numbers, texts or truth values.

    Raises:
        ValueError: there is none, it has another shape, or a cell is missing or infinite.
    """
    if y is None:
        name = type(estimator).__name__
        raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None.")
    # Of pandas' truth values, which may be missing, scikit-learn makes numbers.
    objects = str(getattr(y, "dtype", "")) == "boolean"
    y = np.asarray(column_or_1d(np.asarray(y, dtype=object) if objects else y, warn=True))
    if y.dtype.kind != "O":
        assert_all_finite(y, input_name="y")
        return y
    kinds = {type(cell) for cell in y.tolist()}
    if kinds <= {bool, np.bool_}:
        return y.astype(bool)
    return y.astype(str) if kinds <= {str, np.str_} else _numbers(y)


def _numbers(y: np.ndarray) -> Float[np.ndarray, " n"]:
    """Objects as numbers; the first that is none is named, or among texts the first that is no text."""
    cells = y.tolist()
    found = np.array([_number(cell) for cell in cells])
    if not np.isfinite(found).all():
        same = [isinstance(cell, str) for cell in cells] if isinstance(cells[0], str) else np.isfinite(found)
        row = int(np.argmin(same))
        got, do = f"{quote(str(y[row]), 30)} in row {row + 1}", "leave such rows out, or make it of one type"
        raise refusal("y", expected="numbers, texts or truth values alone", got=got, do=do)
    return found


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return math.nan


def is_of_classes(y: np.ndarray) -> bool:
    """Whether ``y`` is of classes where nobody says so: texts and truth values are."""
    return y.dtype.kind in "USTb"


def target_table(y: np.ndarray, name: str) -> Table:
    """The table of ``y`` alone."""
    if is_of_classes(y):
        return Table.of_arrow({name: pa.array(y.tolist())}, "y")
    return Table.of(y[:, None], [name], "y")


def target_column(y: np.ndarray, name: str, *, classes: bool) -> AbstractColumn:
    """The column of ``y``: of levels, or of numbers as they are.

    Raises:
        ValueError: it has one value only, or shall be of classes and is of numbers that are not whole.
    """
    table = target_table(y, name)
    if classes:
        check_classification_targets(y)
    if len(np.unique(y)) < 2:
        kind = "class" if classes else "value"
        do = "nothing is to be learned of it"
        raise refusal("y", expected="two classes or values", got=f"one {kind}", do=do)
    if not classes:
        (found,) = Schema.infer(table).columns
        assert not isinstance(found, Constant)
        return found
    cells = Cells(name, table.values[:, 0], table.formats[0], plain=False, stated=Stated("category"))
    found = Category.infer(cells)
    assert found is not None
    return found


def target_values(y: np.ndarray, column: AbstractColumn) -> Float[np.ndarray, " n"]:
    """The values of ``y`` as rows have them.

    Raises:
        InputError: cells of another kind than those of the fit.
    """
    return Schema((column,)).match(target_table(y, column.name), "y")[:, 0]


def repeats(weights: Any, X: Any, seed: int) -> Int[np.ndarray, " rows"]:
    """The rows of a fit, each as often as its weight says: once without weights.

    Whole weights are counts. Of others the counts are drawn, as many in all as there are rows: each is the whole number below or
    above its share, and the share in the mean (systematic resampling).

    Raises:
        ValueError: a weight is negative, or there is not one for each row.
    """
    if weights is None:
        return np.arange(len(X))
    weights = _check_sample_weight(weights, X, dtype=np.float64, ensure_non_negative=True)
    if np.all(weights == np.round(weights)):
        counts = weights.astype(np.int64)
    else:
        ends = np.append(0.0, np.cumsum(weights)) * (len(weights) / weights.sum())
        counts = np.diff(np.floor(ends + np.random.default_rng([seed, 3]).uniform()).astype(np.int64))
    return np.repeat(np.arange(len(counts)), counts)
