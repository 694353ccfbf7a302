"""The grid on which the values of a column lie."""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float

from scorax._decimals import round_to
from scorax.spec import Range
from scorax.tables.columns._cells import DecimalPoints

_MANY = 10
"""So many values share a step by no accident."""


@dataclass(frozen=True)
class Grid:
    """Integers or decimals that a column holds, and the width of the noise that makes them continuous.

    Attributes:
        decimals: of the values; 0 for integers.
        gap: the smallest difference between two distinct values. Every dequantisation adds uniform noise of this width centred
            on the value.
        offset: with ``step``, the grid on which generated values are put. Where all values lie on ``low + k gap`` that is the
            grid, so rounding exactly undoes the dequantisation. Otherwise it is the grid of the decimals: a value between two
            seen ones is then a possible one, and the gap, a lower bound on the spacing, stays the width of the noise.
        step: see ``offset``.
    """

    decimals: Annotated[int, Range(0, 12)]
    gap: Annotated[float, Range(0, math.inf, above=True)]
    offset: float
    step: float

    def __post_init__(self) -> None:
        if not (self.step * 10.0**self.decimals >= 0.99 and self.step <= self.gap):
            raise ValueError("the step of a grid must be at least one unit of its decimals and at most its gap")

    @staticmethod
    def of(points: DecimalPoints, *, common: bool = False) -> "Grid":
        """The grid of the values of a column; ``common``: that of the largest common step where many values share one."""
        gaps = np.diff(points.distinct)
        gap = int(gaps.min())
        # A grid of its own only if every value is on it: {0, 6, 10} has the gap 4 but lies on no grid of step 4.
        step = gap if not (gaps % gap).any() else 1
        if common and len(gaps) >= _MANY:
            step = int(np.gcd.reduce(gaps))
        scale = 10.0**points.decimals
        offset = int(points.distinct[0]) if step > 1 else 0
        return Grid(points.decimals, gap / scale, offset / scale, step / scale)

    def round(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The nearest points; never clipped: a value beyond those seen stays one. NaN and infinities stay too."""
        return round_to(values, self.decimals, self.offset, self.step)
