"""The strongest of the cheap density baselines: a Gaussian mixture whose settings are cross-validated."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from scorax.baselines._standardised import Scale

CovarianceType = Literal["full", "tied", "diag", "spherical"]

COMPONENTS = {"full": (1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 28, 40), "small": (1, 2, 3, 5, 8, 12, 20, 40)}
"""Numbers of components tried, by the size of the grid; never more than a tenth of the rows."""
RIDGES: dict[str, tuple[float, ...]] = {
    "full": (1e-6, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1),
    "small": (1e-6, 1e-3, 1e-2, 1e-1),
}
"""Values added to the variances in each M step (`reg_covar`), in units of the column variance."""
SHRINKAGES = (0.0, 0.1, 0.2, 0.4, 0.6)
r"""Share $s$ of the pooled covariance: $\Sigma_k \leftarrow (1 - s) \Sigma_k + s \sum_j w_j \Sigma_j$, after EM."""
TYPES: tuple[CovarianceType, ...] = ("full", "tied", "diag", "spherical")
"""Covariance types tried."""
MOST_COLUMNS = 100
"""Columns up to which the types with correlations are tried: an EM step costs their cube, and in a thousand columns a search
would take an hour. The correlations of wider tables are those of the Gaussian baseline."""

_FIRST_RIDGE = 1e-3
_PATIENCE = 2
"""Numbers of components tried beyond the best one before a walk ends."""


@contextmanager
def unfinished_is_fine() -> Iterator[None]:
    """Without scikit-learn's warning of an unfinished EM.

    100 EM steps are the budget of a cell: an unfinished one is judged by its held-out rows like any other. Warnings are the
    process's, not the thread's: who fits mixtures beside other work enters this around both.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@dataclass(frozen=True)
class MixtureSettings:
    """One cell of the grid, and its cross-validated log density per row in standardised coordinates."""

    components: int
    covariance: CovarianceType
    ridge: float
    shrinkage: float
    value: float = -np.inf

    def __str__(self) -> str:
        noun = "component" if self.components == 1 else "components"
        return f"{self.components} {noun}, {self.covariance}, ridge {self.ridge:g}, shrinkage {self.shrinkage:g}"


class MixtureBaseline:
    """Gaussian mixture by EM (scikit-learn, k-means start) with settings chosen by cross-validation inside the rows.

    The search: for each covariance type walk up `COMPONENTS` at ridge 1e-3 until two numbers in a row bring nothing;
    for the two best types try all `RIDGES` at the best number and its neighbours. Every fitted mixture is scored with
    all `SHRINKAGES` (they cost no fit; full and diagonal covariances only). Five folds up to 1,000 rows, three beyond;
    the search sees at most `search_rows` rows, the final fit (best of two starts) at most `max_rows`.
    `grid="small"` thins the grid and uses three folds: for use inside an outer cross-validation. `max_components` bounds the
    number of components.
    """

    name = "mixture"
    description = "Gaussian mixture"

    def __init__(
        self,
        *,
        grid: Literal["full", "small"] = "full",
        search_rows: int = 3000,
        max_rows: int = 20_000,
        max_components: int | None = None,
    ) -> None:
        self.grid: Literal["full", "small"] = grid
        self.search_rows = search_rows
        self.max_rows = max_rows
        self.max_components = max_components

    def fit(self, x: Float[np.ndarray, "n d"], *, seed: int) -> "MixtureBaseline":
        """Choose the settings and fit once more on all rows."""
        self._scale = Scale.of(x)
        z = np.random.default_rng(seed).permutation(self._scale.encode(x))[: self.max_rows]
        with unfinished_is_fine():
            self.settings = self._search(z[: self.search_rows], seed)
            fitted = _em(z, self.settings, seed, starts=2)
        if fitted is None:
            # EM can collapse on all rows though it did not on a fold; one Gaussian with a ridge never does.
            self.settings = MixtureSettings(1, "full", _FIRST_RIDGE, 0.0)
            covariance = np.atleast_2d(np.cov(z.T)) + _FIRST_RIDGE * np.eye(z.shape[1])
            fitted = _Mixture(np.ones(1), z.mean(axis=0, keepdims=True), covariance[None])
        self._mixture = fitted.shrunk(self.settings.shrinkage)
        self.description = str(self.settings)
        return self

    def log_density(self, x: Float[np.ndarray, "m d"]) -> Float[np.ndarray, " m"]:
        """Exact mixture log density per row."""
        return self._mixture.log_density(self._scale.encode(x)) - self._scale.log_determinant

    @property
    def parameters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights (k,), means (k, d) and covariances (k, d, d) in the units of the rows."""
        size, mixture = self._scale.size, self._mixture
        return mixture.weights, mixture.means * size + self._scale.shift, mixture.matrices * size[:, None] * size

    def _search(self, z: np.ndarray, seed: int) -> MixtureSettings:
        folds = _folds(len(z), 5 if self.grid == "full" and len(z) <= 1000 else 3)
        most = len(z) // 10 if self.max_components is None else min(self.max_components, len(z) // 10)
        counts = [k for k in COMPONENTS[self.grid] if k == 1 or k <= most]
        types = TYPES if z.shape[1] <= MOST_COLUMNS else TYPES[2:]
        firsts = [_walk(z, folds, counts, covariance, seed) for covariance in types]
        best = max(firsts, key=lambda cell: cell.value)
        for first in sorted(firsts, key=lambda cell: -cell.value)[:2]:
            place = counts.index(first.components)
            for components in counts[max(place - 1, 0) : place + 2]:
                for ridge in (r for r in RIDGES[self.grid] if r != _FIRST_RIDGE):  # the walk has tried that one
                    cell = MixtureSettings(components, first.covariance, ridge, 0.0)
                    best = max(best, _cross_validate(z, folds, cell, seed), key=lambda cell: cell.value)
        return best


@dataclass(frozen=True)
class _Mixture:
    """Weights (k,), means (k, d), covariances (k, d, d), or their diagonals (k, d) where there is nothing else."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @property
    def matrices(self) -> np.ndarray:
        """Covariances (k, d, d)."""
        if self.covariances.ndim == 3:
            return self.covariances
        return self.covariances[:, :, None] * np.eye(self.covariances.shape[1])

    def shrunk(self, share: float) -> "_Mixture":
        pooled = np.tensordot(self.weights, self.covariances, axes=1)
        return _Mixture(self.weights, self.means, (1 - share) * self.covariances + share * pooled)

    def log_density(self, z: np.ndarray) -> np.ndarray:
        terms = np.empty((len(self.weights), len(z)))
        diagonal = self.covariances.ndim == 2
        roots = np.sqrt(self.covariances) if diagonal else np.linalg.cholesky(self.covariances)
        for k, root in enumerate(roots):
            centred = (z - self.means[k]).T
            white = (
                centred / root[:, None] if diagonal else solve_triangular(root, centred, lower=True, check_finite=False)
            )
            size = root if diagonal else np.diag(root)
            terms[k] = np.log(self.weights[k]) - 0.5 * (white**2).sum(axis=0) - np.log(size).sum()
        return logsumexp(terms, axis=0) - 0.5 * z.shape[1] * np.log(2 * np.pi)


