"""A column of real numbers."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from scorax._decimals import round_to
from scorax.data import NumberFormat
from scorax.tables.columns._cells import Cells
from scorax.tables.columns._number import AbstractNumber
from scorax.tables.columns._span import Span


@dataclass(frozen=True)
class Continuous(AbstractNumber):
    """Real numbers. There is no noise."""

    name: str
    format: NumberFormat
    seen: Span

    def __post_init__(self) -> None:
        if self.format.origin != 0:
            raise ValueError("only integers have an origin")

    @classmethod
    def infer(cls, cells: Cells) -> "Continuous | None":
        """Any numbers."""
        form = cells.format
        return cls(cells.name, form, Span(cells.low, cells.high)) if form.kind == "number" else None

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "continuous"

    @property
    def widths(self) -> tuple[float, ...]:
        """There is no noise."""
        return (0.0,)

    @property
    def step(self) -> float | None:
        """Values lie on no points."""
        return None

    def decode(self, coordinates: Float[np.ndarray, "n 1"]) -> Float[np.ndarray, " n"]:
        """The coordinates, rounded to the decimals of the file where it has some."""
        values, decimals = coordinates[:, 0], self.format.decimals
        return values if decimals is None else round_to(values, decimals)
