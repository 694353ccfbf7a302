"""The simplest law of a mixed table in which columns depend on one another: a mixture of product laws."""

import numpy as np
from jaxtyping import Float

from scorax._mixed_rows import MixedRows
from scorax.baselines._mixed import LEAST_ROWS, RowShape, require_enough, validation_split
from scorax.baselines._products import Products, fit_products

COMPONENTS = (1, 2, 4, 8, 15, 30, 60, 120)
"""Numbers of components tried; at most a tenth of the rows."""
SHRINKAGES = (2.0, 16.0)
"""Rows of the whole column in the shares of levels of a component (`fit_products`)."""
_PATIENCE = 2
"""Numbers of components tried beyond the best one before a walk ends."""


class ProductMixtureBaseline:
    r"""A mixture of product laws by expectation maximisation: in a component all columns are independent.

    $P(x, l) = \sum_k w_k \prod_j N(x_j; \mu_{kj}, s_{kj}^2) \prod_b p_{kb}(l_b)$, over the numbers and levels that are there.
    Components and shrinkage are those of the largest mean log-probability of a fifth of the rows; then all rows are
    fitted. At most `max_rows` rows are used, drawn by the seed.
    """

    name = "mixture of products"
    description = "mixture of product laws"

    def __init__(self, *, max_components: int = COMPONENTS[-1], max_rows: int = 20_000) -> None:
        self.max_components = max_components
        self.max_rows = max_rows

    def fit(self, rows: MixedRows, *, seed: int) -> "ProductMixtureBaseline":
        """Choose components and shrinkage, and fit once more on all rows."""
        rows = rows.cut(self.max_rows, np.random.default_rng(seed))
        require_enough(rows)
        self._shape = RowShape.of(rows)
        self._products, self.components, shrinkage = choose_products(rows, self.max_components, seed)
        noun = "component" if self.components == 1 else "components"
        self.description = f"{self.components} {noun}, shrinkage {shrinkage:g}, {len(rows)} rows"
        return self

    def log_prob(self, rows: MixedRows) -> Float[np.ndarray, " n"]:
        """Exact log-probability of each row."""
        return self._products.log_prob(rows)

    def sample(self, n: int, *, seed: int) -> MixedRows:
        """Draws of a component and then of its columns."""
        numbers, levels = self._products.draw(n, self._shape.num_levels, np.random.default_rng(seed))
        return self._shape.rows(numbers, levels)


def choose_products(rows: MixedRows, max_components: int, seed: int) -> tuple[Products, int, float]:
    """The mixture whose size and shrinkage validation rows choose, fitted to all rows; its components and its shrinkage."""
    if len(rows) < LEAST_ROWS:  # of a number that is there in a few rows only
        return fit_products(rows, 1, shrinkage=SHRINKAGES[0], seed=seed), 1, SHRINKAGES[0]
    part, held = validation_split(rows, seed)
    most = min(max_components, len(part) // 10)

    def value(components: int, shrinkage: float) -> float:
        return float(fit_products(part, components, shrinkage=shrinkage, seed=seed).log_prob(held).mean())

    best, tried_beyond = (-np.inf, 1, SHRINKAGES[0]), 0
    for components in (k for k in COMPONENTS if k == 1 or k <= most):
        now = (value(components, SHRINKAGES[0]), components, SHRINKAGES[0])
        tried_beyond = 0 if now > best else tried_beyond + 1
        best = max(best, now)
        if tried_beyond == _PATIENCE:
            break
    around = COMPONENTS.index(best[1])
    for components in COMPONENTS[around : around + 2] if rows.num_levels else ():
        for shrinkage in SHRINKAGES[1:] if components == 1 or components <= most else ():
            best = max(best, (value(components, shrinkage), components, shrinkage))
    _, components, shrinkage = best
    return fit_products(rows, components, shrinkage=shrinkage, seed=seed), components, shrinkage
