"""Which rows the members of an ensemble do not train on."""

import numpy as np
from jaxtyping import Int

from scorax.tables._config import ResolvedConfig
from scorax.tables._settings import num_held_out


def folds_of(number: Int[np.ndarray, " n"], config: ResolvedConfig, seed: int) -> Int[np.ndarray, " n"]:
    """The fold of each row, by the number of the distinct row that it is, where there are as many as folds."""
    folds, count = config.ensemble.folds, int(number.max()) + 1
    if count < max(folds, 2):
        number, count = np.arange(len(number)), len(number)
    order = np.random.default_rng([seed, len(number)]).permutation(count)
    fold = np.full(count, -1)
    if folds > 1:
        fold[order] = np.arange(count) % folds
    else:
        fold[order[: num_held_out(config.ensemble.holdout, count)]] = 0
    return fold[number]
