"""Columns of numbers of which few different ones are there, on no grid."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int64

from scorax.data import NumberFormat
from scorax.tables.columns._cells import Cells
from scorax.tables.columns._codes import Codes, Encoded
from scorax.tables.columns._column import AbstractColumn
from scorax.tables.columns._grid import Grid
from scorax.tables.columns._knots import Knots

_FEWEST = 12
_MOST = 900
_ROWS = 4
_SPARSE = 4
_LARGEST = 0.2
"""Numbers are of this kind where 13 to 900 different ones are there, in four rows each on average and none in a fifth of the
rows, and the points of their grid, if they have one, are four times as many."""


@dataclass(frozen=True)
class Repeated(AbstractColumn):
    """Numbers that are always one of those seen, in an order: prices, and what a survey or an estimate puts in classes.

    Each stands for the cell of all that is nearer to it than to its neighbours. The number that a model sees lies, with uniform
    noise, between the normal quantiles of the cell's ends, so the column is nearly normal whatever its classes are. The density
    of a value is that of its cell, and beyond the outermost the map goes on in a straight line; what is generated is one of the
    numbers seen.

    Attributes:
        levels: the numbers, ascending.
        knots: from the ends of the cells to normal quantiles.
    """

    name: str
    format: NumberFormat
    levels: tuple[float, ...]
    knots: Knots

    def __post_init__(self) -> None:
        levels, at = np.array(self.levels), np.array(self.knots.at)
        if len(at) != len(levels) + 1 or not ((at[:-1] < levels) & (levels < at[1:])).all():
            raise ValueError("expected knots at the ends of cells with one level each")

    @classmethod
    def infer(cls, cells: Cells) -> "Repeated | None":
        """Few different numbers on no grid, each of them repeated."""
        form, points = cells.format, cells.points
        if cells.plain or cells.stated is not None or form.kind != "number" or cells.far or cells.head:
            return None
        levels, rows = cells.apart
        count, total = len(levels), len(cells.values)
        if not _FEWEST < count <= min(_MOST, total / _ROWS) or rows.max() > _LARGEST * total:
            return None
        if rows.min() == rows.max():  # a table put in several times, not classes of numbers
            return None
        if points is not None and (cells.high - cells.low) / Grid.of(points, common=True).step < _SPARSE * count:
            return None
        return cls(cells.name, form, tuple(levels.tolist()), _knots(levels, rows))

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "repeated"

    @property
    def widths(self) -> tuple[float, ...]:
        """One number, of another width in each cell."""
        return (np.nan,)

    @property
    def mapped(self) -> bool:
        """Always."""
        return True

    @property
    def codes(self) -> tuple[Codes, ...]:
        """There is no level."""
        return ()

    @property
    def step(self) -> float | None:
        """Its values lie on no grid."""
        return None

    @property
    def summary(self) -> str:
        """How many numbers there are, and the ends."""
        low, high = self.format.cells(np.array([self.levels[0], self.levels[-1]])).tolist()
        return f"{len(self.levels)} different numbers from {low} to {high}, and none between"

    def require(self, values: Float[np.ndarray, " n"], where: str) -> None:
        """Nothing is refused: there is a density everywhere."""

    def encode(self, values: Float[np.ndarray, " n"]) -> Encoded:
        """The middle of the image of the cell of each value; the image itself beyond the outermost."""
        low, high, _ = self._cells(values)
        return Encoded.of((low + (high - low) / 2)[:, None], np.where(np.isnan(values), 0.0, high - low)[:, None])

    def invert(self, encoded: Encoded) -> Float[np.ndarray, " n"]:
        """Values inside the cells."""
        return self.knots.inverse(encoded.numbers[:, 0])

    def decode(self, encoded: Encoded) -> Float[np.ndarray, " n"]:
        """The numbers of the cells; those of the outermost beyond them."""
        numbers = encoded.numbers[:, 0]
        return np.where(np.isnan(numbers), np.nan, np.array(self.levels)[self._places(numbers, self.knots.to)])

    def log_weight(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The logarithm of the width of the image of the cell over its own; of the slope beyond; 0 where a value is missing."""
        low, high, place = self._cells(values)
        inside = high > low
        at = np.array(self.knots.at)
        found = np.where(
            inside, np.log(np.where(inside, high - low, 1.0) / np.diff(at)[place]), self.knots.log_slope(values)
        )
        return np.where(np.isnan(values), 0.0, found)

    def refitted(self, values: Float[np.ndarray, " n"]) -> "Repeated":
        """The numbers that there are stay, and their shares are those of these rows."""
        known = values[~np.isnan(values)]
        rows = np.bincount(self._places(known, self.knots.at), minlength=len(self.levels))
        return replace(self, knots=_knots(np.array(self.levels), rows))

    def _places(self, values: Float[np.ndarray, " n"], ends: tuple[float, ...]) -> Int64[np.ndarray, " n"]:
        return np.clip(np.searchsorted(np.array(ends), values, side="right") - 1, 0, len(self.levels) - 1)

    def _cells(
        self, values: Float[np.ndarray, " n"]
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
        """The ends of the image of the cell of each value, equal beyond the outermost, and its place."""
        place, to = self._places(values, self.knots.at), np.array(self.knots.to)
        beyond = ~((values >= self.knots.at[0]) & (values <= self.knots.at[-1]))
        image = self.knots.forward(values)
        return np.where(beyond, image, to[place]), np.where(beyond, image, to[place + 1]), place


def _knots(levels: Float[np.ndarray, " k"], rows: Int64[np.ndarray, " k"]) -> Knots:
    between = levels[:-1] + np.diff(levels) / 2
    at = np.concatenate([[2 * levels[0] - between[0]], between, [2 * levels[-1] - between[-1]]])
    return Knots.of_scores(at, rows)
