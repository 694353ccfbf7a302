"""The grid on which a column of numbers was written: constant, integers, decimals, or none."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from scorax.data._integers import EXACT

Kind: TypeAlias = Literal["continuous", "rounded", "integer", "constant"]

SAME = 1e-12
"""Two values closer than this, relative to the largest of the column, are one value."""

_MOST_DISTINCT = 0.9
_EXACT = float(EXACT)
_WIDEST = 0.05
_MOST_SHORT = 6


@dataclass(frozen=True)
class Grid:
    """Where the values of a column may lie; see ``Column`` for the meaning of the fields."""

    kind: Kind
    gap: float | None = None
    decimals: int | None = None
    offset: float | None = None
    step: float | None = None
    value: float | None = None


def find_grid(values: np.ndarray, written: int | None) -> Grid:
    """The grid of the values of one column (finite, at least one), ``written`` with so many decimals if known.

    Values that differ on a grid are different, however close; off every grid they are one value if they agree to ``SAME``.
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return Grid("constant", value=low)
    largest = max(abs(low), abs(high))
    # Numbers that came through float32 lie near their decimals only to its precision.
    single = largest <= _EXACT and bool((values == values.astype(np.float32)).all())
    tolerance = 2.0**-23 if single else 1e-9
    for decimals in [0, *([written] if written else [] if written == 0 else range(1, 7))]:
        scaled = on_decimals(values, decimals, tolerance)
        if scaled is None:
            continue
        distinct = np.unique(scaled)
        if len(distinct) < 2:
            break
        if decimals > 0 and len(distinct) > _MOST_DISTINCT * len(values):
            return Grid("continuous")
        gaps = np.diff(distinct)
        gap = int(gaps.min())
        # A grid of its own only if every value is on it: {0, 6, 10} has the gap 4 but lies on no grid of step 4.
        step = gap if not (gaps % gap).any() else 1
        scale = 10.0**decimals
        return Grid(
            "rounded" if decimals else "integer",
            gap=gap / scale,
            decimals=decimals,
            offset=(int(distinct[0]) if step > 1 else 0) / scale,
            step=step / scale,
        )
    if high - low <= SAME * largest:
        return Grid("constant", value=float(values[0]))
    return Grid("continuous")


def shortest_decimals(values: np.ndarray) -> int | None:
    """The fewest decimals, from one to six, with which floats can be written and read back; ``None`` if six are too few.

    One at least, as floats are written: ``2.0``. Values that are all of single precision may read back in it.
    """
    if (np.rint(values) == values).all():
        return 1
    largest = np.abs(values).max()
    single = largest < _EXACT and bool((values == values.astype(np.float32)).all())
    for decimals in range(1, _MOST_SHORT + 1):
        if largest > _EXACT / 10.0**decimals:
            return None
        back = np.rint(values * 10.0**decimals) / 10.0**decimals
        if (back == values).all() or (single and (back.astype(np.float32) == values).all()):
            return decimals
    return None


def on_decimals(values: np.ndarray, decimals: int, tolerance: float) -> np.ndarray | None:
    """The values times ``10**decimals`` as int64 where all are integral within the tolerance, otherwise ``None``."""
    scale = 10.0**decimals
    if not np.abs(values).max() <= _EXACT / scale:
        return None
    scaled = values * scale
    nearest = np.rint(scaled)
    # A decimal number of a file is the float64 nearest to it, and dividing integers within 2^53 rounds to that.
    if (nearest / scale == values).all():
        return nearest.astype(np.int64)
    if decimals == 0:
        return None
    slack = tolerance * np.maximum(np.abs(scaled), 1.0)
    # A tolerance as wide as the grid itself would call every number a decimal one: far from zero only the rounding
    # of the number itself is forgiven.
    slack = np.where(slack > _WIDEST, 2.0**-50 * np.abs(scaled), slack)
    if np.max(slack) > _WIDEST or (np.abs(scaled - nearest) > slack).any():
        return None
    return nearest.astype(np.int64)


def round_to(values: np.ndarray, decimals: int, offset: float = 0.0, step: float | None = None) -> np.ndarray:
    """The nearest points ``offset + k step``, each the float64 nearest to its decimal; NaN and infinities stay.

    So do numbers so large that float64 has no digit left to round. ``step`` is one unit of the decimals by default.
    """
    scale = 10.0**decimals
    fine = np.abs(values) < _EXACT / scale
    first, stride = np.rint(offset * scale), 1.0 if step is None else np.rint(step * scale)
    found = (first + np.rint((np.where(fine, values, 0.0) * scale - first) / stride) * stride) / scale
    return np.where(fine, found + 0.0, values)  # + 0.0: no negative zero
