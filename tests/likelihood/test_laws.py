"""Likelihoods under moments of every kind: the law at t1, the control variate of the trace, and the reference of the bound."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import noisy
from scorax.likelihood import Hutchinson, elbo, log_prob
from scorax.processes import EDM, DiagonalLaw, IsotropicLaw, LowRankLaw
from scorax.targets import ExactDenoiser, gaussian

MEAN = np.array([0.5, -0.3, 0.1])
FACTOR = np.array([[0.8], [-0.4], [0.2]])
LAWS = {
    "diagonal": (lambda: DiagonalLaw(jnp.asarray(MEAN), jnp.array([0.3, 1.0, 2.0])), np.diag([0.3, 1.0, 2.0])),
    "isotropic": (lambda: IsotropicLaw(jnp.asarray(MEAN), jnp.asarray(0.4)), 0.4 * np.eye(3)),
    "low rank": (
        lambda: LowRankLaw(jnp.asarray(MEAN), jnp.full(3, 0.3), jnp.asarray(FACTOR)),
        0.3 * np.eye(3) + FACTOR @ FACTOR.T,
    ),
}


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("kind", LAWS)
def test_a_gaussian_model_with_its_own_moments_has_no_error(kind):
    """The control variate takes all noise of the probes, and the bound is the log-density in every replicate."""
    law, covariance = LAWS[kind]
    target = gaussian(MEAN, covariance)
    model = ExactDenoiser(target=target, process=EDM(), moments=law())
    x = np.array([[0.0, 0.0, 0.0], [1.0, -2.0, 0.5]])
    truth = jax.vmap(noisy(target, EDM()).log_density)(jnp.asarray(x))
    answer = log_prob(model, x, divergence=Hutchinson(4), key=jax.random.key(0), tolerance=1e-8)
    np.testing.assert_allclose(answer.value, truth, atol=1e-6)
    assert np.all(answer.trace_error < 1e-6)
    bound = elbo(model, x, num_times=4, num_replicates=2, key=jax.random.key(0))
    np.testing.assert_allclose(bound.value, truth, atol=1e-9)
    assert np.all(bound.standard_error < 1e-9)