def _walk(
    z: np.ndarray, folds: np.ndarray, counts: list[int], covariance: CovarianceType, seed: int
) -> MixtureSettings:
    """Best number of components of one covariance type at the first ridge."""
    best = MixtureSettings(1, covariance, _FIRST_RIDGE, 0.0)
    tried_beyond = 0
    for components in counts:
        cell = _cross_validate(z, folds, MixtureSettings(components, covariance, _FIRST_RIDGE, 0.0), seed)
        tried_beyond = 0 if cell.value > best.value else tried_beyond + 1
        best = max(best, cell, key=lambda c: c.value)
        if tried_beyond == _PATIENCE:
            break
    return best


def _cross_validate(z: np.ndarray, folds: np.ndarray, cell: MixtureSettings, seed: int) -> MixtureSettings:
    """The cell with its best shrinkage and the mean held-out log density at it."""
    shrinkages = SHRINKAGES if cell.covariance in ("full", "diag") and cell.components > 1 else (0.0,)
    totals = np.zeros(len(shrinkages))
    for fold in range(folds.max() + 1):
        mixture = _em(z[folds != fold], cell, seed, starts=1)
        if mixture is None:
            return cell
        totals += [mixture.shrunk(share).log_density(z[folds == fold]).sum() for share in shrinkages]
    best = int(np.argmax(totals))
    return MixtureSettings(cell.components, cell.covariance, cell.ridge, shrinkages[best], float(totals[best] / len(z)))


def _em(z: np.ndarray, cell: MixtureSettings, seed: int, *, starts: int) -> _Mixture | None:
    """The fitted mixture, or None where EM collapsed onto a singular covariance (the cell is then out of the race)."""
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(
        cell.components, covariance_type=cell.covariance, reg_covar=cell.ridge, n_init=starts, random_state=seed
    )
    try:
        model.fit(z)
    except ValueError as error:
        if "ill-defined empirical covariance" not in str(error):
            raise
        return None
    dim = z.shape[1]
    raw = np.asarray(model.covariances_)
    covariances = {
        "full": lambda: raw,
        "tied": lambda: np.broadcast_to(raw, (cell.components, dim, dim)),
        "diag": lambda: raw,
        "spherical": lambda: np.broadcast_to(raw[:, None], (cell.components, dim)),
    }[cell.covariance]()
    return _Mixture(np.asarray(model.weights_), np.asarray(model.means_), covariances)


def _folds(n: int, count: int) -> np.ndarray:
    """Fold of each row; the rows come shuffled, so taking turns is a random assignment."""
    return np.arange(n) % min(count, n)
