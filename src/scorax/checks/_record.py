"""What one check returns, and the small targets the checks share."""

from typing import Any, NamedTuple

import numpy as np

from scorax.targets import GaussianMixture, gaussian


class Answer(NamedTuple):
    """Truth and value of one number; ``error`` only where it is not their distance (the largest of many, a relative one).

    ``note`` is what a reader should know although the check passes.
    """

    truth: Any
    value: Any
    tolerance: Any
    error: Any = None
    note: str = ""


def worst(truth: Any, value: Any, tolerance: float) -> Answer:
    """Largest relative error over many numbers, shown at the place where it occurs."""
    truth, value = np.broadcast_arrays(np.asarray(truth, np.float64), np.asarray(value, np.float64))
    relative = np.abs(value - truth) / np.maximum(np.abs(truth), np.finfo(np.float64).tiny)
    # A value that is not a number is the worst of all.
    place = np.unravel_index(np.argmax(np.where(np.isnan(relative), np.inf, relative)), relative.shape)
    return Answer(truth[place], value[place], tolerance, relative[place])


def mean_of(draws: Any, truth: float) -> Answer:
    """Mean of independent draws against its expectation, within four standard errors."""
    draws = np.asarray(draws, np.float64)
    return Answer(truth, draws.mean(), 4 * draws.std(ddof=1) / np.sqrt(len(draws)))


def mixture(seed: int = 0, *, dimension: int = 2) -> GaussianMixture:
    """Two correlated components of unequal weight, of about unit scale."""
    generator = np.random.default_rng(seed)
    factors = 0.3 * generator.standard_normal((2, dimension, dimension))
    covariances = factors @ factors.transpose(0, 2, 1) + 0.1 * np.eye(dimension)
    means = np.stack([np.full(dimension, 0.8), np.full(dimension, -0.6)])
    return GaussianMixture.create(np.array([0.3, 0.7]), means, covariances)


def centred(variance: float) -> GaussianMixture:
    """``N(0, variance)`` in one dimension."""
    return gaussian(np.zeros(1), np.array([[variance]]))
