"""scorax's log-densities with random probes: the only file that names that interface."""

from collections.abc import Callable

import jax
import numpy as np

from scorax.likelihood import Hutchinson, choose_divergence, log_prob
from scorax.models import AbstractScoreModel

SEED = 7
ONE = Hutchinson(num_probes=1)


def chosen_by_pilot(model: AbstractScoreModel, shape: tuple[int, ...]) -> Hutchinson:
    """Random signs, with the control variate if :func:`~scorax.likelihood.choose_divergence` finds it better."""
    deviations = choose_divergence(model, shape, key=jax.random.key(SEED)).deviations
    return Hutchinson(control=deviations["signs, controlled"] < deviations["signs"])


def with_probes(
    model: AbstractScoreModel, x: np.ndarray, divergence: Hutchinson, *, estimate_error: bool = False
) -> Callable[[float], tuple[np.ndarray, float]]:
    """Log-densities at a tolerance, and mean evaluations, always with the same probes."""

    def run(tolerance: float) -> tuple[np.ndarray, float]:
        found = log_prob(
            model,
            x,
            divergence=divergence,
            key=jax.random.key(SEED),
            tolerance=tolerance,
            estimate_error=estimate_error,
        )
        return np.asarray(found.value, np.float64), float(np.mean(found.evaluations))

    return run
