"""Each column of generated rows beside that of real ones."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from scorax._mixed_rows import MixedRows, level_counts
from scorax.metrics._share_interval import ShareInterval

_PERMUTATIONS = 400
_LEAST_SPIKE = 0.01
_MOST_SPIKES = 8


@dataclass(frozen=True)
class Spike:
    """A value that many rows share.

    Attributes:
        value: the value, or NaN for cells that are missing or do not apply.
        real: its share of the real rows.
        synthetic: its share of the generated rows.
        standard_error: of the difference of the two.
    """

    value: float
    real: float
    synthetic: float
    standard_error: float


@dataclass(frozen=True)
class ColumnDifference:
    """One column of generated rows beside that of real ones.

    Attributes:
        measure: Kolmogorov-Smirnov, the largest difference of the distribution functions, of numbers and ordered levels; total
            variation, half the sum of the absolute differences of shares, of other levels.
        distance: between the values that are there.
        expected: what two samples of one law exceed one time in twenty.
        outside: share of generated values outside the ends of the real ones, or at levels that no real row has.
        spikes: values with at least a hundredth of the real rows, the most frequent eight; of levels, missing cells only.
    """

    measure: Literal["Kolmogorov-Smirnov", "total variation"]
    distance: float
    expected: float
    outside: ShareInterval
    spikes: tuple[Spike, ...]

    @property
    def sentence(self) -> str:
        """What was found, for a reader."""
        verdict = "no more than" if self.distance <= self.expected else "more than"
        off = max(self.spikes, key=lambda spike: abs(spike.real - spike.synthetic), default=None)
        spike = (
            ""
            if off is None
            else f" The value {off.value:g} has {off.synthetic:.1%} where real rows have {off.real:.1%}."
        )
        return (
            f"{self.measure} distance {self.distance:.3f}, {verdict} samples of one law have ({self.expected:.3f}, one time in "
            f"twenty more); outside the real range: {self.outside}.{spike}"
        )


def column_differences(real: MixedRows, synthetic: MixedRows, *, seed: int = 0) -> tuple[ColumnDifference, ...]:
    """Every column of `synthetic` beside that of `real`: the numbers, then the levels.

    `expected` is that of random permutations of the rows for levels, and of Kolmogorov's asymptotic law for numbers, where
    ties make it too large.
    """
    real.require_same_columns(synthetic)
    numbers = [_number(x, y) for x, y in zip(real.numbers.T, synthetic.numbers.T, strict=True)]
    generator = np.random.default_rng(seed)
    discrete = [
        _discrete(x, y, size, ordered, generator)
        for x, y, size, ordered in zip(real.levels.T, synthetic.levels.T, real.num_levels, real.orders, strict=True)
    ]
    return tuple(numbers + discrete)


def kolmogorov_smirnov(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " m"]) -> float:
    """Largest difference of the empirical distribution functions of two samples."""
    points = np.concatenate([x, y])
    of_x, of_y = (np.searchsorted(np.sort(values), points, side="right") / len(values) for values in (x, y))
    return float(np.abs(of_x - of_y).max())


def _number(real: np.ndarray, synthetic: np.ndarray) -> ColumnDifference:
    x, y = real[np.isfinite(real)], synthetic[np.isfinite(synthetic)]
    distance, expected, outside = 1.0 if len(x) != len(y) else 0.0, 0.0, ShareInterval.of(0, len(y))
    if len(x) and len(y):
        distance = kolmogorov_smirnov(x, y)
        expected = float(np.sqrt(-0.5 * np.log(0.025) * (1 / len(x) + 1 / len(y))))
        outside = ShareInterval.of(int(((y < x.min()) | (y > x.max())).sum()), len(y))
    values, counts = np.unique(x, return_counts=True)
    often = np.flatnonzero(counts >= max(2, _LEAST_SPIKE * len(real)))
    often = often[np.argsort(-counts[often], kind="stable")][:_MOST_SPIKES]
    spikes = [_spike(float(values[i]), real == values[i], synthetic == values[i]) for i in often]
    return ColumnDifference("Kolmogorov-Smirnov", distance, expected, outside, (*spikes, *_missing(real, synthetic)))


def _discrete(
    real: np.ndarray, synthetic: np.ndarray, size: int, ordered: bool, generator: np.random.Generator
) -> ColumnDifference:
    of_real, of_synthetic = level_counts(real, size), level_counts(synthetic, size)
    n, m = of_real.sum(), of_synthetic.sum()
    outside = ShareInterval.of(int(of_synthetic[of_real == 0].sum()), int(m))
    distance, expected = 1.0 if n != m else 0.0, 0.0
    if n and m:
        distance = float(_distances((of_real / n - of_synthetic / m)[None], ordered)[0])
        pooled = (of_real + of_synthetic).astype(int)
        drawn = generator.multivariate_hypergeometric(pooled, int(n), size=_PERMUTATIONS, method="marginals")
        expected = float(np.quantile(_distances(drawn / n - (pooled - drawn) / m, ordered), 0.95))
    gaps = _missing(np.where(real < 0, np.nan, 0.0), np.where(synthetic < 0, np.nan, 0.0))
    measure = "Kolmogorov-Smirnov" if ordered else "total variation"
    return ColumnDifference(measure, distance, expected, outside, gaps)


def _distances(differences: np.ndarray, ordered: bool) -> np.ndarray:
    """Of each row of differences of shares."""
    if ordered:
        return np.abs(differences.cumsum(axis=-1)).max(axis=-1)
    return 0.5 * np.abs(differences).sum(axis=-1)


def _missing(real: np.ndarray, synthetic: np.ndarray) -> tuple[Spike, ...]:
    """The share of NaN as a spike, where there is one."""
    gaps = np.isnan(real), np.isnan(synthetic)
    return (_spike(np.nan, *gaps),) if gaps[0].any() or gaps[1].any() else ()


def _spike(value: float, real: np.ndarray, synthetic: np.ndarray) -> Spike:
    p, q = real.mean(), synthetic.mean()
    error = np.sqrt(p * (1 - p) / len(real) + q * (1 - q) / len(synthetic))
    return Spike(value, float(p), float(q), float(error))
