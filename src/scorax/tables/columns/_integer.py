"""A column of integers."""

from dataclasses import dataclass

from scorax.data import NumberFormat
from scorax.tables.columns._cells import Cells
from scorax.tables.columns._grid import Grid
from scorax.tables.columns._number import AbstractGridded
from scorax.tables.columns._span import Span


@dataclass(frozen=True)
class Integer(AbstractGridded):
    """Values that are all integral. The noise of its coordinate is as wide as the gap between values."""

    name: str
    format: NumberFormat
    seen: Span
    grid: Grid

    def __post_init__(self) -> None:
        if self.grid.decimals != 0:
            raise ValueError(f"expected a grid of integers, got one of {self.grid.decimals} decimals")

    @classmethod
    def infer(cls, cells: Cells) -> "Integer | None":
        """Values that are all integral, two distinct ones at least."""
        points, form = cells.points, cells.format
        if points is None or points.decimals > 0 or form.kind != "number":
            return None
        return cls(cells.name, form, Span(cells.low, cells.high), Grid.of(points))

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "integer"
