"""What a file has of one column, and the decimal points that its values may lie on."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64

from scorax._decimals import on_decimals, shortest_decimals, single_precision
from scorax.data import Format


class DecimalPoints(NamedTuple):
    """Distinct values of a column in units of its last decimal, ascending; two at least."""

    decimals: int
    distinct: Int64[np.ndarray, " points"]


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one column.

    Attributes:
        name: of the column.
        values: finite, at least one; from the origin.
        given: how the table has them.
    """

    name: str
    values: Float[np.ndarray, " n"]
    given: Format

    @cached_property
    def low(self) -> float:
        """The smallest value."""
        return float(self.values.min())

    @cached_property
    def high(self) -> float:
        """The largest value."""
        return float(self.values.max())

    @cached_property
    def format(self) -> Format:
        """How the column is written: as it was given, and floats with the decimals of their shortest form."""
        if self.given.kind != "number" or self.given.decimals is not None:
            return self.given
        return replace(self.given, decimals=shortest_decimals(self.values))

    @cached_property
    def points(self) -> DecimalPoints | None:
        """The values as decimals, the fewest that hold them all; ``None`` where none do, all are one value,
        or they are no numbers."""
        if self.low == self.high or self.given.kind != "number":
            return None
        # Numbers that came through float32 lie near their decimals only to its precision.
        tolerance = 2.0**-23 if single_precision(self.values) else 1e-9
        known = self.given.decimals
        for decimals in (0,) if known == 0 else range(7) if known is None else (0, known):
            scaled = on_decimals(self.values, decimals, tolerance)
            if scaled is not None:
                distinct = np.unique(scaled)
                return DecimalPoints(decimals, distinct) if len(distinct) > 1 else None
        return None
