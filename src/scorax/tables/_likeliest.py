"""The likeliest Gaussian of rows with missing numbers."""

import numpy as np
from jaxtyping import Bool, Float

from scorax.processes import GaussianLaw

_MOST_ROWS, _MOST_ENTRIES = 10_000, 10_000_000
"""Rows that it is fitted to, at most, and entries of a matrix for each of them: it is a start."""

_SWEEPS, _STILL = 100, 1e-3


def likeliest_gaussian(z: Float[np.ndarray, "n d"], present: Bool[np.ndarray, "n d"]) -> GaussianLaw:
    r"""The Gaussian under which what is present of standardised rows is likeliest, by expectation maximisation.

    With O the numbers that are present, a sweep puts $E[x \mid x_O]$ in the place of every row and adds what is left of the
    covariance, $S - S_{\cdot O} S_{OO}^{-1} S_{O \cdot}$, to that of the rows. One row more, of covariance I, keeps it regular.
    It is right where numbers are missing at random, which moments of the numbers that are present are not.

    Reference: Little and Rubin (2019), *Statistical analysis with missing data*, section 11.2.
    """
    step = -(-len(z) // min(_MOST_ROWS, _MOST_ENTRIES // z.shape[1] ** 2))
    rows, there = np.where(present, z, 0)[::step], present[::step]
    patterns, which, counts = np.unique(there, axis=0, return_inverse=True, return_counts=True)
    kept = patterns[:, :, None] & patterns[:, None]
    n, d = rows.shape
    mean, covariance = np.zeros(d), np.eye(d)
    for _ in range(_SWEEPS):
        inside = np.where(kept, covariance, np.eye(d))
        gains = np.linalg.solve(inside, np.where(patterns[:, :, None], covariance, 0)).swapaxes(1, 2)
        expected = mean + np.einsum("nij,nj->ni", gains[which.ravel()], np.where(there, rows - mean, 0))
        left = covariance - np.einsum("p,pij,jk->ik", counts / n, gains, covariance)
        before, mean = covariance, expected.mean(axis=0)
        covariance = (n * (np.cov(expected.T, bias=True).reshape(d, d) + left) + np.eye(d)) / (n + 1)
        if np.max(np.abs(covariance - before)) < _STILL:
            break
    return GaussianLaw.from_moments(mean.astype(np.float32), covariance)
