"""A column of real numbers."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from scorax._decimals import round_to
from scorax.data import NumberFormat
from scorax.tables.columns._cells import Cells
from scorax.tables.columns._choice import chosen_map
from scorax.tables.columns._map import Map
from scorax.tables.columns._number import AbstractNumber, check_spikes
from scorax.tables.columns._span import Span


@dataclass(frozen=True)
class Continuous(AbstractNumber):
    """Real numbers. There is no noise."""

    name: str
    format: NumberFormat
    seen: Span
    map: Map = field(default_factory=Map)
    spikes: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.format.origin != 0:
            raise ValueError("only integers have an origin")
        check_spikes(self.spikes)

    @classmethod
    def infer(cls, cells: Cells) -> "Continuous | None":
        """Any numbers."""
        form, body = cells.format, cells.body
        if form.kind != "number":
            return None
        found = chosen_map(cells, margin_of(form), points=False)
        return cls(cells.name, form, Span(body.low, body.high), found, cells.spikes)

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "continuous"

    @property
    def cell(self) -> float:
        """There is none."""
        return 0.0

    @property
    def margin(self) -> float:
        """One unit of the decimals of the file, where it has some."""
        return margin_of(self.format)

    @property
    def step(self) -> float | None:
        """Values lie on no points."""
        return None

    def rounded(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Values with the decimals of the file, where it has some."""
        return values if self.format.decimals is None else round_to(values, self.format.decimals)


def margin_of(form: NumberFormat) -> float:
    """One unit of the decimals, 0 where they are not known."""
    return 0.0 if form.decimals is None else 10.0**-form.decimals
