"""The two simplest honest density baselines: one shrunk Gaussian, and a cross-validated kernel estimate."""

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from scorax.baselines._standardised import Scale

_CHUNK_ELEMENTS = 4_000_000
"""Squared distances held at once (32 MB)."""


class GaussianBaseline:
    """One Gaussian with the Ledoit-Wolf covariance of the standardised rows."""

    name = "Gaussian"
    description = "Ledoit-Wolf covariance"

    def fit(self, x: Float[np.ndarray, "n d"], *, seed: int) -> "GaussianBaseline":
        """Mean and shrunk covariance; `seed` changes nothing here (the interface has it)."""
        from sklearn.covariance import ledoit_wolf

        self._scale = Scale.of(x)
        covariance, shrinkage = ledoit_wolf(self._scale.encode(x), assume_centered=True)
        self._root = np.linalg.cholesky(covariance)
        self.description = f"Ledoit-Wolf covariance, shrinkage {shrinkage:.2g}"
        return self

    def log_density(self, x: Float[np.ndarray, "m d"]) -> Float[np.ndarray, " m"]:
        """Exact Gaussian log density per row."""
        white = solve_triangular(self._root, self._scale.encode(x).T, lower=True)
        constant = 0.5 * x.shape[1] * np.log(2 * np.pi) + np.log(np.diag(self._root)).sum()
        with np.errstate(over="ignore"):  # of a row that far off the density is zero
            squares = (white**2).sum(axis=0)
        return -0.5 * squares - constant - self._scale.log_determinant


class KernelBaseline:
    r"""Gaussian kernel density estimate with one bandwidth h in standardised coordinates.

    $p(z) = n^{-1} \sum_i N(z; z_i, h^2 I)$. h maximises the leave-one-out log likelihood of the training rows: 16
    values from 0.01 to 3, evenly spaced in the logarithm, then 9 between the neighbours of the best. At most
    `max_rows` rows carry kernels and at most 1,000 of them are left out in turn; both are drawn from the seed.
    """

    name = "KDE"
    description = "Gaussian kernel"

    def __init__(self, *, max_rows: int = 20_000) -> None:
        self.max_rows = max_rows

    def fit(self, x: Float[np.ndarray, "n d"], *, seed: int) -> "KernelBaseline":
        """Choose the bandwidth on these rows."""
        self._scale = Scale.of(x)
        # The shuffle makes "the first 1,000 rows" a random choice; the file may be sorted.
        self._centres = np.random.default_rng(seed).permutation(self._scale.encode(x))[: self.max_rows]
        coarse = np.geomspace(0.01, 3.0, 16)
        best = int(np.argmax(self._leave_one_out(coarse)))
        fine = np.geomspace(coarse[max(best - 1, 0)], coarse[min(best + 1, 15)], 9)
        self.bandwidth = float(fine[int(np.argmax(self._leave_one_out(fine)))])
        self.description = f"bandwidth {self.bandwidth:.3g} standard deviations, chosen by leave-one-out"
        return self

    def log_density(self, x: Float[np.ndarray, "m d"]) -> Float[np.ndarray, " m"]:
        """Log of the mean kernel per row."""
        z = self._scale.encode(x)
        step = max(1, _CHUNK_ELEMENTS // len(self._centres))
        parts = [self._sum(_squares(z[i : i + step], self._centres), self.bandwidth) for i in range(0, len(z), step)]
        return np.concatenate(parts) - np.log(len(self._centres)) - self._scale.log_determinant

    def _leave_one_out(self, bandwidths: np.ndarray) -> np.ndarray:
        """Mean leave-one-out log density for each bandwidth, up to a constant that all share."""
        left_out = self._centres[:1000]
        step = max(1, _CHUNK_ELEMENTS // len(self._centres))
        totals = np.zeros(len(bandwidths))
        for start in range(0, len(left_out), step):
            squares = _squares(left_out[start : start + step], self._centres)
            rows = np.arange(len(squares))
            squares[rows, start + rows] = np.inf
            totals += [self._sum(squares, h).sum() for h in bandwidths]
        return totals / len(left_out)

    def _sum(self, squares: np.ndarray, bandwidth: float) -> np.ndarray:
        dim = self._centres.shape[1]
        constant = dim * (np.log(bandwidth) + 0.5 * np.log(2 * np.pi))
        return logsumexp(-0.5 * squares / bandwidth**2, axis=1) - constant


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    from scipy.spatial.distance import cdist

    return cdist(a, b, "sqeuclidean")
