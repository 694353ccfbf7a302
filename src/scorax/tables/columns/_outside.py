"""Columns outside the model: it sees nothing of them, and they have no part in the density."""

import numpy as np
from jaxtyping import Float

from scorax.tables.columns._codes import Codes, Encoded
from scorax.tables.columns._column import AbstractColumn


class AbstractOutside(AbstractColumn):
    """A column of which a model sees no number and no level: its values are put in without one."""

    @property
    def widths(self) -> tuple[float, ...]:
        """There is no number."""
        return ()

    @property
    def codes(self) -> tuple[Codes, ...]:
        """There is no level."""
        return ()

    def encode(self, values: Float[np.ndarray, " n"]) -> Encoded:
        """Nothing."""
        return Encoded.of(np.empty((len(values), 0)))

    def decode(self, encoded: Encoded) -> Float[np.ndarray, " n"]:
        """What :meth:`invert` says: there is no noise to take out."""
        return self.invert(encoded)

    def log_weight(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Zero: the column is outside the density."""
        return np.zeros(len(values))
