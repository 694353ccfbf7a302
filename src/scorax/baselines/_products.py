"""A mixture of product laws over mixed rows: its parameters, its log-probability, and expectation maximisation."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array
from scipy.special import logsumexp

from scorax._mixed_rows import MixedRows, level_counts, smoothed_shares
from scorax.baselines._normal_cells import log_mass

_FLOOR = 1e-3
"""Least deviation of a component, in deviations of the column."""
_ROWS_OF_PRIOR = 0.1
"""Weight of the variance of the column in that of a component, in rows."""
_MOST_STEPS = 100
_ENOUGH = 1e-3
"""Gain of a step, in nats a row, under which EM ends."""
_CHUNK_ELEMENTS = 4_000_000


@dataclass(frozen=True)
class Products:
    """Weights, normal laws of the numbers and shares of the levels of every component.

    Attributes:
        log_weights: (components,).
        means: (components, d), in the units of the rows.
        deviations: (components, d).
        log_shares: (components, sum of the numbers of levels), those of one quantity after those of another.
    """

    log_weights: np.ndarray
    means: np.ndarray
    deviations: np.ndarray
    log_shares: np.ndarray

    def log_prob(self, rows: MixedRows) -> Float[np.ndarray, " n"]:
        """Log-probability of each row."""
        step = max(1, _CHUNK_ELEMENTS // len(self.log_weights))
        parts = [
            np.asarray(logsumexp(self._of_components(rows.take(slice(i, i + step))), axis=1))
            for i in range(0, len(rows), step)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _of_components(self, rows: MixedRows) -> np.ndarray:
        terms = self.log_weights + indicators(rows) @ self.log_shares.T
        for j, width in enumerate(rows.cell_widths):
            x, mean, size = rows.numbers[:, j, None], self.means[:, j], self.deviations[:, j]
            if width > 0:
                low, high = (x - 0.5 * width - mean) / size, (x + 0.5 * width - mean) / size
                term = log_mass(low, high) - np.log(width)
            else:
                term = -0.5 * ((x - mean) / size) ** 2 - np.log(size) - 0.5 * np.log(2 * np.pi)
            terms += np.where(np.isfinite(x), term, 0.0)
        return terms

    def draw(
        self, n: int, num_levels: tuple[int, ...], generator: np.random.Generator
    ) -> tuple[Float[np.ndarray, "n d"], np.ndarray]:
        """Numbers (n, d) and levels (n, b)."""
        component = generator.choice(len(self.log_weights), size=n, p=np.exp(self.log_weights))
        noise = generator.standard_normal((n, self.means.shape[1]))
        numbers = self.means[component] + self.deviations[component] * noise
        levels = np.empty((n, len(num_levels)), int)
        for place, start in enumerate(starts(num_levels)):
            ends = np.exp(self.log_shares[:, start : start + num_levels[place]]).cumsum(axis=1)
            uniform = generator.uniform(size=n) * ends[component, -1]
            levels[:, place] = (uniform[:, None] >= ends[component]).sum(axis=1)
        return numbers, levels


def starts(num_levels: tuple[int, ...]) -> list[int]:
    """Place of the first level of each discrete quantity in a list of all levels."""
    return [int(place) for place in np.cumsum([0, *num_levels])[:-1]]


def indicators(rows: MixedRows) -> csr_array:
    """Sparse (n, sum of the numbers of levels): one where a row has a level, nothing where it is missing."""
    row, column = np.nonzero(rows.levels >= 0)
    place = rows.levels[row, column] + np.array(starts(rows.num_levels), int)[column]
    shape = (len(rows), int(sum(rows.num_levels)))
    return csr_array((np.ones(len(row)), (row, place)), shape=shape)


def fit_products(rows: MixedRows, components: int, *, shrinkage: float, seed: int) -> Products:
    r"""A mixture of so many product laws by expectation maximisation.

    Shares of levels: $(N_{kl} + w_k / 2 + s m_l) / (N_k + w_k K / 2 + s)$ with $m_l = (n_l + 1/2) / (n + K/2)$, `shrinkage` s:
    half a row for each level as everywhere, spread over the components, and s rows of the whole column for every
    component. One component has the shares m. Densities stand for the masses of cells in the steps; no deviation is under
    a thousandth of that of its column, or that of a uniform law in its cell.
    """
    given = np.isfinite(rows.numbers)
    count = np.maximum(given.sum(axis=0), 1)
    centre = np.where(given, rows.numbers, 0.0).sum(axis=0) / count
    x = np.where(given, rows.numbers - centre, 0.0)
    size = np.sqrt((x**2).sum(axis=0) / count)
    size = np.where(size > 0, size, 1.0)
    x, there = x / size, given.astype(float)
    floor = np.maximum(_FLOOR**2, (np.array(rows.cell_widths) / size) ** 2 / 12)
    hot, owner = indicators(rows), np.repeat(np.arange(len(rows.num_levels)), np.array(rows.num_levels, int))
    counts = [level_counts(levels, k) for levels, k in zip(rows.levels.T, rows.num_levels, strict=True)]
    whole = np.concatenate([np.zeros(0), *map(smoothed_shares, counts)])

    def maximised(share: np.ndarray) -> Products:
        """The mixture of largest likelihood if these are the shares of the components in each row."""
        weight = (share.sum(axis=0) + 1e-9) / (len(rows) + 1e-9 * components)
        mass = share.T @ there
        mean = share.T @ x / np.maximum(mass, 1e-9)
        square = share.T @ x**2 - mass * mean**2
        variance = np.maximum((square + _ROWS_OF_PRIOR) / (mass + _ROWS_OF_PRIOR), floor)
        found = np.asarray((hot.T @ share).T) + 0.5 * weight[:, None] + shrinkage * whole
        totals = [found[:, owner == b].sum(axis=1) for b in range(len(rows.num_levels))]
        log_shares = np.log(found / np.stack(totals, axis=1)[:, owner]) if totals else found
        return Products(np.log(weight), mean, np.sqrt(variance), log_shares)

    def terms(law: Products) -> np.ndarray:
        variance = law.deviations**2
        squares = x**2 @ (1 / variance).T - 2 * x @ (law.means / variance).T
        constants = there @ (law.means**2 / variance + np.log(2 * np.pi * variance)).T
        return law.log_weights + np.asarray(hot @ law.log_shares.T) - 0.5 * (squares + constants)

    law = maximised(_first(x, rows, components, np.random.default_rng(seed)))
    last = -np.inf
    for _ in range(_MOST_STEPS if len(rows) else 0):
        of_components = terms(law)
        values = np.asarray(logsumexp(of_components, axis=1))
        law = maximised(np.exp(of_components - values[:, None]))
        if values.mean() - last < _ENOUGH:
            break
        last = float(values.mean())
    return Products(law.log_weights, centre + size * law.means, size * law.deviations, law.log_shares)


def _first(x: np.ndarray, rows: MixedRows, components: int, generator: np.random.Generator) -> np.ndarray:
    """Shares of the components to begin with: each row with the nearest of as many rows, drawn far from one another.

    The next row is drawn in proportion to its squared distance from those before (k-means++, Arthur and Vassilvitskii 2007).
    """
    best, nearest = np.full(len(rows), np.inf), np.zeros(len(rows), int)
    for k in range(components if len(rows) else 0):
        odds = None if k == 0 or not best.any() else best / best.sum()
        row = generator.choice(len(rows), p=odds)
        distance = ((x - x[row]) ** 2).sum(axis=1) + 2.0 * (rows.levels != rows.levels[row]).sum(axis=1)
        closer = distance < best
        best[closer], nearest[closer] = distance[closer], k
    return np.eye(components)[nearest]
