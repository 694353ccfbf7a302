r"""Wasserstein distances in one dimension, and their mean over directions (the sliced distance)."""

import numpy as np
from jaxtyping import Float

from scorax.metrics._shapes import check_pair

_CHUNK_ELEMENTS = 4_000_000
"""Projected values held at once; directions are taken in chunks so that memory does not grow with their number."""


def column_wasserstein(
    x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"], *, order: int = 1
) -> Float[np.ndarray, " d"]:
    r"""Wasserstein distance of each column, exact for any two sample sizes, in the units of the column.

    $W_p^p = \int_0^1 |F_x^{-1}(u) - F_y^{-1}(u)|^p du$. Both empirical quantile functions are steps, so the integral is
    a finite sum over the merged jump points i/n and j/m (n + m - 1 terms; equal sizes: the sorted values in pairs).
    `order` is p, 1 or more.
    """
    check_pair(x, y)
    n, m = len(x), len(y)
    if n == m:
        return np.mean(np.abs(np.sort(x, axis=0) - np.sort(y, axis=0)) ** order, axis=0) ** (1.0 / order)
    jumps = np.union1d(np.arange(n + 1) / n, np.arange(m + 1) / m)
    middle = 0.5 * (jumps[1:] + jumps[:-1])
    # An index from the middle of a step never sits on a jump, so rounding cannot pick the neighbour.
    at_x = np.minimum((middle * n).astype(int), n - 1)
    at_y = np.minimum((middle * m).astype(int), m - 1)
    gaps = np.abs(np.sort(x, axis=0)[at_x] - np.sort(y, axis=0)[at_y])
    return (np.diff(jumps) @ gaps**order) ** (1.0 / order)


def sliced_wasserstein(
    x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"], *, num_projections: int = 256, seed: int
) -> float:
    r"""Sliced 2-Wasserstein distance, in the units of the rows.

    $SW_2^2 = E_\theta W_2^2(\theta^T x, \theta^T y)$ with $\theta$ uniform on the unit sphere, estimated with
    `num_projections` directions drawn from `seed`. Between N(a, s^2 I) and N(b, t^2 I) it is
    $\sqrt{|a - b|^2 / d + (s - t)^2}$. Two samples of one
    law are not at distance zero: compare with a floor.
    """
    check_pair(x, y)
    dim = x.shape[1]
    directions = np.random.default_rng(seed).standard_normal((dim, num_projections))
    directions /= np.linalg.norm(directions, axis=0)
    step = max(1, _CHUNK_ELEMENTS // (len(x) + len(y)))
    squares = [
        column_wasserstein(x @ directions[:, i : i + step], y @ directions[:, i : i + step], order=2) ** 2
        for i in range(0, num_projections, step)
    ]
    return float(np.sqrt(np.concatenate(squares).mean()))
