"""Columns of numbers that a model sees as they are."""

import numpy as np
from jaxtyping import Float

from scorax.tables.columns._column import AbstractColumn


class AbstractNumber(AbstractColumn):
    """A column with one coordinate, which is the value. Every number has a density."""

    def require(self, values: Float[np.ndarray, " n"], where: str) -> None:
        """Nothing is refused."""

    def encode(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 1"]:
        """The values."""
        return values[:, None]

    def invert(self, coordinates: Float[np.ndarray, "n 1"]) -> Float[np.ndarray, " n"]:
        """The coordinates."""
        return coordinates[:, 0]

    def log_weight(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Zero: the coordinate is the value."""
        return np.zeros(len(values))
