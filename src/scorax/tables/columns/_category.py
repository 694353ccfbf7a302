"""Columns of categories."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from scorax.data import BooleanFormat, NumberFormat, TextFormat, TimeFormat
from scorax.tables.columns._cells import Cells
from scorax.tables.columns._count import integer_levels
from scorax.tables.columns._levels import AbstractOpenLevels, Rows, check_levels, shown_levels


@dataclass(frozen=True)
class Category(AbstractOpenLevels):
    """Values without an order.

    Attributes:
        levels: the values; ``None`` for all texts of the format.
        rows: rows of the fit with a value.
    """

    name: str
    format: NumberFormat | TextFormat | BooleanFormat | TimeFormat
    levels: tuple[float, ...] | None
    rows: Rows | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        check_levels(self.levels, self.format)

    @classmethod
    def infer(cls, cells: Cells) -> "Category | None":
        """Texts; numbers where a person says so, or where they are integers with few points and far codes beside them."""
        if cells.plain:
            return None
        if cells.given.kind == "text":
            return cls(cells.name, cells.given, None)
        if cells.states("category"):
            return cls(cells.name, cells.format, tuple(cells.distinct.tolist()))
        if cells.far and (levels := integer_levels(cells.known)) is not None:
            return cls(cells.name, cells.format, (*levels, *cells.far))
        return None

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "category"

    @property
    def points(self) -> Float[np.ndarray, " levels"]:
        """The values of the levels."""
        if self.levels is not None:
            return np.array(self.levels)
        return np.arange(len(self.format.levels) if self.format.kind == "text" else 0, dtype=float)

    @property
    def ordered(self) -> bool:
        """They are not."""
        return False

    @property
    def open(self) -> bool:
        """Beside truth values is nothing else."""
        return self.format.kind != "boolean"

    @property
    def summary(self) -> str:
        """The first levels."""
        return f"{shown_levels(self)}; {len(self.points)} levels without an order"
