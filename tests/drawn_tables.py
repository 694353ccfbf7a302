"""Columns of every kind, drawn at random: values and their format."""

import numpy as np

from scorax.data import BooleanFormat, Format, NumberFormat, TextFormat, TimeFormat
from scorax.data.formats import UNITS

Column = tuple[np.ndarray, Format]


def _numbers(r: np.random.Generator, n: int) -> np.ndarray:
    laws = (
        lambda: r.normal(r.uniform(-9, 9), 10.0 ** r.uniform(-4, 4), n),
        lambda: np.exp(r.normal(0, r.uniform(0.2, 4), n)),
        lambda: r.standard_cauchy(n) * 10.0 ** r.uniform(-3, 6),
        lambda: r.uniform(-1, 1, n),
        lambda: -r.exponential(3, n),
        lambda: np.where(r.random(n) < 0.5, r.normal(-9, 1, n), r.normal(9, 1, n)),
        lambda: np.append(r.normal(size=n - 1), 1e12),
        lambda: np.full(n, r.normal()),
    )
    return laws[r.integers(len(laws))]()


def _rounded(r: np.random.Generator, n: int) -> Column:
    decimals = int(r.integers(0, 5))
    values = np.clip(_numbers(r, n), -1e9, 1e9)
    return np.array([float(f"{v:.{decimals}f}") for v in values]) + 0.0, NumberFormat(decimals)


def _integers(r: np.random.Generator, n: int) -> Column:
    laws = (
        lambda: r.integers(0, 2, n),
        lambda: r.poisson(10.0 ** r.uniform(-1, 2), n),
        lambda: r.geometric(0.02, n) * 5 + 3,
        lambda: r.integers(-(2**45), 2**45, n),
        lambda: np.arange(n) + 1,
        lambda: r.choice([1, 7, 50, 99_999], n),
        lambda: 20_240_101 + r.integers(0, 28, n),
        lambda: np.where(r.random(n) < 0.97, r.poisson(2, n), 10 ** r.integers(3, 9, n)),
    )
    origin = int(r.choice([0, 0, 0, 2**60]))
    return laws[r.integers(len(laws))]().astype(float), NumberFormat(0, origin)


def _texts(r: np.random.Generator, n: int) -> Column:
    levels = tuple(sorted({f"{'é' * (k % 3)}{k:03d}" for k in range(int(r.choice([1, 2, 5, 70, 500])))}))
    return r.integers(0, len(levels), n).astype(float), TextFormat(levels)


def _times(r: np.random.Generator, n: int) -> Column:
    unit = UNITS[r.integers(len(UNITS))]
    return r.integers(0, int(r.choice([3, 100, 10**6])), n).astype(float), TimeFormat(
        unit, unit, origin=int(r.choice([0, 10**9]))
    )


MAKERS = (
    lambda r, n: (_numbers(r, n), NumberFormat()),
    # Few numbers of single precision may lie on decimals by accident.
    lambda r, n: (_numbers(r, n).astype(np.float32 if n > 20 else float).astype(float), NumberFormat()),
    _rounded,
    _integers,
    _texts,
    _times,
    lambda r, n: (r.integers(0, 2, n).astype(float), BooleanFormat("n", "y")),
)


def odd(r: np.random.Generator, column: Column) -> Column:
    """With zeros, a code for missing, or holes."""
    values, form = column
    if form.kind == "number" and form.origin == 0 and r.random() < 0.4:
        values = np.where(r.random(len(values)) < r.choice([0.05, 0.6]), r.choice([0.0, -999.0]), values)
    if r.random() < 0.3:
        values = np.where(r.random(len(values)) < r.choice([0.1, 1.0]), np.nan, values)
    return values, form
