r"""The energy distance between two samples."""

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import cdist

from scorax.metrics._shapes import check_pair

_CHUNK_ELEMENTS = 4_000_000
"""Distances held at once (32 MB)."""


def energy_distance(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]) -> float:
    r"""Energy distance $\sqrt{2 E|X - Y| - E|X - X'| - E|Y - Y'|}$, in the units of the rows.

    Expectations are means over all pairs, a row with itself included (the V-statistic, never negative); at d = 1 it
    is `scipy.stats.energy_distance`. Time grows with the product of the sizes, memory does not.
    """
    check_pair(x, y)
    square = 2 * _mean_distance(x, y) - _mean_distance(x, x) - _mean_distance(y, y)
    # The V-statistic is a non-negative quantity; only rounding can push it below zero.
    return float(np.sqrt(max(square, 0.0)))


def _mean_distance(a: np.ndarray, b: np.ndarray) -> float:
    step = max(1, _CHUNK_ELEMENTS // len(b))
    total = sum(float(cdist(a[i : i + step], b).sum()) for i in range(0, len(a), step))
    return total / (len(a) * len(b))
