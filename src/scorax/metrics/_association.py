"""How strongly each pair of columns hangs together, in generated rows and in real ones."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from scorax._mixed_rows import MixedRows

_PERMUTATIONS = 40
_MOST_PAIRS = 100_000
"""Pairs in all permutations together: wide tables have fewer, at least eight."""


@dataclass(frozen=True, eq=False)
class AssociationDifference:
    """Associations of all pairs of columns in two samples.

    Attributes:
        real: matrix of `associations` of the real rows; columns are the numbers, then the levels.
        synthetic: that of the generated rows.
        mean: mean over pairs of the absolute difference; NaN where there is no pair.
        expected: the mean of that for two samples of one law, by random permutations of the rows.
        limit: what samples of one law exceed one time in twenty.
        worst: places of the pair with the largest difference.
    """

    real: Float[np.ndarray, "c c"]
    synthetic: Float[np.ndarray, "c c"]
    mean: float
    expected: float
    limit: float
    worst: tuple[int, int]

    @property
    def sentence(self) -> str:
        """What was found, for a reader."""
        i, j = self.worst
        verdict = "no more than" if self.mean <= self.limit else "more than"
        return (
            f"Associations of pairs are off by {self.mean:.3f} in the mean, {verdict} samples of one law "
            f"({self.expected:.3f}, one time in twenty above {self.limit:.3f}); most for columns {i} and {j}: "
            f"{self.synthetic[i, j]:.2f} where real rows have {self.real[i, j]:.2f}."
        )


def association_difference(
    real: MixedRows, synthetic: MixedRows, *, seed: int = 0, max_rows: int = 5000
) -> AssociationDifference:
    """Associations of `real` and `synthetic`, on at most `max_rows` of each, and what is to be expected of one law."""
    real.require_same_columns(synthetic)
    generator = np.random.default_rng(seed)
    real, synthetic = real.cut(max_rows, generator), synthetic.cut(max_rows, generator)
    both = real.followed_by(synthetic)
    matrices = associations(real), associations(synthetic)
    upper = np.triu_indices(len(matrices[0]), 1)
    difference = np.abs(matrices[0] - matrices[1])[upper]
    if not len(difference):
        return AssociationDifference(*matrices, float("nan"), float("nan"), float("nan"), (0, 0))
    permuted = []
    for _ in range(max(8, min(_PERMUTATIONS, _MOST_PAIRS // len(difference)))):
        order = generator.permutation(len(both))
        one, other = (associations(both.take(part)) for part in (order[: len(real)], order[len(real) :]))
        permuted.append(np.abs(one - other)[upper].mean())
    worst = int(difference.argmax())
    pair = int(upper[0][worst]), int(upper[1][worst])
    limit = float(np.quantile(permuted, 0.95))
    return AssociationDifference(*matrices, float(difference.mean()), float(np.mean(permuted)), limit, pair)


def associations(rows: MixedRows) -> Float[np.ndarray, "c c"]:
    r"""Association of every pair of columns, the numbers first, over the rows where both are there; 0 where one is constant.

    Two numbers: Pearson's correlation. A number and levels: the correlation ratio, the root of the share of the number's
    variance that lies between levels. Levels and levels: Cramér's $V = \sqrt{\chi^2 / (n (\min(K, L) - 1))}$, K and L the
    numbers of levels that occur.
    """
    d, b = rows.numbers.shape[1], rows.levels.shape[1]
    matrix = np.eye(d + b)
    there = np.isfinite(rows.numbers)
    with np.errstate(invalid="ignore"):
        centre = np.where(there, rows.numbers, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    x = np.where(there, rows.numbers - centre, 0.0)
    matrix[:d, :d] = _correlations(x, there.astype(float))
    for i in range(b):
        for j in range(d):
            both = there[:, j] & (rows.levels[:, i] >= 0)
            matrix[d + i, j] = matrix[j, d + i] = correlation_ratio(x[both, j], rows.levels[both, i])
        for j in range(i):
            both = (rows.levels[:, i] >= 0) & (rows.levels[:, j] >= 0)
            shape = rows.num_levels[i], rows.num_levels[j]
            places = rows.levels[both, i] * shape[1] + rows.levels[both, j]
            table = np.bincount(places, minlength=shape[0] * shape[1]).reshape(shape)
            matrix[d + i, d + j] = matrix[d + j, d + i] = cramers_v(table)
    return matrix


def correlation_ratio(x: np.ndarray, levels: np.ndarray) -> float:
    """Root of the share of the variance of `x` that lies between levels."""
    total = ((x - x.mean()) ** 2).sum() if len(x) else 0.0
    if total == 0:
        return 0.0
    counts = np.bincount(levels)
    sums = np.bincount(levels, weights=x - x.mean())
    between = (sums[counts > 0] ** 2 / counts[counts > 0]).sum()
    return float(np.sqrt(min(between / total, 1.0)))


def cramers_v(table: np.ndarray) -> float:
    """Cramér's V of a table of counts."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    smaller = min(table.shape) - 1
    if smaller < 1:
        return 0.0
    total = table.sum()
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    return float(np.sqrt(((table - expected) ** 2 / expected).sum() / (total * smaller)))


def _correlations(x: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Pearson's correlations over the rows where both are there; `x` is 0 elsewhere."""
    count = np.maximum(there.T @ there, 1.0)
    sums = x.T @ there  # of the one over the rows of the other
    covariance = x.T @ x - sums * sums.T / count
    squares = (x**2).T @ there - sums**2 / count
    size = np.sqrt(np.maximum(squares * squares.T, 0.0))
    floor = 1e-12 * np.sqrt(((x**2).T @ there) * ((x**2).T @ there).T)
    known = size > floor
    matrix = np.where(known, covariance / np.where(known, size, 1.0), 0.0)
    np.fill_diagonal(matrix, 1.0)
    return np.clip(matrix, -1.0, 1.0)
