"""Columns of numbers that a model sees as they are."""

import numpy as np
from jaxtyping import Float

from scorax.tables.columns._column import AbstractColumn
from scorax.tables.columns._grid import Grid


class AbstractNumber(AbstractColumn):
    """A column with one coordinate, which is the value. Every number has a density."""

    def require(self, values: Float[np.ndarray, " n"], where: str) -> None:
        """Nothing is refused."""

    def encode(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 1"]:
        """The values."""
        return values[:, None]

    def invert(self, coordinates: Float[np.ndarray, "n 1"]) -> Float[np.ndarray, " n"]:
        """The coordinates."""
        return coordinates[:, 0]

    def log_weight(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Zero: the coordinate is the value."""
        return np.zeros(len(values))


class AbstractGridded(AbstractNumber):
    """A number whose values lie on the points of a grid.

    Attributes:
        grid: the points, and the gap between values.
    """

    grid: Grid

    @property
    def widths(self) -> tuple[float, ...]:
        """The gap between values: the noise of one value ends where that of the next may begin."""
        return (self.grid.gap,)

    @property
    def step(self) -> float | None:
        """Distance of the points that generated values are put on."""
        return self.grid.step

    def decode(self, coordinates: Float[np.ndarray, "n 1"]) -> Float[np.ndarray, " n"]:
        """The nearest points of the grid."""
        return self.grid.round(coordinates[:, 0])
