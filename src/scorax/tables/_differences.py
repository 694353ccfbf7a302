"""Which columns of a table are another one and what they have more."""

from collections.abc import Mapping
from typing import TypeGuard

import numpy as np
from jaxtyping import Float

from scorax.data import NumberFormat, TimeFormat
from scorax.metrics import keep_order
from scorax.tables.columns import AbstractColumn as Column
from scorax.tables.columns import AbstractNumber, Continuous, Difference, Integer, Rounded, Time, excess_of

_NEAR = 0.5
"""Columns differ by little where the quartiles of the difference are at most half as far apart as those of the column."""

_FIRST = 64
"""Rows on which a column is compared with all others at once."""

_Values = Mapping[str, Float[np.ndarray, " n"]]


def with_differences(columns: Mapping[str, Column], values: _Values, stated: frozenset[str]) -> dict[str, Column]:
    """The columns, of which those that another one bounds from below, and that differ from it by little, are differences.

    Of several that bound a column, the one from which it differs least is taken.

    Args:
        columns: what they are by themselves, by name.
        values: of each in all rows, NaN where missing.
        stated: columns of which a person says what they are.
    """
    found = dict(columns)
    numbers = [column for column in columns.values() if _is_plain(column)]
    first = np.array([values[column.name][:_FIRST] for column in numbers])
    for upper in numbers:
        if upper.name in stated or np.isfinite(upper.map.base.ends[1]):
            continue
        best, least = None, _NEAR
        # Most columns are above this one in some of the first rows.
        for place in np.flatnonzero(~(first > values[upper.name][:_FIRST]).any(axis=1)):
            lower = numbers[place]
            if lower is not upper and _are_alike(lower, upper):
                near = _nearness(values[lower.name], values[upper.name], upper)
                if near is not None and near <= least:
                    best, least = lower, near
        if best is not None:
            excess = _excess(values[best.name], values[upper.name], upper)
            difference = Difference.of(upper, best, excess)
            found[upper.name] = upper if difference is None else difference
    return found


def _is_plain(column: Column) -> TypeGuard[Continuous | Integer | Rounded | Time]:
    """Whether a column is a number, smooth and without spikes, that counts from zero."""
    if not isinstance(column, Continuous | Integer | Rounded | Time) or column.spikes or column.map.heaped:
        return False
    return column.format.origin == 0 and not (isinstance(column.format, NumberFormat) and column.format.single)


def _are_alike(lower: AbstractNumber, upper: AbstractNumber) -> bool:
    """Whether both are numbers of one kind with the same decimals and steps, or times of one unit, and end alike below."""
    if type(lower) is not type(upper) or (lower.step, lower.margin) != (upper.step, upper.margin):
        return False
    if isinstance(lower.format, TimeFormat) and isinstance(upper.format, TimeFormat):
        return (lower.format.unit, lower.format.zone) == (upper.format.unit, upper.format.zone)
    return lower.map.base.ends[0] >= upper.map.base.ends[0]


def _excess(lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], column: AbstractNumber) -> np.ndarray:
    form = column.format
    assert isinstance(form, NumberFormat | TimeFormat)
    excess = excess_of(upper, lower, form)
    return excess[~np.isnan(excess)]


def _nearness(lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], column: AbstractNumber) -> float | None:
    """How far apart the quartiles of the difference are beside those of the upper column, where it is bounded by no accident."""
    if not keep_order(lower, upper) or (np.isnan(lower) & ~np.isnan(upper)).any():
        return None
    both = ~np.isnan(upper)
    apart, own = (
        np.subtract(*np.quantile(sample, [0.75, 0.25])) for sample in (_excess(lower, upper, column), upper[both])
    )
    return float(apart / own) if own > 0 else None
