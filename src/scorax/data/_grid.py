"""The grid on which a column of numbers was written: constant, integers, decimals, or none."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

Kind: TypeAlias = Literal["continuous", "rounded", "integer", "constant"]

SAME = 1e-12
"""Two values closer than this, relative to the largest of the column, are one value."""

_MOST_DISTINCT = 0.9
_EXACT = 2.0**53
_WIDEST = 0.05


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
    """The grid of the values of one column (finite, at least one), ``written`` with so many decimals if known."""
    low, high = float(values.min()), float(values.max())
    if high - low <= SAME * max(abs(low), abs(high)):
        return Grid("constant", value=float(values[0]) if low != high else low)
    if not np.abs(values).max() < _EXACT:
        return Grid("continuous")
    # Numbers that came through float32 lie near their decimals only to its precision.
    single = bool((values == values.astype(np.float32)).all())
    tolerance = 2.0**-23 if single else 1e-9
    for decimals in [0, *([written] if written else [] if written == 0 else range(1, 7))]:
        scaled = on_decimals(values, decimals, tolerance)
        if scaled is None:
            continue
        distinct = np.unique(scaled)
        if len(distinct) < 2 or (decimals > 0 and len(distinct) > _MOST_DISTINCT * len(values)):
            break
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
    return Grid("continuous")


def on_decimals(values: np.ndarray, decimals: int, tolerance: float) -> np.ndarray | None:
    """The values times ``10**decimals`` as int64 where all are integral within the tolerance, otherwise ``None``."""
    scaled = values * 10.0**decimals
    if not np.abs(scaled).max() < _EXACT:
        return None
    nearest = np.rint(scaled)
    if decimals == 0:
        return nearest.astype(np.int64) if (scaled == nearest).all() else None
    slack = tolerance * np.maximum(np.abs(scaled), 1.0)
    # A tolerance as wide as the grid itself would call every number a decimal one: far from zero only the rounding
    # of the number itself is forgiven.
    slack = np.where(slack > _WIDEST, 2.0**-50 * np.abs(scaled), slack)
    if np.max(slack) > _WIDEST or (np.abs(scaled - nearest) > slack).any():
        return None
    return nearest.astype(np.int64)


def round_to(values: np.ndarray, decimals: int, offset: float, step: float) -> np.ndarray:
    """The nearest points ``offset + k step``, each the float64 nearest to its decimal; NaN and infinities stay."""
    scale = 10.0**decimals
    first, stride = np.rint(offset * scale), np.rint(step * scale)
    return (first + np.rint((values * scale - first) / stride) * stride) / scale
