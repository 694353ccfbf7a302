"""A column of numbers that another one bounds from below: it is that column and what it has more."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from scorax._decimals import round_to
from scorax._errors import refusal
from scorax._text import quote
from scorax.data import NumberFormat, TimeFormat
from scorax.tables.columns._cells import Cells
from scorax.tables.columns._continuous import Continuous, margin_of
from scorax.tables.columns._grid import Grid
from scorax.tables.columns._integer import Integer
from scorax.tables.columns._map import Map
from scorax.tables.columns._number import AbstractNumber, check_spikes
from scorax.tables.columns._rounded import Rounded
from scorax.tables.columns._span import Span


@dataclass(frozen=True)
class Difference(AbstractNumber):
    r"""Numbers or times $b = a + d$ that are at least those of another column $a$ in every row: a model sees the excess $d$.

    Given a, b is d moved, so $p(a, b) = p(a, d)$: the density is that of the values, and on a grid the cells are the same. What
    methods take and give as values are excesses, in the unit of the column; a schema makes them from both columns and puts both
    together again. Where a is missing nothing is known of d, so b is missing too.

    Attributes:
        source: the name of the other column.
        grid: on which excesses lie; ``None`` where they are continuous.
    """

    name: str
    format: NumberFormat | TimeFormat
    source: str
    seen: Span
    grid: Grid | None
    map: Map
    spikes: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.source == self.name:
            raise ValueError("a column is no bound of itself")
        if not self.map.base.ends[0] >= 0:
            raise ValueError(f"expected a map of what is not negative, got one from {self.map.base.ends[0]:g} on")
        check_spikes(self.spikes)

    @classmethod
    def infer(cls, cells: Cells) -> "Difference | None":
        """No column is bounded by itself; see :meth:`of`."""
        return None

    @classmethod
    def of(cls, column: AbstractNumber, source: AbstractNumber, excess: Float[np.ndarray, " n"]) -> "Difference | None":
        """A column as another one and its excess over it, where the excess ends at zero by the rules for ends.

        Args:
            column: what it is by itself.
            source: the other column.
            excess: of the rows that have one, not negative.
        """
        form = column.format
        assert isinstance(form, NumberFormat | TimeFormat)
        cells = Cells("", excess, NumberFormat(decimals_of(form)), plain=False)
        for kind in (Integer, Rounded, Continuous):
            found = kind.infer(cells)
            if found is not None and found.map.base.ends[0] >= 0 and min(found.spikes, default=0.0) >= 0:
                grid = None if isinstance(found, Continuous) else found.grid
                return cls(column.name, form, source.name, found.seen, grid, found.map, found.spikes)
        return None

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "difference"

    @property
    def cell(self) -> float:
        """The step of the grid; 0 without one."""
        return 0.0 if self.grid is None else self.grid.step

    @property
    def margin(self) -> float:
        """One step, or one unit of the decimals where they are known."""
        return self.grid.step if self.grid else margin_of(NumberFormat(decimals_of(self.format)))

    @property
    def step(self) -> float | None:
        """Distance of the points of the grid."""
        return None if self.grid is None else self.grid.step

    @property
    def mapped(self) -> bool:
        """A number of it is never the value."""
        return True

    @property
    def summary(self) -> str:
        """The other column, what is seen beyond it, and the map of that."""
        top = self.map.base.ends[1]
        ends = f", ends at {top:g}" if np.isfinite(top) else ""
        each = ", ".join(f"{spike:g}" for spike in sorted(self.spikes))
        unit = f" {self.format.unit}s" if isinstance(self.format, TimeFormat) else ""
        return (
            f"{quote(self.source)} and {self.seen.low:.12g} to {self.seen.high:.12g}{unit} more{ends}"
            f"{f'; spikes {each}' if each else ''}; {self.map.summary}"
        )

    @property
    def alone(self) -> str:
        """The option by which a person has it modelled by itself."""
        return f"--column {self.name}={self.format.date if isinstance(self.format, TimeFormat) else 'KIND'}"

    def rounded(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Excesses on their grid, or with the decimals of the file."""
        decimals = decimals_of(self.format)
        if self.grid is not None:
            return self.grid.round(values)
        return values if decimals is None else round_to(values, decimals)

    def excess(self, values: Float[np.ndarray, " n"], source: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """What values have more than those of the other column; NaN where they are missing.

        Raises:
            InputError: there is a value where the other column has none.
        """
        self._require(
            np.isnan(source) & ~np.isnan(values), f"a value where {quote(self.source)} is missing", "the rows"
        )
        return excess_of(values, source, self.format)

    def written(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Values with the decimals of the file."""
        decimals = decimals_of(self.format)
        return values if decimals is None else round_to(values, decimals)

    def require(self, values: Float[np.ndarray, " n"], where: str) -> None:
        """Nothing is refused without the other column; see :meth:`require_excess`."""

    def require_excess(self, values: Float[np.ndarray, " n"], source: Float[np.ndarray, " n"], where: str) -> None:
        """Refuse values where the other column has none, and excesses that have no density.

        Raises:
            InputError: there is one; ``where`` begins the message.
        """
        alone = np.isnan(source) & ~np.isnan(values)
        self._require(alone, f"a value where {quote(self.source)} is missing", where)
        excess = excess_of(values, source, self.format)
        beyond = ~np.isin(excess, self.spikes) & self.map.beyond(excess, self.margin)
        if beyond.any():
            self._require(beyond, f"{excess[beyond][0]:.12g} more", where)

    def _require(self, wrong: Bool[np.ndarray, " n"], got: str, where: str) -> None:
        if wrong.any():
            raise refusal(
                where,
                expected=f"column {quote(self.name)} as in the fit: {self.summary}",
                got=f"{got} in row {int(np.argmax(wrong)) + 1} ({int(wrong.sum())} of {len(wrong)} rows)",
                do=f"remove these rows, or fit again and state its kind: {self.alone}",
            )


def excess_of(
    values: Float[np.ndarray, " n"], source: Float[np.ndarray, " n"], form: NumberFormat | TimeFormat
) -> Float[np.ndarray, " n"]:
    """What values have more than others, with the decimals of the file."""
    decimals = decimals_of(form)
    return values - source if decimals is None else round_to(values - source, decimals)


def decimals_of(form: NumberFormat | TimeFormat) -> int | None:
    """How many decimals are known: none of times."""
    return 0 if isinstance(form, TimeFormat) else form.decimals
