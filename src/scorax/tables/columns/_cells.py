"""What a file has of one column, and the decimal points that its values may lie on."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64

from scorax._decimals import on_decimals, shortest_decimals, single_precision
from scorax._text import quote
from scorax.data import Format, NumberFormat, TextFormat
from scorax.tables.columns._spikes import count_head, far_codes, standing_out

SAME = 1e-12
"""Two levels closer than this, relative to them, are one, unless they differ on a decimal grid. A column is of one value if all
are so close, relative to the largest."""


def closeness(levels: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """How far from levels values are the same."""
    return np.maximum(SAME * np.abs(levels), np.finfo(float).tiny)


class DecimalPoints(NamedTuple):
    """Distinct values of a column in units of its last decimal, ascending; two at least."""

    decimals: int
    distinct: Int64[np.ndarray, " points"]


class Stated(NamedTuple):
    """What a person says of a column: its kind, and its ends, infinite where there is none or nothing is said."""

    kind: str
    low: float = -np.inf
    high: float = np.inf

    @property
    def ends(self) -> bool:
        """Whether there is an end."""
        return bool(np.isfinite(self.low) or np.isfinite(self.high))


def shown(form: Format, value: float) -> str:
    """A value for a person: as the file has it, or in its own digits where the file has none so fine."""
    if isinstance(form, TextFormat) and value < 0:
        return "another text"
    if isinstance(form, NumberFormat) and not form.holds(np.array([value])):
        return f"{value + form.origin:.12g}"
    found = form.cells(np.array([value]))[0]
    if isinstance(form, TextFormat):
        return quote(found)
    return f"{found:.12g}" if isinstance(found, float) else str(found)


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one column.

    Attributes:
        name: of the column.
        values: finite, at least one; from the origin.
        given: how the table has them.
        plain: whether the column is to be numbers as they are: no levels, no spikes, no map.
        stated: what a person says of it.
    """

    name: str
    values: Float[np.ndarray, " n"]
    given: Format
    plain: bool = True
    stated: Stated | None = None

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
        """How the column is written: as it was given, and floats with the decimals of their shortest form.

        Numbers that are all of single precision and have more than six decimals stay of it.
        """
        given = self.given
        if given.kind != "number" or given.decimals == 0:
            return given
        decimals = shortest_decimals(self.values)
        single = decimals is None and single_precision(self.values)
        if given.decimals is not None or given.fewest is not None:
            return replace(given, single=single)
        return replace(given, decimals=shortest_decimals(self.values, single=single), single=single)

    @cached_property
    def points(self) -> DecimalPoints | None:
        """The values as decimals, the fewest that hold them all; ``None`` where none do, all are one value,
        or they are no numbers."""
        if self.low == self.high or self.given.kind not in ("number", "time"):
            return None
        single = single_precision(self.values)
        known = self.given.decimals if self.given.kind == "number" else 0
        for decimals in (0,) if known == 0 else range(7) if known is None else (0, known):
            # What was computed is off by a few last bits, and comes back without them. What came through float32 is off by more:
            # it comes back as the number of that precision that is nearest to its decimal.
            scaled = on_decimals(self.values, decimals, 2.0**-23 if single else 1e-12)
            if scaled is not None and single:
                scaled = scaled if ((scaled / 10.0**decimals).astype(np.float32) == self.values).all() else None
            if scaled is not None:
                distinct = np.unique(scaled)
                return DecimalPoints(decimals, distinct) if len(distinct) > 1 else None
        return None

    @cached_property
    def _counted(self) -> tuple[Float[np.ndarray, " levels"], Int64[np.ndarray, " levels"]]:
        return np.unique(self.values, return_counts=True)

    @property
    def distinct(self) -> Float[np.ndarray, " levels"]:
        """The distinct values, ascending."""
        return self._counted[0]

    @cached_property
    def apart(self) -> tuple[Float[np.ndarray, " levels"], Int64[np.ndarray, " levels"]]:
        """The values that differ by more than rounding, ascending, and the rows of each: the most frequent stands for
        all that are near to it, as 0.3 for 0.1 + 0.2."""
        distinct, rows = self._counted
        near = closeness(np.maximum(np.abs(distinct[1:]), np.abs(distinct[:-1])))
        if self.points is not None:
            near = 0.5 * 10.0**-self.points.decimals
        place = np.append(0, np.cumsum(np.diff(distinct) > near))
        order = np.lexsort((-rows, place))
        first = np.unique(place[order], return_index=True)[1]
        return distinct[order[first]], np.bincount(place, weights=rows).astype(np.int64)

    @cached_property
    def repeats(self) -> Int64[np.ndarray, " levels"]:
        """How often each value is there, ascending: the same of every image that keeps values apart."""
        return np.sort(self._counted[1])

    @cached_property
    def far(self) -> tuple[float, ...]:
        """Codes for a missing cell, such as -999, far from all other values."""
        return () if self.plain or self.given.kind != "number" else far_codes(self.values)

    @cached_property
    def known(self) -> "Cells":
        """The cells that are no code for a missing one."""
        return self._without(self.far)

    @cached_property
    def head(self) -> tuple[float, ...]:
        """The first points of a long count."""
        points = self.known.points
        no_count = self.plain or self.given.kind != "number" or points is None or points.decimals
        return () if no_count else count_head(self.known.values)

    @cached_property
    def spikes(self) -> tuple[float, ...]:
        """The codes, and values that repeat far more often than those around them, ascending.

        Those of a long count without codes descend: they are in order below the numbers.
        """
        if self.plain or self.given.kind not in ("number", "time"):
            return ()
        if self.head and not self.far:
            return self.head[::-1]
        return tuple(sorted({*self.far, *(self.head or standing_out(self.known.values))}))

    @cached_property
    def body(self) -> "Cells":
        """The cells that are no spikes."""
        return self._without(self.spikes)

    def states(self, kind: str) -> bool:
        """Whether a person says that the column is of this kind."""
        return self.stated is not None and self.stated.kind == kind

    def _without(self, values: tuple[float, ...]) -> "Cells":
        """The cells with other values; never none of them."""
        kept = self.values[~np.isin(self.values, values)] if values else self.values
        return self if len(kept) in (0, len(self.values)) else replace(self, values=kept)
