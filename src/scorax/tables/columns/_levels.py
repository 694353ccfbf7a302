"""Columns of discrete values, of which a model sees the places."""

from abc import abstractmethod
from dataclasses import replace
from typing import Annotated, Self

import numpy as np
from jaxtyping import Float

from scorax._text import quote
from scorax.data import Format
from scorax.spec import Range
from scorax.tables.columns._codes import Codes, Encoded
from scorax.tables.columns._column import AbstractColumn

MOST_LEVELS = 100_000
"""A file with more levels in a column is refused."""

_SHOWN = 5

Rows = Annotated[int, Range(1, 2**53)]


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
    def unseen_mass(self) -> float:
        """Mass of all values that are no level: none may be there."""
        return 0.0

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


class AbstractOpenLevels(AbstractLevels):
    r"""Levels beside which there may be others, which were never seen and are never drawn.

    With n rows of the fit that have a value and K levels, all values that are no level have together the mass

    $$ \epsilon = \frac{1}{2 (n + K)} $$

    whatever the rest of the row is, and the levels share $1 - \epsilon$ as the model says: masses sum to one. It is about what
    half a row has among the shares $(n_k + 1/2) / (n + K/2)$ of levels.

    Attributes:
        rows: n; ``None`` where it is not known: then nothing is said of values that are no level.
    """

    rows: Rows | None

    @property
    @abstractmethod
    def open(self) -> bool:
        """Whether there may be other values than the levels."""

    @property
    def unseen_mass(self) -> float:
        """Mass of all values that are no level; 0 where none may be there, or n is not known."""
        return 0.5 / (self.rows + len(self.points)) if self.open and self.rows is not None else 0.0

    def log_weight(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The logarithm of the mass of what was never seen, or of that of all levels; 0 where a cell is missing."""
        mass = self.unseen_mass
        if not mass:
            return np.zeros(len(values))
        unseen = self.encode(values).levels[:, 0] < 0
        found = np.where(unseen, np.log(mass) + self.log_share(values), np.log1p(-mass))
        return np.where(np.isnan(values), 0.0, found)

    def log_share(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The logarithm of the share of a value in the mass of what was never seen, which is one level, whatever its name."""
        return np.zeros(len(values))

    def refitted(self, values: Float[np.ndarray, " n"]) -> Self:
        """The column with the number of these rows that have a value."""
        return replace(self, rows=int(np.count_nonzero(~np.isnan(values))) or None)


def shown_levels(column: AbstractLevels) -> str:
    """The first levels as the file has them."""
    first = column.format.cells(column.points[:_SHOWN]).tolist()
    more = "" if len(column.points) <= _SHOWN else ", ..."
    return ", ".join(quote(cell, 20) if isinstance(cell, str) else str(cell) for cell in first) + more
