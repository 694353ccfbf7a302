"""Log-densities of states of a table: of numbers by one solve a row, of rows with categories by draws of their noisy codes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from scorax._types import Key
from scorax.likelihood import AbstractDivergence, DataLogProb, LogProb, coded_log_prob, smoothed_log_prob
from scorax.models import Denoiser
from scorax.tables._coordinates import States

MEAN_TOLERANCE = 1e-3
"""Wanted error, in nats, of the log-densities of rows that are averaged or compared: from row to row they differ far more."""

CODED_TOLERANCE = 0.01
"""Wanted bound of the error of the solve for a row with categories, in nats.

The error itself is about a thirtieth of it. At .03 rows of one count are off by more than that, all of them to the same side:
levels of an exact model by -.034, at .01 by .005 at most. At .001 a solve takes up to twice as long.
"""


def state_log_prob(
    model: Denoiser,
    states: States,
    *,
    draws: int = 1,
    divergence: AbstractDivergence | None,
    key: Key,
    **settings: Any,
) -> LogProb | DataLogProb:
    """Log-density of states, in standardised units, smoothed by the cut-off of the model; of the cells that are there.

    A cell with a level that was never seen is summed over; ``states.log_weight`` has its mass.

    Args:
        model: of the table.
        states: rows, with noise inside their cells.
        draws: of the noisy codes and of numbers that do not apply, where there are categories; see
            :func:`~scorax.likelihood.coded_log_prob`.
        divergence: how the divergence is had.
        key: of draws and probes.
        settings: further ones of :func:`~scorax.likelihood.log_prob`.
    """
    settings |= {"divergence": divergence, "key": key, "condition": states.evidence}
    if states.categories.shape[1]:
        # What was never seen is summed over by draws, also where the network reads masks: of that cell it may have seen none.
        return coded_log_prob(model, states.numbers, states.categories, draws=draws, marginal=True, **settings)
    return smoothed_log_prob(model, jnp.asarray(states.z, jax.dtypes.canonicalize_dtype(float)), **settings)


def state_values(model: Denoiser, states: States, **settings: Any) -> Float[np.ndarray, " n"]:
    """Log-densities of rows in file units, in float64; see :func:`state_log_prob`."""
    answer = state_log_prob(model, states, **settings)
    return np.asarray(answer.value, np.float64) + states.log_weight
