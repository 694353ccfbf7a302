"""What all baselines of mixed rows share: their interface, the rows they choose on, and what a spike takes away."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

from scorax._errors import InputError, explain
from scorax._mixed_rows import MixedRows

LEAST_ROWS = 2
"""Fewer rows are not fitted: a model is trained on as few, and the baselines beside it are of the same rows."""
_VALIDATION_SHARE = 0.2


class MixedBaseline(Protocol):
    """A law fitted to mixed rows.

    `log_prob` is in nats per row: a probability of the levels times a density of the numbers, in their units. The mass of the
    cell over its width stands for the density of a number that was rounded.
    """

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    @property
    def description(self) -> str:
        """The settings that the fit chose."""
        ...

    def fit(self, rows: MixedRows, *, seed: int) -> "MixedBaseline":
        """Fit to the rows; every choice is made on these rows alone."""
        ...

    def log_prob(self, rows: MixedRows) -> Float[np.ndarray, " n"]:
        """Log-probability of each row."""
        ...

    def sample(self, n: int, *, seed: int) -> MixedRows:
        """Rows drawn from the law; numbers that are rounded in the fit are rounded to the same grid."""
        ...


def require_enough(rows: MixedRows) -> None:
    """Refuse rows that are too few to choose anything on."""
    if len(rows) < LEAST_ROWS:
        raise InputError(explain(expected=f"{LEAST_ROWS} rows or more", got=f"{len(rows)}", do="fit more rows"))


def validation_split(rows: MixedRows, seed: int) -> tuple[MixedRows, MixedRows]:
    """Rows to fit on and a fifth to choose settings on, drawn by the seed."""
    order = np.random.default_rng(seed).permutation(len(rows))
    held = max(2, round(_VALIDATION_SHARE * len(rows)))
    return rows.take(order[held:]), rows.take(order[:held])


@dataclass(frozen=True)
class RowShape:
    """What samples need to look like the rows of the fit: the grids of numbers, and where numbers do not apply.

    Attributes:
        num_levels: of each discrete quantity, its number of levels.
        widths: of each number, the width of its cells.
        ordered: of each discrete quantity, whether its levels have an order.
        origins: of each number, a point of its grid.
        beside: of each number, the discrete quantity whose level decides whether it applies, and of each level whether it
            does; or None.
    """

    num_levels: tuple[int, ...]
    widths: tuple[float, ...]
    ordered: tuple[bool, ...]
    origins: tuple[float, ...]
    beside: tuple[tuple[int, Bool[np.ndarray, " k"]] | None, ...]

    @classmethod
    def of(cls, rows: MixedRows) -> "RowShape":
        """Read off the rows: a number is beside a discrete quantity whose level tells in every row if it is NaN."""
        present = np.isfinite(rows.numbers)
        firsts = [
            column[there][0] if there.any() else 0.0 for column, there in zip(rows.numbers.T, present.T, strict=True)
        ]
        beside = tuple(_deciding_quantity(rows, there) for there in present.T)
        return cls(rows.num_levels, rows.cell_widths, rows.orders, tuple(map(float, firsts)), beside)

    def rows(self, numbers: Float[np.ndarray, "n d"], levels: Int[np.ndarray, "n b"]) -> MixedRows:
        """Draws as rows: on the grids, and NaN where a number does not apply."""
        numbers = numbers.copy()
        for j, (width, origin, beside) in enumerate(zip(self.widths, self.origins, self.beside, strict=True)):
            if width > 0:
                on_grid = origin + width * np.rint((numbers[:, j] - origin) / width)
                # Six digits beyond the grid: back to the float that is nearest to the decimal number.
                numbers[:, j] = np.round(on_grid, int(np.ceil(-np.log10(width))) + 6)
            if beside is not None:
                place, applies = beside
                numbers[~applies[levels[:, place]], j] = np.nan
        return MixedRows(numbers, levels, self.num_levels, self.widths, self.ordered)


def _deciding_quantity(rows: MixedRows, present: np.ndarray) -> tuple[int, np.ndarray] | None:
    if present.all() or not present.any():
        return None
    for place, (levels, size) in enumerate(zip(rows.levels.T, rows.num_levels, strict=True)):
        if (levels < 0).any():
            continue
        with_it = np.bincount(levels[present], minlength=size)
        without = np.bincount(levels[~present], minlength=size)
        if not ((with_it > 0) & (without > 0)).any():
            return place, without == 0
    return None
