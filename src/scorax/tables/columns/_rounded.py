"""A column of rounded numbers."""

from dataclasses import dataclass, field

from scorax.data import NumberFormat
from scorax.tables.columns._cells import SAME, Cells
from scorax.tables.columns._choice import chosen_map
from scorax.tables.columns._grid import Grid
from scorax.tables.columns._map import Map
from scorax.tables.columns._number import AbstractGridded, check_spikes
from scorax.tables.columns._span import Span

_MOST_DISTINCT = 0.9
"""Share of different values beyond which decimals are only how a continuous column is written."""


@dataclass(frozen=True)
class Rounded(AbstractGridded):
    """Decimals that repeat. The noise of its number is as wide as the gap between values."""

    name: str
    format: NumberFormat
    seen: Span
    grid: Grid
    map: Map = field(default_factory=Map)
    spikes: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.grid.decimals == 0:
            raise ValueError("expected a grid of decimals, got one of integers")
        if self.format.origin != 0:
            raise ValueError("only integers have an origin")
        check_spikes(self.spikes)

    @classmethod
    def infer(cls, cells: Cells) -> "Rounded | None":
        """Values that all have few decimals, at most 90 % of them different.

        Under a map the image of a cell has no width where the last decimal is below :data:`SAME` of the values.
        """
        body, form = cells.body, cells.format
        points = body.points
        if points is None or points.decimals == 0 or form.kind != "number":
            return None
        if not cells.plain and 10.0**-points.decimals < SAME * max(abs(body.low), abs(body.high)):
            return None
        if len(points.distinct) > _MOST_DISTINCT * len(body.values) and not cells.states("rounded"):
            return None
        grid = Grid.of(points, common=not cells.plain)
        return cls(cells.name, form, Span(body.low, body.high), grid, chosen_map(cells, grid.step), cells.spikes)

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "rounded"
