"""A Gaussian copula of a mixed table: margins of their own, and one correlation matrix of latent normals."""

import numpy as np
from jaxtyping import Float
from scipy.special import log_ndtr, logsumexp, ndtri_exp

from scorax._mixed_rows import MixedRows, level_counts, smoothed_shares
from scorax.baselines._mixed import RowShape, require_enough
from scorax.baselines._normal_cells import log_mass, truncated_normal
from scorax.baselines._product_mixture import choose_products

_SWEEPS = 24
"""Rounds in which the latent normals of cells are drawn; the correlations are those of the later half."""
_MARGIN_COMPONENTS = 20
_BISECTIONS = 60
_CHUNK_ELEMENTS = 2_000_000
_FAR = 40.0
"""Deviations from zero at which the quantiles of a margin are sought no further."""


class CopulaBaseline:
    r"""A Gaussian copula: $z \sim N(0, R)$, number $x_j = F_j^{-1}(\Phi(z_j))$, level $l_b$ the one in whose cell $z_b$ lies.

    Margins: of a number a mixture of at most 20 normal laws, its components chosen as in `ProductMixtureBaseline`, and one
    as wide as the range of the rows with the weight of half a row, without which a far value would cost any amount; of a
    discrete quantity the shares (n_k + 1/2) / (n + K/2), cells in the order of the levels, which is arbitrary where they are not
    ordered. R is fitted by stochastic expectation maximisation: latents of cells and of what is missing are drawn given
    all others, R is the mean of their correlations (Hoff 2007 draws R too).

    The log-probability of a row is exact for numbers that are not rounded with at most one discrete quantity. Otherwise the
    probability of its rectangle of cells is estimated without bias by the simulator of Geweke, Hajivassiliou and Keane
    with `draws` points of a Latin hypercube, the same for all rows: its logarithm is too low in the mean, the less the
    more draws.
    """

    name = "Gaussian copula"
    description = "Gaussian copula"

    def __init__(self, *, draws: int = 64, max_rows: int = 10_000) -> None:
        self.draws = draws
        self.max_rows = max_rows

    def fit(self, rows: MixedRows, *, seed: int) -> "CopulaBaseline":
        """Margins, then correlations, of at most `max_rows` rows drawn by the seed."""
        rows = rows.cut(self.max_rows, np.random.default_rng(seed))
        require_enough(rows)
        self._shape, self._seed = RowShape.of(rows), seed
        self._margins = [_NumberMargin.of(rows, j, seed) for j in range(rows.numbers.shape[1])]
        shares = [
            smoothed_shares(level_counts(column, k)) for column, k in zip(rows.levels.T, rows.num_levels, strict=True)
        ]
        self._cuts = [_normal_quantiles(share) for share in shares]
        low, high, _ = self._cells(rows)
        self.correlations = _correlations(low, high, np.random.default_rng(seed))
        sizes = [margin.components for margin in self._margins]
        margins = f"margins of {min(sizes)} to {max(sizes)} components, " if sizes else ""
        self.description = f"{margins}{self.draws} draws a row, {len(rows)} rows"
        return self

    def log_prob(self, rows: MixedRows) -> Float[np.ndarray, " n"]:
        """Log-probability of each row, estimated where it has no closed form."""
        low, high, margins = self._cells(rows)
        # Points first, then narrow cells, then levels: what is known exactly leaves least to be drawn.
        points = np.array([width == 0 for width in self._shape.widths] + [False] * len(self._cuts), bool)
        order = np.concatenate([np.flatnonzero(points), np.flatnonzero(~points)])
        root = np.linalg.cholesky(self.correlations[np.ix_(order, order)])
        uniforms = _latin_hypercube(self.draws, len(order), np.random.default_rng(self._seed))
        step = max(1, _CHUNK_ELEMENTS // (self.draws * len(order)))
        parts = [
            _rectangles(low[i : i + step, order], high[i : i + step, order], root, uniforms)
            for i in range(0, len(rows), step)
        ]
        return margins + np.concatenate(parts) if parts else margins

    def sample(self, n: int, *, seed: int) -> MixedRows:
        """Draws of the latents, and of each the quantile or the level."""
        generator = np.random.default_rng(seed)
        z = generator.standard_normal((n, len(self.correlations))) @ np.linalg.cholesky(self.correlations).T
        d = len(self._margins)
        numbers = np.column_stack([np.empty((n, 0)), *(m.quantile(z[:, j]) for j, m in enumerate(self._margins))])
        levels = np.empty((n, len(self._cuts)), int)
        for place, cuts in enumerate(self._cuts):
            levels[:, place] = np.searchsorted(cuts[1:-1], z[:, d + place], side="right")
        return self._shape.rows(numbers, levels)

    def _cells(self, rows: MixedRows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ends of the latent cells of each row, equal at points, infinite where something is missing; log-density of points.

        The last array also takes off the widths of rounded numbers.
        """
        n, d = rows.numbers.shape
        low, high = np.full((n, d + len(self._cuts)), -np.inf), np.full((n, d + len(self._cuts)), np.inf)
        outside = np.zeros(n)
        for j, (margin, width) in enumerate(zip(self._margins, self._shape.widths, strict=True)):
            there = np.isfinite(rows.numbers[:, j])
            x = rows.numbers[there, j]
            low[there, j], high[there, j] = margin.normal(x - 0.5 * width), margin.normal(x + 0.5 * width)
            if width > 0:
                outside[there] -= np.log(width)
            else:
                outside[there] += margin.log_density(x) + 0.5 * low[there, j] ** 2 + 0.5 * np.log(2 * np.pi)
        for place, cuts in enumerate(self._cuts):
            there = rows.levels[:, place] >= 0
            level = rows.levels[there, place]
            low[there, d + place], high[there, d + place] = cuts[level], cuts[level + 1]
        return low, high, outside


class _NumberMargin:
    """A mixture of normal laws of one number, the last as wide as its range with the weight of half a row."""

    def __init__(self, log_weights: np.ndarray, means: np.ndarray, sizes: np.ndarray) -> None:
        self._log_weights, self._means, self._sizes = log_weights, means, sizes
        self.components = len(means)

    @classmethod
    def of(cls, rows: MixedRows, j: int, seed: int) -> "_NumberMargin":
        there = np.isfinite(rows.numbers[:, j])
        column = MixedRows(rows.numbers[there][:, [j]], np.zeros((there.sum(), 0), int), (), (rows.cell_widths[j],))
        products, _, _ = choose_products(column, _MARGIN_COMPONENTS, seed)
        x, means, sizes = column.numbers[:, 0], products.means[:, 0], products.deviations[:, 0]
        wide = max(float(np.ptp(x)) if len(x) else 0.0, float(sizes.max()))
        shares = smoothed_shares(np.array([len(x), 0.0]))
        return cls(
            np.append(products.log_weights + np.log(shares[0]), np.log(shares[1])),
            np.append(means, means.mean()),
            np.append(sizes, wide),
        )

    def log_density(self, x: np.ndarray) -> np.ndarray:
        z = (x[:, None] - self._means) / self._sizes
        terms = self._log_weights - 0.5 * z**2 - np.log(self._sizes)
        return np.asarray(logsumexp(terms, axis=1)) - 0.5 * np.log(2 * np.pi)

    def normal(self, x: np.ndarray) -> np.ndarray:
        """Phi^{-1}(F(x)), through the tail that is the smaller."""
        z = (x[:, None] - self._means) / self._sizes
        below = np.asarray(logsumexp(self._log_weights + log_ndtr(z), axis=1))
        above = np.asarray(logsumexp(self._log_weights + log_ndtr(-z), axis=1))
        return np.where(below < above, ndtri_exp(np.minimum(below, 0.0)), -ndtri_exp(np.minimum(above, 0.0)))

    def quantile(self, z: np.ndarray) -> np.ndarray:
        """F^{-1}(Phi(z)) by bisection."""
        low = np.full(len(z), (self._means - _FAR * self._sizes).min())
        high = np.full(len(z), (self._means + _FAR * self._sizes).max())
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            below = self.normal(middle) < z
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return 0.5 * (low + high)


def _normal_quantiles(shares: np.ndarray) -> np.ndarray:
    """Ends of the cells of levels on the line of a standard normal law, (K + 1,)."""
    below, above = np.cumsum(shares)[:-1], np.cumsum(shares[::-1])[::-1][1:]
    inner = np.where(below < above, ndtri_exp(np.log(below)), -ndtri_exp(np.log(above)))
    return np.concatenate([[-np.inf], inner, [np.inf]])


def _correlations(low: np.ndarray, high: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Correlations of latents of which only cells are known."""
    n, d = low.shape
    point = low == high
    latent = np.where(point, low, truncated_normal(low, high, np.full(low.shape, 0.5)))
    current, total = _shrunk(latent), np.zeros((d, d))
    for sweep in range(_SWEEPS):
        precision = np.linalg.inv(current)
        for j in np.flatnonzero(~point.all(axis=0)):
            rest = latent @ precision[j] - latent[:, j] * precision[j, j]
            mean, size = -rest / precision[j, j], precision[j, j] ** -0.5
            drawn = truncated_normal((low[:, j] - mean) / size, (high[:, j] - mean) / size, generator.uniform(size=n))
            latent[:, j] = np.where(point[:, j], low[:, j], mean + size * drawn)
        current = _shrunk(latent)
        if sweep >= _SWEEPS // 2:
            total += current
    return total / (_SWEEPS - _SWEEPS // 2)


def _shrunk(latent: np.ndarray) -> np.ndarray:
    """Correlations of the latents and so many rows of independent ones as there are columns, which keeps them invertible."""
    d = latent.shape[1]
    square = latent.T @ latent + d * np.eye(d)
    size = np.sqrt(np.diag(square))
    return square / np.outer(size, size)


def _latin_hypercube(n: int, d: int, generator: np.random.Generator) -> np.ndarray:
    """Points of the unit cube, each uniform, of which every coordinate has one in each n-th (McKay et al. 1979)."""
    places = np.column_stack([generator.permutation(n) for _ in range(d)])
    return (places + generator.uniform(size=(n, d))) / n


def _rectangles(low: np.ndarray, high: np.ndarray, root: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Log of the mean over draws of the probability (density at points) of each row of cells under N(0, root root^T)."""
    n, d = low.shape
    draws = len(uniforms)
    noise = np.zeros((n, draws, d))
    weight = np.zeros((n, draws))
    for j in range(d):
        mean, size = noise[:, :, :j] @ root[j, :j], root[j, j]
        a, b = (low[:, j, None] - mean) / size, (high[:, j, None] - mean) / size
        point = (low[:, j] == high[:, j])[:, None]
        density = -0.5 * a**2 - 0.5 * np.log(2 * np.pi) - np.log(size)
        # Where both ends are infinite nothing is known: the mass is one, and the draw is free.
        weight += np.where(point, np.where(point, density, 0.0), log_mass(np.where(point, a - 1, a), b))
        noise[:, :, j] = np.where(point, a, truncated_normal(np.where(point, a - 1, a), b, uniforms[None, :, j]))
    return np.asarray(logsumexp(weight, axis=1)) - np.log(draws)
