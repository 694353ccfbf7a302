"""Columns of discrete values, of which a model sees the places."""

from abc import abstractmethod

import numpy as np
from jaxtyping import Float

from scorax._text import quote
from scorax.data import Format
from scorax.tables.columns._codes import Codes, Encoded
from scorax.tables.columns._column import AbstractColumn

MOST_LEVELS = 100_000
"""A file with more levels in a column is refused."""

_SHOWN = 5


def check_levels(levels: tuple[float, ...] | None, format: Format) -> None:
    """Refuse levels that are none of a column of this format.

    Raises:
        ValueError: they repeat, are fewer than two or too many, or are no places of texts.
    """
    if levels is None:
        if format.kind != "text" or len(format.levels) < 2:
            raise ValueError("expected levels, or a format of two texts or more")
        return
    if not 2 <= len(set(levels)) == len(levels) <= MOST_LEVELS:
        raise ValueError(
            f"expected 2 to {MOST_LEVELS} different levels, got {len(levels)} ({len(set(levels))} different)"
        )
    if format.kind == "text" and not set(levels) <= set(range(len(format.levels))):
        raise ValueError(f"expected places among {len(format.levels)} texts, got others")


class AbstractLevels(AbstractColumn):
    """A column whose values are levels: there is no number, and one discrete quantity."""

    @property
    @abstractmethod
    def points(self) -> Float[np.ndarray, " levels"]:
        """The values of the levels, in their order."""

    @property
    @abstractmethod
    def ordered(self) -> bool:
        """Whether neighbouring levels are alike."""

    @property
    def widths(self) -> tuple[float, ...]:
        """There is no number."""
        return ()

    @property
    def codes(self) -> tuple[Codes, ...]:
        """One discrete quantity."""
        return (Codes(len(self.points), self.ordered),)

    @property
    def step(self) -> float | None:
        """Values are levels, whatever their distance."""
        return None

    def require(self, values: Float[np.ndarray, " n"], where: str) -> None:
        """Nothing is refused: a value that is no level is one that was never seen."""

    def encode(self, values: Float[np.ndarray, " n"]) -> Encoded:
        """The places of the levels."""
        points = self.points
        order = np.argsort(points)
        near = np.clip(np.searchsorted(points, values, sorter=order), 0, len(points) - 1)
        places = order[near]
        return Encoded.of_levels(np.where(points[places] == values, places, -1).astype(np.int64))

    def invert(self, encoded: Encoded) -> Float[np.ndarray, " n"]:
        """The values of the levels; NaN for -1."""
        return np.append(self.points, np.nan)[encoded.levels[:, 0]]

    def decode(self, encoded: Encoded) -> Float[np.ndarray, " n"]:
        """The values of the levels; NaN for -1."""
        return self.invert(encoded)

    def log_weight(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Zero: a probability has no unit."""
        return np.zeros(len(values))


def shown_levels(column: AbstractLevels) -> str:
    """The first levels as the file has them."""
    first = column.format.cells(column.points[:_SHOWN]).tolist()
    more = "" if len(column.points) <= _SHOWN else ", ..."
    return ", ".join(quote(cell, 20) if isinstance(cell, str) else str(cell) for cell in first) + more
