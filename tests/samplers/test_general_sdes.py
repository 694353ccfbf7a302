"""General SDEs run back to their start law; statistical tolerances are 4 SE (false-alarm rate 6e-5 a number) at fixed keys."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest, norm

from scorax.likelihood import log_prob
from scorax.models import ScoreFunction, probability_flow, reverse_drift
from scorax.processes import (
    SDE,
    Clean,
    GaussianLaw,
    GeometricBrownianMotion,
    LinearSDE,
    OrnsteinUhlenbeck,
    Scalar,
    critically_damped_langevin,
)
from scorax.samplers import EulerMaruyama, KarrasGrid, ProbabilityFlow, Terminal, sample
from sdes import START, geometric_law, geometric_model, sheared_law, sheared_model

KEY = jax.random.key(0)
DRAWS = 4096
SAMPLERS = [EulerMaruyama(num_steps=400), ProbabilityFlow(rtol=1e-4, atol=1e-4)]
LONG = pytest.mark.slow  # another law or sampler is a program of seconds each; CI runs them
by_sampler = pytest.mark.parametrize("sampler", SAMPLERS, ids=["sde", "flow"])


def sheared_back(draws) -> np.ndarray:
    """Whitened coordinates of the start: standard normal where the reversal is right."""
    x = np.asarray(draws, np.float64)
    y = np.stack([x[:, 0], x[:, 1] - x[:, 0] ** 2], axis=1) - START[0]
    return np.linalg.solve(np.linalg.cholesky(START[1]), y.T).T


@by_sampler
def test_trap_47_a_matrix_that_depends_on_the_state_runs_back(sampler):
    """Sheared Brownian motion: whitened start coordinates are standard normal."""
    white = sheared_back(sample(sheared_model(), sampler, DRAWS, key=KEY))
    assert np.all(np.abs(white.mean(0)) < 4 / np.sqrt(DRAWS))
    second = white[:, :, None] * white[:, None]
    assert np.all(np.abs(second.mean(0) - np.eye(2)) < 4 * second.std(0) / np.sqrt(DRAWS))
    assert min(kstest(column, "norm").pvalue for column in white.T) > 1e-3


def test_trap_47_the_test_sees_a_missing_divergence():
    """Declared as independent of the state the same process ends far from its start law."""
    white = sheared_back(sample(sheared_model(state_dependent=False), SAMPLERS[0], DRAWS, key=KEY))
    assert np.abs(white.mean(0)).max() > 20 / np.sqrt(DRAWS)


@pytest.mark.parametrize("sampler", [pytest.param(SAMPLERS[0], marks=LONG), SAMPLERS[1]], ids=["sde", "flow"])
def test_trap_47_geometric_brownian_motion_runs_back(sampler):
    draws = np.log(np.asarray(sample(geometric_model(), sampler, DRAWS, key=KEY), np.float64))
    law = geometric_law(0.0).logarithm
    for column, mean, sd in zip(draws.T, law.mean, law.sd, strict=True):
        assert kstest(column, norm(float(mean), float(sd)).cdf).pvalue > 1e-3


@pytest.mark.parametrize("model", [sheared_model(), geometric_model()], ids=["matrix", "diagonal"])
def test_trap_47_reverse_drifts_from_the_full_jacobian_of_d(model):
    """f - div D - D s and f - (div D + D s) / 2 with (div D)_i = sum_j d_j D_ij from the whole tensor."""

    @jax.jit
    def parts(t, x):
        def covariance(y):
            root = model.process.diffusion(t, y).dense(2)
            return root @ root.T

        divergence = jnp.einsum("ijj->i", jax.jacfwd(covariance)(x))
        correction = divergence + covariance(x) @ model(t, x)
        drift, reverse, flow = model.process.drift(t, x), reverse_drift(model, t, x), probability_flow(model)(t, x)
        return divergence, correction, drift, reverse, flow

    divergence, correction, drift, reverse, flow = map(np.asarray, parts(0.4, np.float32([0.7, 1.2])))
    assert np.any(divergence != 0)
    np.testing.assert_allclose(reverse, drift - correction, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(flow, drift - 0.5 * correction, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("model", [sheared_model(), geometric_model()], ids=["matrix", "diagonal"])
def test_trap_47_the_flow_solves_the_fokker_planck_equation(model):
    """d/dt log p + div v + v . s = 0 at points of the law, v the flow: the densities are known, nothing is simulated."""
    law = sheared_law if isinstance(model.process, SDE) else geometric_law
    with jax.enable_x64(True):
        field = probability_flow(model)

        @jax.jit
        @jax.vmap
        def residual(x):
            t = jnp.asarray(0.4)
            rate = jax.grad(lambda r: law(r).log_density(x))(t)
            divergence = jnp.trace(jax.jacfwd(lambda y: field(t, y))(x))
            return rate + divergence + field(t, x) @ model(t, x)

        np.testing.assert_allclose(residual(np.array([[0.7, 1.2], [0.4, 0.5], [1.3, 2.0]])), 0, atol=1e-6)


LAW = GaussianLaw.from_moments(np.array([0.5, -0.3]), np.array([[0.3, 0.1], [0.1, 0.4]]))


def linear_model(process) -> ScoreFunction:
    """Exact score of a Gaussian start under a linear SDE; the terminal law is its image where there is no prior."""
    return ScoreFunction(lambda t, x, condition: -process.kernel(t).image(LAW).precision_times(x), process, moments=LAW)


LINEAR = [
    OrnsteinUhlenbeck(2.0, 0.5, 0.7),
    LinearSDE(np.array([[-1.0, 0.5], [0.2, -0.3]]), np.array([[0.7, 0.0], [0.2, 0.4]]), np.array([0.5, -1.0])),
    LinearSDE(critically_damped_langevin(1).drift_matrix, critically_damped_langevin(1).noise_matrix),
]


@pytest.mark.parametrize(
    ("process", "sampler"),
    [
        pytest.param(LINEAR[0], SAMPLERS[0], id="OU-sde", marks=LONG),
        pytest.param(LINEAR[1], SAMPLERS[0], id="matrices-sde"),
        pytest.param(LINEAR[2], SAMPLERS[0], id="langevin-sde"),
        pytest.param(LINEAR[2], SAMPLERS[1], id="langevin-flow"),
    ],
)
def test_linear_sdes_run_back_to_a_gaussian(process, sampler):
    """Damped Langevin reverses with noise in one coordinate only; start laws by whitened moments.

    The flows of the other two are those of their densities, in ``tests/likelihood/test_log_prob_of_sdes.py``.
    """
    draws = sample(linear_model(process), sampler, DRAWS, key=KEY)
    white = np.asarray(jax.vmap(LAW.whiten)(draws), np.float64)
    # The bias of 400 Euler-Maruyama steps is of order 1/400 times the rates, up to eight.
    slack = 0.03 if isinstance(sampler, EulerMaruyama) else 0.0
    assert np.all(np.abs(white.mean(0)) < 4 / np.sqrt(DRAWS) + slack)
    second = white[:, :, None] * white[:, None]
    assert np.all(np.abs(second.mean(0) - np.eye(2)) < 4 * second.std(0) / np.sqrt(DRAWS) + slack)


def test_shape_and_precision_come_from_the_prior():
    model = ScoreFunction(lambda t, x, condition: -x, critically_damped_langevin(2))
    draws = sample(model, EulerMaruyama(num_steps=2), 3, key=KEY)
    assert draws.shape == (3, 4)
    assert draws.dtype == jnp.float32


@pytest.mark.parametrize(
    "process",
    [Clean(), GeometricBrownianMotion(), SDE(lambda t, x: -x, lambda t, x: Scalar(t))],
    ids=lambda p: type(p).__name__,
)
def test_processes_without_a_law_at_the_end_are_refused_by_name(process):
    model = ScoreFunction(lambda t, x, condition: -x, process)
    for sampler in SAMPLERS:
        with pytest.raises(TypeError, match=f"got {type(process).__name__}"):
            sample(model, sampler, 3, key=KEY, start=Terminal((2,)))
    with pytest.raises(TypeError, match=f"got {type(process).__name__}"):
        log_prob(model, np.zeros((1, 2), np.float32))


def test_grids_of_noise_levels_refuse_other_clocks():
    model = ScoreFunction(lambda t, x, condition: -x, critically_damped_langevin(1))
    with pytest.raises(TypeError, match="scalar Gaussian kernels"):
        sample(model, EulerMaruyama(num_steps=2, grid=KarrasGrid()), 3, key=KEY)
