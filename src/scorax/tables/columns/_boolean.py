"""Columns of truth values."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from scorax.data import BooleanFormat
from scorax.tables.columns._cells import Cells
from scorax.tables.columns._levels import AbstractLevels


@dataclass(frozen=True)
class Boolean(AbstractLevels):
    """False and true."""

    name: str
    format: BooleanFormat

    @classmethod
    def infer(cls, cells: Cells) -> "Boolean | None":
        """Truth values."""
        form = cells.given
        return cls(cells.name, form) if form.kind == "boolean" and not cells.plain else None

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "boolean"

    @property
    def points(self) -> Float[np.ndarray, " 2"]:
        """0 and 1."""
        return np.array([0.0, 1.0])

    @property
    def ordered(self) -> bool:
        """There are two of them: nothing lies between."""
        return False

    @property
    def summary(self) -> str:
        """How they are written."""
        return f"{self.format.false}, {self.format.true}; 2 levels"
