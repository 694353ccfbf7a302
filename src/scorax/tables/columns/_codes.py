"""What a model sees of rows: numbers, and levels of discrete quantities."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64


@dataclass(frozen=True)
class Codes:
    """A discrete quantity of which a model sees the code of a level: a block of coordinates.

    Attributes:
        size: number of levels.
        ordered: whether neighbouring levels are alike, as values on a line are.
        root: whether the line is one of square roots: neighbours come closer as their value grows.
    """

    size: int
    ordered: bool
    root: bool = False

    def __post_init__(self) -> None:
        if self.size < 2:
            raise ValueError(f"expected two levels at least, got {self.size}")


class Encoded(NamedTuple):
    """Rows as a model sees them.

    Attributes:
        numbers: NaN where a number is missing or does not apply, as beside a spike. Of values on a grid the middle of their cell.
        widths: of the cells of the numbers, over which uniform noise is spread; 0 where a number is continuous or NaN.
        levels: the place of each level; -1 where a cell is missing or holds a level that was never seen.
    """

    numbers: Float[np.ndarray, "n k"]
    widths: Float[np.ndarray, "n k"]
    levels: Int64[np.ndarray, "n b"]

    @staticmethod
    def of(
        numbers: Float[np.ndarray, "n k"],
        widths: Float[np.ndarray, "n k"] | None = None,
        levels: Int64[np.ndarray, "n b"] | None = None,
    ) -> "Encoded":
        """Rows of numbers, of no width and without levels unless given."""
        count = len(numbers)
        widths = np.zeros(numbers.shape) if widths is None else widths
        return Encoded(numbers, widths, np.empty((count, 0), np.int64) if levels is None else levels)

    @staticmethod
    def of_levels(levels: Int64[np.ndarray, " n"]) -> "Encoded":
        """Rows of one level each, without numbers."""
        none = np.empty((len(levels), 0))
        return Encoded(none, none, levels[:, None])
