"""Rows that were put in several times: they are held out together."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from scorax.tables.columns import AbstractColumn

_REPEATED = 0.05
_WHOLE = 0.9
"""Rows were put in several times where a twentieth of them repeats an earlier one, and where nine of ten repeats of a value, in a
column whose values chance would hardly repeat, are repeats of the whole row."""

_SPARSE = 100


def distinct_rows(values: Float[np.ndarray, "n columns"], columns: Sequence[AbstractColumn]) -> Int[np.ndarray, " n"]:
    """The number of the distinct row that each row is, where rows were put in several times; else all rows are distinct."""
    fine = [own for own, column in zip(values.T, columns, strict=True) if _fine(own[~np.isnan(own)], column)]
    if fine:
        rows = np.ascontiguousarray(values)
        rows = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))  # missing cells are alike
        number = np.unique(rows, return_inverse=True)[1].ravel()
        repeated = len(values) - 1 - number.max()
        if repeated > max(_REPEATED * len(values), _WHOLE * min(len(own) - len(np.unique(own)) for own in fine) - 1):
            return number
    return np.arange(len(values))


def _fine(values: Float[np.ndarray, " n"], column: AbstractColumn) -> bool:
    """Whether chance would hardly repeat a value: it is of a grid with a hundred times more points than were seen."""
    if column.step is None:
        return bool(column.widths)
    return len(values) > 0 and bool(np.ptp(values) > _SPARSE * len(np.unique(values)) * column.step)
