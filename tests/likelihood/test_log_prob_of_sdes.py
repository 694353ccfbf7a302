"""Log-densities under general and linear SDEs against their closed forms, to 1e-5 nats in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scorax.likelihood import log_prob
from scorax.models import ScoreFunction
from scorax.processes import BrownianMotion, GaussianLaw, LinearSDE, OrnsteinUhlenbeck, critically_damped_langevin
from sdes import geometric_law, geometric_model, sheared_law, sheared_model

pytestmark = pytest.mark.usefixtures("double")

LAW = np.array([0.5, -0.3]), np.array([[0.3, 0.1], [0.1, 0.4]])
POINTS = np.array([[0.5, -0.3], [1.2, 0.4], [-0.6, -1.5], [0.1, 1.9]])


@pytest.mark.parametrize(
    ("build", "law"), [(sheared_model, sheared_law), (geometric_model, geometric_law)], ids=["matrix", "geometric"]
)
def test_trap_47_density_under_state_dependent_noise(build, law):
    """The law at t0 = 0 by the flow with div D; a missing half would shift it by tenths of a nat."""
    x = np.abs(POINTS) + 0.1
    got = log_prob(build(), x, estimate_error=False)
    assert np.all(got.converged)
    truth = jax.vmap(law(jnp.asarray(0.0)).log_density)(jnp.asarray(x))
    np.testing.assert_allclose(got.value, truth, atol=1e-5)


@pytest.mark.parametrize(
    "process",
    [
        OrnsteinUhlenbeck(2.0, 0.5, 0.7),
        BrownianMotion(1.5, 0.7),
        LinearSDE(np.array([[-1.0, 0.5], [0.2, -0.3]]), np.array([[0.7, 0.0], [0.2, 0.4]]), np.array([0.5, -1.0])),
        LinearSDE(critically_damped_langevin(1).drift_matrix, critically_damped_langevin(1).noise_matrix, t0=0.01),
    ],
    ids=["OU", "Brownian", "matrices", "langevin"],
)
def test_trap_20_density_under_linear_sdes(process):
    """A Gaussian start: the law at t0 is its image; the end is matched to the moments, so only the solve errs."""
    law = GaussianLaw.from_moments(*LAW)

    def score(t, x, condition):
        return -process.kernel(t).image(law).precision_times(x)

    got = log_prob(ScoreFunction(score, process, moments=law), POINTS, estimate_error=False)
    truth = jax.vmap(process.kernel(jnp.asarray(process.t0)).image(law).log_density)(jnp.asarray(POINTS))
    assert np.all(got.converged)
    np.testing.assert_allclose(got.value, truth, atol=1e-5)


def test_a_linear_sde_of_unknown_data_says_what_is_assumed():
    """Without a prior and without moments the data are taken as N(0, I), and the terminal error is zero all the same."""
    with pytest.warns(UserWarning, match="of which no error knows"):
        log_prob(
            ScoreFunction(lambda t, x, condition: -x, OrnsteinUhlenbeck()), np.zeros((1, 1), np.float32), tolerance=1e-2
        )
