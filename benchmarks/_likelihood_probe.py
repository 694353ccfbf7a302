"""scorax's log-densities with one random probe: the only file that names that interface."""

from collections.abc import Callable

import jax
import numpy as np

from scorax.likelihood import Hutchinson, log_prob
from scorax.models import AbstractScoreModel

SEED = 7


def one_probe(model: AbstractScoreModel, x: np.ndarray) -> Callable[[float], tuple[np.ndarray, float]]:
    """Log-densities at a tolerance, and mean evaluations, always with the same probes."""

    def run(tolerance: float) -> tuple[np.ndarray, float]:
        found = log_prob(
            model,
            x,
            divergence=Hutchinson(num_probes=1),
            key=jax.random.key(SEED),
            rtol=tolerance,
            atol=tolerance,
            estimate_error=False,
        )
        return np.asarray(found.value, np.float64), float(np.mean(found.evaluations))

    return run
