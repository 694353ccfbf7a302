"""A column of integers."""

from dataclasses import dataclass, field

from scorax.data import NumberFormat
from scorax.tables.columns._cells import Cells
from scorax.tables.columns._choice import chosen_map
from scorax.tables.columns._grid import Grid
from scorax.tables.columns._map import Map
from scorax.tables.columns._number import AbstractGridded, check_spikes
from scorax.tables.columns._span import Span


@dataclass(frozen=True)
class Integer(AbstractGridded):
    """Values that are all integral. The noise of its number is as wide as the gap between values."""

    name: str
    format: NumberFormat
    seen: Span
    grid: Grid
    map: Map = field(default_factory=Map)
    spikes: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.grid.decimals != 0:
            raise ValueError(f"expected a grid of integers, got one of {self.grid.decimals} decimals")
        check_spikes(self.spikes)

    @classmethod
    def infer(cls, cells: Cells) -> "Integer | None":
        """Values that are all integral, two distinct ones at least."""
        body, form = cells.body, cells.format
        points = cells.known.points if cells.head else body.points
        if points is None or points.decimals > 0 or form.kind != "number":
            return None
        # Beside the levels of a long count lies every integer.
        grid = Grid(0, 1.0, 0.0, 1.0) if cells.head else Grid.of(points, common=not cells.plain)
        return cls(cells.name, form, Span(body.low, body.high), grid, chosen_map(cells, grid.step), cells.spikes)

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "integer"
