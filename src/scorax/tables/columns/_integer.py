"""A column of integers."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from scorax.data import Format
from scorax.tables.columns._cells import Cells
from scorax.tables.columns._grid import Grid
from scorax.tables.columns._number import AbstractNumber
from scorax.tables.columns._span import Span


@dataclass(frozen=True)
class Integer(AbstractNumber):
    """Values that are all integral. The noise of its coordinate is as wide as the gap between values."""

    name: str
    format: Format
    seen: Span
    grid: Grid

    def __post_init__(self) -> None:
        if self.grid.decimals != 0:
            raise ValueError(f"expected a grid of integers, got one of {self.grid.decimals} decimals")

    @classmethod
    def infer(cls, cells: Cells) -> "Integer | None":
        """Values that are all integral, two distinct ones at least."""
        points = cells.points
        if points is None or points.decimals > 0:
            return None
        return cls(cells.name, cells.format, Span(cells.low, cells.high), Grid.of(points))

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "integer"

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
