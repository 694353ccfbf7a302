"""Are generated rows copies of rows of the fit?"""

from dataclasses import dataclass

import numpy as np

from scorax._mixed_rows import MixedRows
from scorax.metrics._nearest import nearest_mixed_rows


@dataclass(frozen=True)
class Copying:
    """Generated rows beside rows of the fit and as many rows that took no part in it.

    Attributes:
        nearer: share of generated rows that are nearer to a row of the fit than to any held row, ties one half; 1/2 where
            the generator knows the law and not the rows.
        standard_error: of that share if chance alone decided which half of the real rows are rows of the fit.
        duplicates: generated rows that equal a row of the fit.
        held_duplicates: generated rows that equal a held row: what honest repetitions come to.
        rows: generated rows.
        references: rows of the fit, and held rows, that were compared with.
    """

    nearer: float
    standard_error: float
    duplicates: int
    held_duplicates: int
    rows: int
    references: int

    @property
    def sentence(self) -> str:
        """What was found, for a reader."""
        verdict = "copies are seen" if self.nearer > 0.5 + 2 * self.standard_error else "no copying is seen"
        return (
            f"{self.nearer:.1%} of {self.rows} generated rows are nearer to one of {self.references} rows of the fit than to one "
            f"of as many held rows (50 % without copying, standard error {self.standard_error:.1%}): {verdict}. "
            f"{self.duplicates} equal a row of the fit, {self.held_duplicates} a held row."
        )


def copying(train: MixedRows, held: MixedRows, synthetic: MixedRows, *, seed: int = 0, max_rows: int = 5000) -> Copying:
    r"""Share of `synthetic` that is nearer to `train` than to equally many rows of `held`, and exact duplicates.

    The distance is that of `nearest_mixed_rows`, its scales those of both kinds of real rows. With $c_i$ the share of
    generated rows whose nearest real row is i, of M, the standard error is $\frac12 \sqrt{(\sum_i c_i^2 - 1/M) M / (M - 1)}$.
    """
    train.require_same_columns(held)
    train.require_same_columns(synthetic)
    generator = np.random.default_rng(seed)
    size = min(len(train), len(held), max_rows)
    sides, asked = [rows.cut(size, generator) for rows in (train, held)], synthetic.cut(max_rows, generator)
    real = sides[0].followed_by(sides[1])
    (to_train, at_train), (to_held, at_held) = (nearest_mixed_rows(asked, side, real) for side in sides)
    nearer = np.where(to_train < to_held, 1.0, np.where(to_train == to_held, 0.5, 0.0))
    nearest = np.where(to_train <= to_held, at_train, len(sides[0]) + at_held)
    together = np.bincount(nearest)
    every = len(real)
    spread = (together**2).sum() / len(asked) ** 2 - 1 / every
    error = 0.5 * float(np.sqrt(max(spread, 0.0) * every / (every - 1)))
    of_train, of_held = (duplicates(asked, side) for side in sides)
    return Copying(float(nearer.mean()), error, of_train, of_held, len(asked), len(sides[0]))


def duplicates(rows: MixedRows, reference: MixedRows) -> int:
    """How many rows stand in the reference too, cell for cell; NaN equals NaN."""
    known = set(_cells(reference))
    return sum(cells in known for cells in _cells(rows))


def _cells(rows: MixedRows) -> list[bytes]:
    numbers = np.where(np.isnan(rows.numbers), np.nan, rows.numbers + 0.0)  # one NaN, one zero
    return [x.tobytes() + l.tobytes() for x, l in zip(numbers, rows.levels.astype(np.int64), strict=True)]
