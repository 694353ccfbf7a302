"""Rows of a mixed table as numbers and levels: what baselines are fitted to and samples are compared by."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from scorax._errors import InputError, explain


@dataclass(frozen=True, eq=False)
class MixedRows:
    """Rows of which some quantities are numbers and others are one of a few levels.

    A number that is NaN does not apply in its row (beside a spike) or is missing, a level of -1 is missing: the density of the
    row is that of what is there.

    Attributes:
        numbers: numbers of each row, finite or NaN.
        levels: levels of each row, one a discrete quantity, from 0 to the number of levels less one, or -1.
        num_levels: of each discrete quantity, how many levels its support has, seen or not.
        widths: of each number, the width of the cell that was rounded to it; 0 where it is not rounded. None: none is.
        ordered: of each discrete quantity, whether its levels are in an order that means something. None: none is.
        log_mass: of each row, the log-probability that every law gives it besides, of levels that are none of the support: such a
            level is -1 here. None: 0.

    Raises:
        InputError: shapes that do not fit, an infinite number, a level that there is not, a negative width.
    """

    numbers: Float[np.ndarray, "n d"]
    levels: Int[np.ndarray, "n b"]
    num_levels: tuple[int, ...]
    widths: tuple[float, ...] | None = None
    ordered: tuple[bool, ...] | None = None
    log_mass: Float[np.ndarray, " n"] | None = None

    def __post_init__(self) -> None:
        if self.numbers.ndim != 2 or self.levels.ndim != 2 or len(self.numbers) != len(self.levels):
            _refuse("numbers (n, d) and levels (n, b)", f"shapes {self.numbers.shape} and {self.levels.shape}")
        d, b = self.numbers.shape[1], self.levels.shape[1]
        object.__setattr__(self, "widths", (0.0,) * d if self.widths is None else tuple(map(float, self.widths)))
        object.__setattr__(self, "ordered", (False,) * b if self.ordered is None else tuple(map(bool, self.ordered)))
        object.__setattr__(self, "log_mass", np.zeros(len(self)) if self.log_mass is None else self.log_mass)
        if self.masses.shape != (len(self),):
            _refuse(f"a log-mass for each of {len(self)} rows", f"shape {self.masses.shape}")
        lengths = (len(self.num_levels), len(self.cell_widths), len(self.orders))
        if lengths != (b, d, b):
            _refuse(f"{b} numbers of levels, {d} widths and {b} orders", f"{lengths[0]}, {lengths[1]} and {lengths[2]}")
        if np.isinf(self.numbers).any():
            _refuse("finite numbers, or NaN", f"{int(np.isinf(self.numbers).sum())} that are infinite")
        outside = (self.levels < -1) | (self.levels >= np.array(self.num_levels, int).reshape(1, b))
        if outside.any():
            place = int(outside.any(axis=0).argmax())
            got = f"{self.levels[outside[:, place], place][0]} in column {place} of levels"
            _refuse(f"levels from 0 to {self.num_levels[place] - 1}, or -1", got)
        if not all(0 <= width < np.inf for width in self.cell_widths):
            _refuse("widths of 0 or more", f"{self.cell_widths}")

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def cell_widths(self) -> tuple[float, ...]:
        """`widths`, one for each number."""
        return self.widths or ()

    @property
    def orders(self) -> tuple[bool, ...]:
        """`ordered`, one for each discrete quantity."""
        return self.ordered or ()

    @property
    def masses(self) -> Float[np.ndarray, " n"]:
        """`log_mass`, one for each row."""
        return np.zeros(0) if self.log_mass is None else self.log_mass

    def take(self, index: Int[np.ndarray, " m"] | slice) -> "MixedRows":
        """The rows of these places, in that order."""
        numbers, levels, masses = self.numbers[index], self.levels[index], self.masses[index]
        return MixedRows(numbers, levels, self.num_levels, self.widths, self.ordered, masses)

    def cut(self, most: int, generator: np.random.Generator) -> "MixedRows":
        """At most so many rows, drawn without replacement; all of them, as they are, where there are no more."""
        if len(self) <= most:
            return self
        return self.take(generator.choice(len(self), most, replace=False))

    def followed_by(self, other: "MixedRows") -> "MixedRows":
        """These rows and then those of `other`."""
        self.require_same_columns(other)
        numbers, levels = np.concatenate([self.numbers, other.numbers]), np.concatenate([self.levels, other.levels])
        masses = np.concatenate([self.masses, other.masses])
        return MixedRows(numbers, levels, self.num_levels, self.widths, self.ordered, masses)

    def require_same_columns(self, other: "MixedRows") -> None:
        """Refuse rows of another table, or none."""
        mine, theirs = ((r.numbers.shape[1], r.num_levels, r.cell_widths, r.orders) for r in (self, other))
        if mine != theirs or not len(self) or not len(other):
            expected = f"rows of one table, of {mine[0]} numbers and of {mine[1]} levels"
            _refuse(expected, f"{len(self)} and {len(other)} rows, of {theirs[0]} numbers and {theirs[1]} levels")


def smoothed_shares(counts: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """Shares of K levels with half a row more for each: (n_k + 1/2) / (n + K/2) (Krichevsky and Trofimov 1981)."""
    return (counts + 0.5) / (counts.sum() + 0.5 * len(counts))


def level_counts(levels: Int[np.ndarray, " n"], num_levels: int) -> Float[np.ndarray, " k"]:
    """How often each level stands in a column; -1 counts nowhere."""
    return np.bincount(levels[levels >= 0], minlength=num_levels).astype(float)


def _refuse(expected: str, got: str) -> None:
    raise InputError(explain(expected=expected, got=got, do="make the rows of one table alike"))
