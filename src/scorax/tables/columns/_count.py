"""Columns of integers with few points between their ends."""

from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

import numpy as np
from jaxtyping import Float

from scorax._errors import refusal
from scorax._text import quote
from scorax.data import NumberFormat
from scorax.spec import Range
from scorax.tables.columns._cells import Cells, shown
from scorax.tables.columns._codes import Codes, Encoded
from scorax.tables.columns._grid import Grid
from scorax.tables.columns._levels import MOST_LEVELS, AbstractOpenLevels, Rows
from scorax.tables.columns._spikes import MOST_LEVELS as MOST_POINTS

_ALWAYS = 3
_SHORT = 12
_ROWS_OF_SHORT = 3
_ROWS = 6
"""A column of at most 3 points is of levels, one of 12 or with closed ends with three rows a point, and others with six."""

_LONG = 256
"""So many points a long count may have to be levels: more come too close at the least cut-off that is tried."""

_FALLING = 0.5
"""An end is open where the outermost tenth of the points has half of its share of the rows or less."""

_FEWEST_TO_BE_OPEN = 5
_TAIL = 0.1
_RATIOS = (0.05, 0.95)

Ratio = Annotated[float, Range(0, 1, above=True, below=True)]


class Ladder(NamedTuple):
    """Points from low to high, a step apart."""

    low: float
    high: float
    step: float

    @property
    def size(self) -> int:
        """Number of points."""
        return round((self.high - self.low) / self.step) + 1

    @property
    def points(self) -> Float[np.ndarray, " size"]:
        """The points, ascending."""
        return self.low + self.step * np.arange(self.size)


