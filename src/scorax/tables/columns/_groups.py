"""A column of levels by its rows, and what it determines."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Int64
from scipy.special import gammaln

from scorax.tables.columns._cells import Cells
from scorax.tables.columns._column import AbstractColumn
from scorax.tables.columns._copy import FEWEST_BITS, Copy, log_ways
from scorax.tables.columns._levels import AbstractLevels

_ROWS_A_LEVEL = 4
"""Where levels share values, they have four rows each on average: then three quarters of the rows could have contradicted."""

_FIRST = 1000
"""Rows on which two columns are compared before all of them are."""


@dataclass(frozen=True, eq=False)
class Groups:
    """The rows of a column of levels, level by level.

    Attributes:
        source: its name.
        values: in all rows, NaN where missing.
        at: its levels, ascending.
        places: of each row that has one.
        rows: the number of each row that has a level.
        first: of each level the first place among these.
    """

    source: str
    values: Float[np.ndarray, " n"]
    at: Float[np.ndarray, " levels"]
    places: Int64[np.ndarray, " rows"]
    rows: Int64[np.ndarray, " rows"]
    first: Int64[np.ndarray, " levels"]

    @classmethod
    def of(cls, column: AbstractColumn, values: Float[np.ndarray, " n"]) -> Self | None:
        """``None`` where a row may have a value that is none of a few, or a level that no row has."""
        if not isinstance(column, AbstractLevels):
            return None
        rows = np.flatnonzero(~np.isnan(values))
        at, first, places = np.unique(values[rows], return_index=True, return_inverse=True)
        return cls(column.name, values, at, places, rows, first) if set(column.points) <= set(at) else None

    def determined(self, cells: Cells, values: Float[np.ndarray, " n"]) -> Copy | None:
        """Another column as a value for each level of this one, or ``None``.

        All rows of a level have the same value, and it is missing where this is. Levels have values of their own or
        :data:`_ROWS_A_LEVEL` rows on average, and :func:`evidence` says that it is no accident.

        Args:
            cells: of the other column.
            values: its values in all rows, NaN where missing.
        """
        alike = len(cells.distinct) == len(self.at)
        if len(cells.distinct) > len(self.at) or not (alike or len(self.rows) >= _ROWS_A_LEVEL * len(self.at)):
            return None
        images = values[self.rows[self.first]]
        for some in (slice(_FIRST), slice(None)):
            if (values[self.rows[some]] != images[self.places[some]]).any():
                return None  # a missing value differs from every other
        if len(self.rows) != len(cells.values):
            return None
        if evidence(cells.repeats, np.unique(images, return_counts=True)[1]) < FEWEST_BITS:
            return None
        return Copy(cells.name, cells.format, self.source, images=tuple(images.tolist()), at=tuple(self.at.tolist()))


def evidence(rows: Int64[np.ndarray, " values"], levels: Int64[np.ndarray, " values"]) -> float:
    r"""Bits by which the levels of one column describe another one shorter than its rows do.

    A value b is in $m_b$ of n rows and goes with $g_b$ of G levels. To say which rows have which value takes
    $\log_2 (n! / \prod_b m_b!)$ bits. Level by level it takes those of the numbers $g_b$, one of $\binom{G - 1}{K - 1}$ for
    K values, and $\log_2 (G! / \prod_b g_b!)$. That is a code, so where values stand in rows in random order, s bits or more
    are gained in one of $2^s$ tables at most (Grünwald 2007, The Minimum Description Length Principle, section 3.3).

    Args:
        rows: with each value.
        levels: with each value.
    """
    total, count = int(levels.sum()), len(levels)
    numbers = gammaln(total) - gammaln(count) - gammaln(total - count + 1)
    return log_ways(rows) - log_ways(levels) - float(numbers) / np.log(2)
