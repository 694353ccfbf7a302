"""The rows that members train on: all but a fold, or those by the weights of the Bayesian bootstrap."""

import numpy as np
from jaxtyping import Int

from scorax.tables._config import ResolvedConfig

MEMBERS = 20
"""Members where a fit is to bootstrapped rows and nothing is said of their number."""

_PLACES = 4

_WEIGHTS = 0x77656967
"""Sets the weights apart from other randomness of the seed."""


def trained_on(fold: Int[np.ndarray, " n"], config: ResolvedConfig, seed: int) -> tuple[Int[np.ndarray, " m"], ...]:
    """Rows that the members of each fold train on, bootstrapped where the configuration says so."""
    rows = [np.flatnonzero(fold != k) for k in range(config.ensemble.folds)]
    if config.ensemble.bootstrap:
        rows = [bootstrapped(own, np.random.default_rng([seed, _WEIGHTS, k])) for k, own in enumerate(rows)]
    return tuple(rows)


def bootstrapped(rows: Int[np.ndarray, " n"], random: np.random.Generator) -> Int[np.ndarray, " m"]:
    """Rows as often as weights from Dirichlet's law with parameters 1 have it (Rubin 1981), four times in the mean.

    The number of times is the weight times 4 n, up or down to a whole number by systematic sampling: nearly all of the randomness
    is that of the weights. Independent draws of rows would double it.
    """
    ends = np.cumsum(random.dirichlet(np.ones(len(rows))))
    places = np.floor(_PLACES * len(rows) * ends / ends[-1] + random.random()).astype(np.int64)
    return np.repeat(rows, np.diff(places, prepend=0))