@dataclass(frozen=True)
class Count(AbstractOpenLevels):
    r"""Integers of which every one between two ends is a level, seen or not.

    An end is closed, or values beyond it are possible: they are levels that were never seen. Their mass is shared by a geometric
    law, $(1 - q) q^{j - 1}$ of it for the $j$-th point beyond the end; by halves where both ends are open.

    Attributes:
        low: the lowest level.
        high: the highest level.
        by: distance of the levels.
        below: $q$ below the lowest level; ``None`` where this end is closed.
        above: the same above the highest.
        rows: rows of the fit with a value.
    """

    name: str
    format: NumberFormat
    low: float
    high: float
    by: Annotated[float, Range(1, 2**53)]
    below: Ratio | None
    above: Ratio | None
    rows: Rows | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if {self.low % 1, self.high % 1, self.by % 1} != {0.0}:
            raise ValueError("expected ends and a step that are integers")
        if not (self.low < self.high and (self.high - self.low) % self.by == 0):
            raise ValueError(f"expected ends some steps of {self.by:g} apart, got {self.low:g} and {self.high:g}")
        if (self.high - self.low) / self.by >= MOST_LEVELS:
            raise ValueError(f"expected at most {MOST_LEVELS} levels from {self.low:g} to {self.high:g}")

    @classmethod
    def infer(cls, cells: Cells) -> "Count | None":
        """Integers with few points between their ends, long counts with more, or of which a person says so."""
        form = cells.format
        if cells.plain or form.kind != "number" or (cells.far and not cells.states("count")):
            return None
        found = ladder(cells)
        if found is None:
            return None
        below, above = (None, None) if cells.stated is not None and cells.stated.ends else _tails(cells, found)
        return cls(cells.name, form, *found, below, above)

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "count"

    @property
    def points(self) -> Float[np.ndarray, " levels"]:
        """Every point from end to end."""
        return Ladder(self.low, self.high, self.by).points

    @property
    def ordered(self) -> bool:
        """They are, in so far as there are more than two."""
        return len(self.points) > 2

    @property
    def open(self) -> bool:
        """Whether an end is."""
        return self.below is not None or self.above is not None

    @property
    def codes(self) -> tuple[Codes, ...]:
        """One discrete quantity; a long count lies on a line of square roots."""
        size = len(self.points)
        return (Codes(size, self.ordered, root=size > MOST_POINTS),)

    @property
    def summary(self) -> str:
        """The ends, and which of them is open."""
        by = "" if self.by == 1 else f" by {self.by:g}"
        ends = f"{self._shown(self.low)} to {self._shown(self.high)}{by}"
        beyond = [side for side, ratio in (("below", self.below), ("above", self.above)) if ratio is not None]
        levels = f"{len(self.points)} {'ordered ' if self.ordered else ''}levels"
        return f"{ends}, {'open ' + ' and '.join(beyond) if beyond else 'closed'}; {levels}"

    def require(self, values: Float[np.ndarray, " n"], where: str) -> None:
        """Refuse values beyond a closed end, and between the points."""
        other = (values - self.low) % self.by != 0
        other |= (values < self.low) & (self.below is None)
        other |= (values > self.high) & (self.above is None)
        other &= ~np.isnan(values)
        if other.any():
            row = int(np.argmax(other))
            raise refusal(
                where,
                expected=f"{self._shown(self.low)} to {self._shown(self.high)} by {self.by:g} in column {quote(self.name)}",
                got=f"{self._shown(values[row])} in row {row + 1} ({int(other.sum())} of {len(values)} rows)",
                do="remove these rows, or fit again with other ends: --column NAME=count,LOW..HIGH",
            )

    def encode(self, values: Float[np.ndarray, " n"]) -> Encoded:
        """The places of the points; -1 beyond the ends."""
        inside = (values >= self.low) & (values <= self.high)
        places = np.rint((np.where(inside, values, self.low) - self.low) / self.by).astype(np.int64)
        on = inside & (self.low + places * self.by == values)
        return Encoded.of_levels(np.where(on, places, -1))

    def log_share(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Zero at a level; beyond an open end the logarithm of the share of the mass there."""
        found = np.zeros(len(values))
        sides = ((self.below, self.low - values), (self.above, values - self.high))
        half = -np.log(sum(ratio is not None for ratio, _ in sides) or 1)
        for ratio, distance in sides:
            beyond = distance > 0
            if ratio is not None and beyond.any():
                steps = distance[beyond] / self.by
                found[beyond] = half + np.log1p(-ratio) + (steps - 1) * np.log(ratio)
        return found

    def _shown(self, value: float) -> str:
        return shown(self.format, value)


def ladder(cells: Cells) -> Ladder | None:
    """The points of integers that are few enough to be levels, from the stated ends where there are some."""
    points, stated = cells.points, cells.stated
    if points is None or points.decimals > 0:
        return None
    grid = Grid.of(points, common=True)
    low, high = cells.low, cells.high
    if stated is not None and stated.ends:
        low = stated.low if np.isfinite(stated.low) else low
        high = stated.high if np.isfinite(stated.high) else high
    step = grid.step if (low - cells.low) % grid.step == (high - cells.low) % grid.step == 0 else 1.0
    found = Ladder(low, high, step)
    if stated is not None and stated.kind == "count":
        return found if found.size <= MOST_LEVELS else None
    if found.size > MOST_POINTS and not (cells.head and found.low >= 0 and found.size <= _LONG):
        return None
    short = found.size <= _SHORT or _tails(cells, found) == (None, None)
    needed = 0 if found.size <= _ALWAYS else _ROWS_OF_SHORT if short else _ROWS
    return found if len(cells.values) >= needed * found.size else None


def integer_levels(cells: Cells) -> tuple[float, ...] | None:
    """The points of integers, where they are few enough to be levels."""
    found = ladder(cells)
    return None if found is None else tuple(found.points.tolist())


def _tails(cells: Cells, found: Ladder) -> tuple[float | None, float | None]:
    """Ratios of the geometric laws beyond the ends; ``None`` where an end is closed."""
    if found.size < _FEWEST_TO_BE_OPEN:
        return None, None
    outer = -(-found.size // 10)
    places = np.rint((cells.values - found.low) / found.step)
    below, above = np.mean(places < outer), np.mean(places >= found.size - outer)
    falling = _FALLING * outer / found.size
    lower = _ratio(found.size - 1 - places) if found.low not in (0, 1) and below <= falling else None
    return lower, _ratio(places) if above <= falling else None


def _ratio(places: Float[np.ndarray, " n"]) -> float:
    """The ratio of the geometric law with the mean excess of the outermost tenth of the rows."""
    start = np.quantile(places, 1 - _TAIL)
    excess = float(np.mean(places[places >= start] - start))
    return float(np.clip(excess / (1 + excess), *_RATIOS))
