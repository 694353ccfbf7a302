"""Columns of few values in order."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from scorax.data import NumberFormat, TextFormat, TimeFormat
from scorax.tables.columns._cells import Cells, closeness
from scorax.tables.columns._codes import Encoded
from scorax.tables.columns._grid import Grid
from scorax.tables.columns._levels import AbstractOpenLevels, Rows, check_levels, shown_levels
from scorax.tables.columns._spikes import MOST_LEVELS as MOST_POINTS

_FEW = 12
_ROWS = 5
"""Numbers and times are ordered levels where there are at most 12 of them, and five rows a level."""

_SPARSE = 4
_SPARSE_FEW = 30
_SPARSE_ROWS = 20
"""Or at most 30 with 20 rows a level, and the points between the ends are four times as many."""


_GRID_ROWS = 6
"""Or decimals on a grid that has at most 60 points between the ends, with six rows a point: then every point is a level."""


@dataclass(frozen=True)
class Ordered(AbstractOpenLevels):
    """Values in order, and none between them.

    Attributes:
        levels: the values in their order; of texts their places among those of the format.
        rows: rows of the fit with a value.
    """

    name: str
    format: NumberFormat | TextFormat | TimeFormat
    levels: tuple[float, ...]
    rows: Rows | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        check_levels(self.levels, self.format)

    @classmethod
    def infer(cls, cells: Cells) -> "Ordered | None":
        """Numbers and times with few values, or of which a person says so."""
        form = cells.format
        if cells.plain or form.kind == "boolean":
            return None
        levels = tuple(cells.apart[0].tolist())
        if len(levels) > 1 and (cells.states("ordered") or (form.kind != "text" and not cells.far and _few(cells))):
            return cls(cells.name, form, levels)
        levels = () if cells.far or form.kind != "number" else _of_grid(cells)
        return cls(cells.name, form, levels) if levels else None

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "ordered"

    @property
    def points(self) -> Float[np.ndarray, " levels"]:
        """The values of the levels."""
        return np.array(self.levels)

    @property
    def ordered(self) -> bool:
        """They are, in so far as there are more than two."""
        return len(self.levels) > 2

    @property
    def open(self) -> bool:
        """A value that was never seen is possible."""
        return True

    def encode(self, values: Float[np.ndarray, " n"]) -> Encoded:
        """The places of the levels; numbers that differ from one by rounding are at its place."""
        if self.format.kind != "number":
            return super().encode(values)
        points = np.sort(self.points)
        ends = points[:-1] + np.diff(points) / 2
        near = points[np.searchsorted(ends, values)]
        slack = closeness(near)
        if self.format.decimals is not None:  # a difference that is written is one
            slack = np.minimum(slack, 0.5 * 10.0**-self.format.decimals)
        return super().encode(np.where(np.abs(values - near) <= slack, near, values))

    @property
    def summary(self) -> str:
        """The first levels."""
        return f"{shown_levels(self)}; {len(self.levels)} {'ordered ' if self.ordered else ''}levels"


def _few(cells: Cells) -> bool:
    count, rows, points = len(cells.apart[0]), len(cells.values), cells.points
    if cells.head and cells.body.low == cells.body.high:  # beyond the levels of a long count is one value only
        return True
    if count <= _FEW and rows >= _ROWS * count:
        return True
    if count > _SPARSE_FEW or rows < _SPARSE_ROWS * count or cells.head:
        return False
    step = None if points is None else Grid.of(points, common=True).step
    return step is None or (cells.high - cells.low) / step >= _SPARSE * count


def _of_grid(cells: Cells) -> tuple[float, ...]:
    """The points of decimals on a short grid, seen or not."""
    points = cells.points
    if points is None or points.decimals == 0:
        return ()
    scale = 10.0**points.decimals
    first, step = int(points.distinct[0]), round(Grid.of(points, common=True).step * scale)
    size = (int(points.distinct[-1]) - first) // step + 1
    if not 1 < size <= min(MOST_POINTS, len(cells.values) / _GRID_ROWS):
        return ()
    values = (first + step * np.arange(size)) / scale
    single = cells.format.kind == "number" and cells.format.single
    return tuple((values.astype(np.float32).astype(float) if single else values).tolist())
