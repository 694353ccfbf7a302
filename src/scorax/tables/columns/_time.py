"""Columns of dates and times."""

from dataclasses import dataclass, field

from scorax.data import TimeFormat
from scorax.tables.columns._cells import Cells
from scorax.tables.columns._choice import chosen_map
from scorax.tables.columns._grid import Grid
from scorax.tables.columns._map import Map
from scorax.tables.columns._number import AbstractGridded, check_spikes
from scorax.tables.columns._span import Span


@dataclass(frozen=True)
class Time(AbstractGridded):
    """Dates or times as whole numbers of their unit."""

    name: str
    format: TimeFormat
    seen: Span
    grid: Grid
    map: Map = field(default_factory=Map)
    spikes: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.grid.decimals != 0:
            raise ValueError(f"expected a grid of integers, got one of {self.grid.decimals} decimals")
        check_spikes(self.spikes)

    @classmethod
    def infer(cls, cells: Cells) -> "Time | None":
        """Dates and times."""
        form, body = cells.given, cells.body
        if cells.plain or form.kind != "time" or body.points is None:
            return None
        grid = Grid.of(body.points, common=True)
        return cls(cells.name, form, Span(body.low, body.high), grid, chosen_map(cells, grid.step), cells.spikes)

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "time"
