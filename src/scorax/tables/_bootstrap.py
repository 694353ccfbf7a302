"""Rows by the weights of the Bayesian bootstrap."""

import numpy as np
from jaxtyping import Int

MEMBERS = 20
"""Members where a fit is to bootstrapped rows and nothing is said of their number."""

_PLACES = 4


def bootstrapped(rows: Int[np.ndarray, " n"], random: np.random.Generator) -> Int[np.ndarray, " m"]:
    """Rows as often as weights from Dirichlet's law with parameters 1 have it (Rubin 1981), four times in the mean.

    The number of times is the weight times 4 n, up or down to a whole number by systematic sampling: nearly all of the randomness
    is that of the weights. Drawing rows with these probabilities would add as much again.
    """
    ends = np.cumsum(random.dirichlet(np.ones(len(rows))))
    places = np.floor(_PLACES * len(rows) * ends / ends[-1] + random.random()).astype(np.int64)
    return np.repeat(rows, np.diff(places, prepend=0))
