"""Columns of numbers: an invertible map, the points they lie on, and values that stand out as spikes."""

from abc import abstractmethod
from dataclasses import replace
from typing import Self

import numpy as np
from jaxtyping import Bool, Float

from scorax._errors import refusal
from scorax._text import quote
from scorax.tables.columns._cells import shown
from scorax.tables.columns._choice import refitted
from scorax.tables.columns._codes import Codes, Encoded
from scorax.tables.columns._column import AbstractColumn
from scorax.tables.columns._grid import Grid
from scorax.tables.columns._map import Map
from scorax.tables.columns._span import Span

_MOST = 1000
_SHOWN = 10


def check_spikes(spikes: tuple[float, ...]) -> None:
    """Refuse spikes that repeat or are too many.

    Raises:
        ValueError: they are.
    """
    if len(set(spikes)) != len(spikes) or len(spikes) > _MOST:
        raise ValueError(f"expected up to {_MOST} different spikes, got {len(spikes)} ({len(set(spikes))} different)")


class AbstractNumber(AbstractColumn):
    """A column with one number, the image of the value under a map; and, where it has spikes, a level.

    Level 0 is that the value is no spike, level k that it is the k-th: the number does not apply then. Three spikes or more that
    go down from below the numbers by one step each, as those of a long count, are in order: levels lie on a line, from the
    numbers to the lowest.

    Attributes:
        seen: the values seen that are no spikes lie between these.
        map: of values to numbers; it has the ends.
        spikes: values that repeat far more often than what is around them.
    """

    seen: Span
    map: Map
    spikes: tuple[float, ...]

    @property
    @abstractmethod
    def cell(self) -> float:
        """Width of the cell of a value: 0 where it is continuous."""

    @property
    @abstractmethod
    def margin(self) -> float:
        """Distance between values at an end: one step, one unit of the decimals, or 0 where no digits are known."""

    @property
    def summary(self) -> str:
        """What was seen, the ends, the spikes, and the map."""
        seen = self.seen
        low, high = (cell(self, v) for v in (seen.low, seen.high))
        ends = f", ends {self.ends}" if self.ends else ""
        each = [cell(self, v) for v in sorted(self.spikes)]
        shown = ", ".join(each) if len(each) <= _SHOWN else f"{each[0]}, {each[1]}, ... {each[-1]} ({len(each)})"
        spikes = f"; spikes {shown}" if each else ""
        return f"{low} to {high} seen{ends}{spikes}; {self.map.summary}"

    @property
    def ends(self) -> str:
        """The ends in words, as the file has its values; empty where there are none."""
        low, high = (self._end(end) if np.isfinite(end) else "" for end in self.map.base.ends)
        if low and high:
            return f"from {low} to {high}"
        return f"from {low} on" if low else f"up to {high}" if high else ""

    @abstractmethod
    def rounded(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Values as the file has them."""

    @property
    def mapped(self) -> bool:
        """Unless the map is that of a value to itself."""
        return not self.map.trivial

    @property
    def widths(self) -> tuple[float, ...]:
        """The width of the cells, NaN where the map changes it from cell to cell."""
        return (self.cell if self.map.trivial else np.nan if self.cell else 0.0,)

    @property
    def codes(self) -> tuple[Codes, ...]:
        """Which spike, or none of them."""
        return (Codes(1 + len(self.spikes), ordered=self._descending),) if self.spikes else ()

    def require(self, values: Float[np.ndarray, " n"], where: str) -> None:
        """Refuse values beyond an end."""
        beyond = ~self._spiked(values) & self.map.beyond(values, self.margin)
        if beyond.any():
            row = int(np.argmax(beyond))
            raise refusal(
                where,
                expected=f"values {self.ends} in column {quote(self.name)}",
                got=f"{cell(self, values[row])} in row {row + 1} ({int(beyond.sum())} of {len(values)} rows)",
                do="remove these rows, or fit again with other ends: --column NAME=KIND,LOW..HIGH",
            )

    def encode(self, values: Float[np.ndarray, " n"]) -> Encoded:
        """The image of the values, or the middle of the image of their cell; beside a spike NaN."""
        spiked = self._spiked(values) if self.spikes else np.zeros(len(values), bool)
        plain = np.where(spiked, np.nan, values) if self.spikes else values
        if self.map.trivial or not self.cell:
            numbers = self.map.forward(plain, self.margin)
            widths = np.where(np.isnan(numbers), 0.0, self.cell)
        else:
            low, high = self._edges(plain)
            numbers, widths = low + (high - low) / 2, high - low
            widths = np.where(np.isnan(numbers), 0.0, widths)
        levels = np.empty((len(values), 0), np.int64)
        if self.spikes:
            levels = np.where(np.isnan(values), -1, self._places(values))[:, None]
        return Encoded(numbers[:, None], widths[:, None], levels)

    def invert(self, encoded: Encoded) -> Float[np.ndarray, " n"]:
        """The values of the numbers; the spikes."""
        return self._with_spikes(self.map.inverse(encoded.numbers[:, 0], self.margin), encoded)

    def decode(self, encoded: Encoded) -> Float[np.ndarray, " n"]:
        """The nearest points, or as many decimals as the file has, in its precision; the spikes.

        The cell at an end goes on without end.
        """
        found = self.rounded(self.map.inverse(encoded.numbers[:, 0], self.margin))
        if self.format.kind == "number" and self.format.single:
            found = found.astype(np.float32).astype(float)
        return self._with_spikes(self.map.inside(found, self.margin), encoded)

    def log_weight(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The logarithm of the slope of the map, or of what it makes of the width of a cell; 0 beside a spike."""
        if self.map.trivial:
            return np.zeros(len(values))
        absent = np.isnan(values) | self._spiked(values)
        plain = np.where(absent, np.nan, values)
        if self.cell:
            low, high = self._edges(plain)
            found = np.log((high - low) / self.cell)
        else:
            found = self.map.log_slope(plain, self.margin)
        return np.where(absent, 0.0, found)

    def refitted(self, values: Float[np.ndarray, " n"]) -> Self:
        """The column with the knots and scales that these rows say; kind, ends and spikes stay."""
        if self.map.trivial:
            return self
        known = values[~(np.isnan(values) | self._spiked(values))]
        return replace(self, map=refitted(self.map, known, self.margin))

    def _end(self, end: float) -> str:
        """An end may lie between the points of the file; where values count from an origin it is one of them."""
        counted = self.format.kind == "time" or self.format.origin != 0
        return cell(self, end) if counted else f"{end:.15g}"

    @property
    def _descending(self) -> bool:
        steps = np.diff(self.spikes)
        return len(steps) > 1 and bool((steps == -self.margin).all()) and self.spikes[0] < self.seen.low

    def _edges(self, values: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        half = self.cell / 2
        return self.map.forward(values - half, self.margin), self.map.forward(values + half, self.margin)

    def _places(self, values: Float[np.ndarray, " n"]) -> np.ndarray:
        """0 for a value that is no spike, and k for the k-th."""
        return np.argmax(
            np.column_stack([np.zeros(len(values), bool), values[:, None] == np.array(self.spikes)]), axis=1
        )

    def _spiked(self, values: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        return np.isin(values, self.spikes)

    def _with_spikes(self, values: Float[np.ndarray, " n"], encoded: Encoded) -> Float[np.ndarray, " n"]:
        if not self.spikes:
            return values
        level = encoded.levels[:, 0]
        return np.where(level == 0, values, np.array([np.nan, *self.spikes, np.nan])[level])


class AbstractGridded(AbstractNumber):
    """A number whose values lie on the points of a grid.

    Attributes:
        grid: the points, and the gap between values.
    """

    grid: Grid

    @property
    def cell(self) -> float:
        """The gap between values: the noise of one value ends where that of the next may begin. Under a map, the step."""
        return self.grid.gap if self.map.trivial else self.grid.step

    @property
    def margin(self) -> float:
        """One step."""
        return self.grid.step

    @property
    def step(self) -> float | None:
        """Distance of the points that generated values are put on."""
        return self.grid.step

    def rounded(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The nearest points of the grid."""
        return self.grid.round(values)


def cell(column: AbstractColumn, value: float) -> str:
    """A value as the file has it."""
    return shown(column.format, value)
