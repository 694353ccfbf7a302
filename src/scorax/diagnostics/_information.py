"""Entropy and relative entropy of score models, with the error of sampling and that of the likelihood apart."""

from typing import NamedTuple

import numpy as np

from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.diagnostics._flow_law import FLOW, flow_draws
from scorax.diagnostics._plain import mean_and_error
from scorax.likelihood import log_prob
from scorax.models import AbstractScoreModel
from scorax.samplers import AbstractSampler, Terminal


class Estimate(NamedTuple):
    """A mean over draws, with its two errors.

    Attributes:
        value: the mean; NaN where the solve of a draw or of a log-density failed.
        standard_error: of the mean, from the spread of its terms.
        numerical_error: mean of the ``total_error`` of the likelihoods in a term: how far solver and divergence may have moved
            the value. More draws do not lower it; a smaller tolerance does.
    """

    value: float
    standard_error: float
    numerical_error: float


def entropy(
    model: AbstractScoreModel,
    sampler: AbstractSampler = FLOW,
    num_samples: int = 1024,
    *,
    key: Key,
    start: Terminal | None = None,
    condition: Condition = None,
) -> Estimate:
    r"""Differential entropy of the law of a model at ``t0``, in nats,

    $$ H(p) = -E_p \log p_{t_0}(x), $$

    by its own draws and their ``log_prob``. It is that of the noisy state at ``t0``, which carries the noise of the cut-off,
    and it is relative to the unit of length of the state: an entropy in units of the data is larger by the log-scales of
    their transform.

    Args:
        model: any score model that ``log_prob`` takes.
        sampler: a sampler of the deterministic flow. Only the default draws from the law of ``log_prob`` to a tolerance; one
            on a grid of few steps draws from a law near it, and the value has the bias of that.
        num_samples: draws; the standard error falls as their root.
        key: root key of the draws.
        start: shape of one draw, for a model that does not know it.
        condition: what the network is told, with a leading axis of 1 or of the number of draws.

    Raises:
        TypeError: the sampler adds noise, or the model has no law at ``t1``.
        ValueError: fewer than two draws, or no shape.
    """
    draws = flow_draws(model, sampler, num_samples, key=key, start=start, condition=condition, asker="entropy")
    return _estimate(-np.asarray(draws.density.value, np.float64), draws.density.total_error)


def kl_divergence(
    p: AbstractScoreModel,
    q: AbstractScoreModel,
    sampler: AbstractSampler = FLOW,
    num_samples: int = 1024,
    *,
    key: Key,
    start: Terminal | None = None,
    condition: Condition = None,
    q_condition: Condition = None,
) -> Estimate:
    r"""Relative entropy of two models on one space, in nats,

    $$ KL(p \,\|\, q) = E_p\left[ \log p_{t_0}(x) - \log q_{t_0}(x) \right], $$

    by draws of ``p`` and both log-densities at the same draws, whose errors are added in ``numerical_error``. Each model is
    taken at the ``t0`` of its own process: for a divergence between laws of the data give both the same process. It is
    exactly zero for ``q = p``, and infinite in truth wherever ``q`` has no mass, which draws of ``p`` show as a mean
    that does not settle: look at the standard error.

    Args:
        p: model that is drawn from.
        q: model that is compared with it; a state means the same to both.
        sampler: a sampler of the deterministic flow, as for :func:`entropy`.
        num_samples: draws of ``p``.
        key: root key of the draws.
        start: shape of one draw, for a ``p`` that does not know it.
        condition: what the network of ``p`` is told, with a leading axis of 1 or of the number of draws.
        q_condition: likewise what the network of ``q`` is told.

    Raises:
        TypeError: the sampler adds noise, or a model has no law at ``t1``.
        ValueError: fewer than two draws, no shape, or models of states of different shapes.
    """
    ours, theirs = (sampler.example(model, key=key) for model in (p, q))
    if ours is not None and theirs is not None and ours.shape != theirs.shape:
        raise ValueError(
            explain(
                expected=f"models on one space, {ours.shape}", got=f"{theirs.shape} for q", do="compare like with like"
            )
        )
    draws = flow_draws(p, sampler, num_samples, key=key, start=start, condition=condition, asker="kl_divergence")
    other = log_prob(q, draws.x, q_condition, key=key)  # the key of p: equal models see equal probes
    terms = np.asarray(draws.density.value, np.float64) - np.asarray(other.value, np.float64)
    return _estimate(terms, np.asarray(draws.density.total_error) + np.asarray(other.total_error))


def _estimate(terms: np.ndarray, errors: object) -> Estimate:
    return Estimate(*mean_and_error(terms), float(np.mean(np.asarray(errors, np.float64))))
