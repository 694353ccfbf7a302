"""Draws of a model weighted to another density: evidence, effective sample size and expectations, with their errors."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._rows import over_rows
from scorax._types import Condition, Key
from scorax.diagnostics._flow_law import FLOW, flow_draws
from scorax.likelihood import ExactDivergence
from scorax.models import AbstractScoreModel
from scorax.samplers import AbstractSampler, Terminal


class WeightedMean(NamedTuple):
    """A self-normalised mean, with its standard error; of the shape of the function's value."""

    value: Float[np.ndarray, "*shape"]
    standard_error: Float[np.ndarray, "*shape"]


class Importance(NamedTuple):
    r"""Draws of a model with weights $w_k = \pi(x_k) / p_{t_0}(x_k)$ towards an unnormalised density $\pi$.

    Attributes:
        draws: the draws of the model.
        log_weights: logarithms of the normalised weights, $\log (w_k / \sum_j w_j)$.
        effective_sample_size: $(\sum w)^2 / \sum w^2$; below a few dozen nothing here can be trusted, its error least of all.
        log_evidence: $\log Z$ with $Z = \int \pi$, as $\log \frac1n \sum w_k$. Too small by about half its squared
            standard error on average, by Jensen's inequality.
        log_evidence_error: its standard error by the delta method, that of the mean weight over the mean weight.
        numerical_error: mean ``total_error`` of the log-densities: how far they may have moved a log-weight, and the evidence.
    """

    draws: Float[Array, "n *shape"]
    log_weights: Float[np.ndarray, " n"]
    effective_sample_size: float
    log_evidence: float
    log_evidence_error: float
    numerical_error: float

    def mean(self, function: Callable[[Float[Array, "*shape"]], Array]) -> WeightedMean:
        r"""Expectation under the normalised density, $\mu = \sum_k \bar w_k f(x_k)$ with $\bar w$ the normalised weights.

        Its standard error is $(\sum_k \bar w_k^2 (f(x_k) - \mu)^2)^{1/2}$, the delta method for a ratio.

        Args:
            function: traceable function of one draw, with a value of any shape.
        """
        values = np.asarray(over_rows(function, self.draws), np.float64)
        weights = np.exp(self.log_weights)
        mean = np.tensordot(weights, values, axes=1)
        return WeightedMean(mean, np.sqrt(np.tensordot(weights**2, (values - mean) ** 2, axes=1)))


def importance_weights(
    model: AbstractScoreModel,
    log_density: Callable[[Float[Array, "*shape"]], Float[Array, ""]],
    sampler: AbstractSampler = FLOW,
    num_samples: int = 1024,
    *,
    key: Key,
    start: Terminal | None = None,
    condition: Condition = None,
) -> Importance:
    r"""Draws of the deterministic flow of ``model``, weighted by a density that is known up to its normalising constant.

    With $p_{t_0}$ the density of the draws, which ``log_prob`` computes, and $w = \pi / p_{t_0}$

    $$ Z = \int \pi = E_p\, w, \qquad E_\pi f = \frac{E_p\, w f}{E_p\, w}. $$

    The model may be any approximation of the target that is nowhere much narrower: its errors, and the noise of its cut-off,
    are corrected by the weights. Where it misses a mode of the target, no draw, weight or error tells. The divergence in
    ``log_prob`` is the exact one: the exponential of a noisy log-density is too large on average, and a noise of variance
    $\tau^2$ would add $\tau^2 / 2$ to the evidence.

    Args:
        model: any score model that ``log_prob`` takes.
        log_density: traceable log-density of one state of ``t0``, up to a constant; minus infinity where there is no mass.
        sampler: a sampler of the deterministic flow. Only the default draws from the law of ``log_prob`` to a tolerance; one
            on a grid of few steps draws from a law near it, which the weights do not correct.
        num_samples: draws.
        key: root key of the draws.
        start: shape of one draw, for a model that does not know it.
        condition: what the network is told, with a leading axis of 1 or of the number of draws.

    Returns:
        The weighted draws. Where a solve fails, its row and everything computed from it is NaN: nothing is dropped.

    Raises:
        TypeError: the sampler adds noise, or the model has no law at ``t1``.
        ValueError: fewer than two draws, no shape, or a log-density that is NaN or infinite, or minus infinity everywhere.

    Reference: Owen (2013), *Monte Carlo theory, methods and examples*, chapter 9.
    """
    draws = flow_draws(
        model,
        sampler,
        num_samples,
        key=key,
        start=start,
        condition=condition,
        divergence=ExactDivergence(),
        asker="importance_weights",
    )
    own = np.asarray(draws.density.value, np.float64)
    target = np.asarray(jax.jit(lambda x: over_rows(log_density, x))(draws.x), np.float64)
    _check(target, np.asarray(np.isfinite(own)))
    raw = target - own
    total = float(np.logaddexp.reduce(raw))
    normalised = raw - total
    effective = float(np.exp(-np.logaddexp.reduce(2 * normalised)))
    return Importance(
        draws=draws.x,
        log_weights=normalised,
        effective_sample_size=effective,
        log_evidence=total - math.log(num_samples),
        # n / ESS - 1 is the squared coefficient of variation of the weights; rounding may leave it below zero.
        log_evidence_error=float(np.sqrt(np.maximum(num_samples / effective - 1, 0.0) / (num_samples - 1))),
        numerical_error=float(np.mean(np.asarray(draws.density.total_error, np.float64))),
    )


def _check(target: np.ndarray, drawn: np.ndarray) -> None:
    """Refuse a log-density without a meaning; a draw whose solve failed has none to give."""
    if target.ndim != 1:
        raise ValueError(
            explain(
                expected="a log-density that is one number", got=f"shape {target.shape[1:]}", do="sum over coordinates"
            )
        )
    wrong = drawn & (np.isnan(target) | (target == np.inf))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            explain(
                expected="a log-density that is a number or minus infinity",
                got=f"{target[row]} at draw {row} of {len(target)}",
                do="give every state a density",
            )
        )
    if np.all(target == -np.inf):
        raise ValueError(
            explain(
                expected="a target with mass where the model has some",
                got=f"none at {len(target)} draws",
                do="check the units of the state, or fit the model to the target",
            )
        )
