"""Which columns of a table others determine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float

from scorax.tables.columns import AbstractColumn, Cells, Copy, Groups, found_line

_LOOKED_AT = 64
"""Rows on which two columns of numbers are compared before all of them are."""


@dataclass(frozen=True, eq=False)
class Source:
    """A column that is modelled, which may determine others.

    Attributes:
        cells: its cells.
        values: in all rows, NaN where missing.
        unit: the first rows from 0 to 1.
        groups: its rows by levels, where it has levels.
    """

    cells: Cells
    values: Float[np.ndarray, " n"]
    unit: Float[np.ndarray, " first"]
    groups: Groups | None

    @classmethod
    def of(cls, column: AbstractColumn, cells: Cells, values: Float[np.ndarray, " n"]) -> Self:
        """That of a column that varies."""
        return cls(cells, values, _first(cells, values), Groups.of(column, values))


def copy_of(cells: Cells, values: Float[np.ndarray, " n"], sources: Sequence[Source]) -> Copy | None:
    """A column as another one in other units, or as a value for each of its levels; that with the fewest goes first.

    Args:
        cells: of the column, which varies.
        values: its values in all rows, NaN where missing.
        sources: columns that are modelled, those with the most values first.
    """
    unit = _first(cells, values)
    for source in reversed(sources):
        found = None
        if _may_be_line(cells, unit, source):
            found = found_line(cells, values, source.cells, source.values)
        if found is None and source.groups is not None:
            found = source.groups.determined(cells, values)
        if found is not None:
            return found
    return None


def from_zero_to_one(values: Float[np.ndarray, " n"], low: float, high: float) -> Float[np.ndarray, " n"]:
    """Values between two ends from 0 to 1, below a half at the first that is there: the same in all units, up to rounding."""
    unit = (values / 2 - low / 2) / (high / 2 - low / 2)
    return 1 - unit if (unit[~np.isnan(unit)][:1] > 0.5).any() else unit


def _first(cells: Cells, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " first"]:
    return from_zero_to_one(values[:_LOOKED_AT], cells.low, cells.high)


def _may_be_line(cells: Cells, unit: Float[np.ndarray, " first"], source: Source) -> bool:
    """Whether two columns may be each other in other units, by their first rows."""
    other = source.cells
    if "text" in (cells.given.kind, other.given.kind):
        return False
    decimals = cells.format.decimals if cells.format.kind == "number" else 0
    slack = 1e-9 + (0.0 if decimals is None else 2 * 10.0**-decimals / (cells.high - cells.low))
    # The first row alone tells most of a thousand columns apart; where it lacks a cell it says nothing.
    one, two = float(unit[0]), float(source.unit[0])
    if abs(one - two) > slack and abs(one + two - 1) > slack:
        return False
    if len(other.distinct) == len(cells.distinct) and (other.repeats != cells.repeats).any():
        return False
    apart = np.minimum(np.abs(unit - source.unit), np.abs(unit + source.unit - 1))
    return bool(np.nanmax(apart, initial=0.0) <= slack)
