"""A column of one value."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from scorax._errors import refusal
from scorax._text import quote
from scorax.data import Format
from scorax.tables.columns._cells import SAME, Cells, shown
from scorax.tables.columns._codes import Encoded
from scorax.tables.columns._outside import AbstractOutside


@dataclass(frozen=True)
class Constant(AbstractOutside):
    """One value: stored, left out of the model and put back. Elsewhere there is no density."""

    name: str
    format: Format
    value: float

    @classmethod
    def infer(cls, cells: Cells) -> "Constant | None":
        """Values that are equal; or, off every grid, that agree to :data:`SAME`."""
        low, high = cells.low, cells.high
        near = high - low <= SAME * max(abs(low), abs(high)) and cells.points is None
        return cls(cells.name, cells.format, float(cells.values[0])) if low == high or near else None

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "constant"

    @property
    def summary(self) -> str:
        """The value."""
        return f"{shown(self.format, self.value)}; stored, and put back when sampling"

    @property
    def step(self) -> float | None:
        """There is one point only."""
        return None

    def require(self, values: Float[np.ndarray, " n"], where: str) -> None:
        """Refuse another value, where the model defines no density."""
        same = SAME * np.maximum(np.abs(values), abs(self.value))
        if self.format.kind != "number":
            same = 0.0
        elif self.format.decimals is not None:  # a difference that is written is one, however small beside the value
            same = np.minimum(same, 0.5 * 10.0**-self.format.decimals)
        other = np.abs(values - self.value) > same
        if other.any():
            row = int(np.argmax(other))
            raise refusal(
                where,
                expected=f"the value {shown(self.format, self.value)} in the constant column {quote(self.name)}",
                got=f"{shown(self.format, values[row])} in row {row + 1} ({int(other.sum())} of {len(values)} rows)",
                do="remove these rows: the model has no density there",
            )

    def invert(self, encoded: Encoded) -> Float[np.ndarray, " n"]:
        """The value."""
        return np.full(len(encoded.numbers), self.value)
