"""Entropy and relative entropy of exact models against closed forms, within four standard errors (false alarms 6e-5 each)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import log_densities, mixture, noisy
from scorax.diagnostics import entropy, kl_divergence
from scorax.models import ScoreFunction
from scorax.processes import EDM, VP
from scorax.samplers import (
    DDIM,
    DDPM,
    AdamsBashforth,
    Churn,
    DPMSolver,
    EulerMaruyama,
    Heun,
    ReverseSDE,
)
from scorax.targets import ExactDenoiser, gaussian

pytestmark = pytest.mark.usefixtures("double")  # statistics and differences far above rounding
KEY = jax.random.key(0)
DRAWS = 1024
S = np.array([[1.0, 0.6], [0.6, 0.5]])
Q = np.array([[1.5, -0.2], [-0.2, 0.8]])
P_MEAN, Q_MEAN = np.array([0.3, -0.2]), np.array([-0.4, 0.5])


def covariance(law) -> np.ndarray:
    basis, variances = np.asarray(law.components.basis[0]), np.asarray(law.components.variances[0])
    return (basis * variances) @ basis.T


LONG = pytest.mark.slow  # two programs, a sampler and a density, under another process; CI runs them


@pytest.mark.parametrize("process", [VP(), pytest.param(EDM(t0=0.05), marks=LONG)], ids=repr)
def test_entropy_of_a_gaussian(process):
    """1/2 log det(2 pi e (alpha^2 S + sigma^2 I)): of the law at t0, not of the clean data."""
    law = gaussian(P_MEAN, S)
    got = entropy(ExactDenoiser.create(law, process), num_samples=DRAWS, key=KEY)
    truth = 0.5 * np.linalg.slogdet(2 * np.pi * np.e * covariance(noisy(law, process)))[1]
    assert abs(got.value - truth) < 4 * got.standard_error
    # log p of a Gaussian has the variance d / 2; its sample variance has a relative error of about 6%.
    np.testing.assert_allclose(got.standard_error, 1 / np.sqrt(DRAWS), rtol=0.25)
    assert 0 <= got.numerical_error < 1e-4


def test_entropy_of_a_mixture_and_of_a_component():
    """Against the integral of -p log p over a grid; the condition chooses a Gaussian whose entropy is known."""
    law, process = mixture(), VP()
    at = noisy(law, process)
    side, step = np.linspace(-5, 5, 201, retstep=True)
    grid = jnp.asarray(np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2))
    values = np.asarray(log_densities(at, grid))
    truth = -np.sum(np.exp(values) * values) * step**2
    got = entropy(ExactDenoiser.create(law, process), AdamsBashforth(64), DRAWS, key=KEY)
    assert abs(got.value - truth) < 4 * got.standard_error


def kl(p, q) -> float:
    """Relative entropy of two Gaussian laws."""
    a, b = covariance(p), covariance(q)
    gap = np.asarray(q.components.mean[0] - p.components.mean[0])
    return 0.5 * (
        np.trace(np.linalg.solve(b, a))
        + gap @ np.linalg.solve(b, gap)
        - len(gap)
        + np.linalg.slogdet(b)[1]
        - np.linalg.slogdet(a)[1]
    )


def test_kl_divergence_of_gaussians():
    process = VP()
    p, q = gaussian(P_MEAN, S), gaussian(Q_MEAN, Q)
    models = [ExactDenoiser.create(law, process) for law in (p, q)]
    for (first, second), (a, b) in (((p, q), models), ((q, p), models[::-1])):
        got = kl_divergence(a, b, num_samples=DRAWS, key=KEY)
        truth = kl(noisy(first, process), noisy(second, process))
        assert truth > 0.5
        assert abs(got.value - truth) < 4 * got.standard_error
        assert got.numerical_error < 1e-4


def test_a_model_is_at_no_distance_from_itself():
    """The same log-density twice, to the bit; a component is at a distance from the mixture that has it."""
    model = ExactDenoiser.create(mixture(), VP())
    same = kl_divergence(model, model, num_samples=64, key=KEY)
    assert same.value == same.standard_error == 0
    assert same.numerical_error > 0
    part = kl_divergence(
        model, model, num_samples=64, key=KEY, condition=jnp.asarray([0]), q_condition=jnp.asarray([-1])
    )
    # The mixture has 0.3 of the component and nearly nothing else where the component is: KL is about -log 0.3.
    assert 0.5 < part.value <= -np.log(0.3) + 4 * part.standard_error + 0.05


@pytest.mark.parametrize(
    "sampler",
    [DDPM(), DDIM(eta=0.5), Heun(churn=Churn()), DPMSolver(stochastic=True), EulerMaruyama(), ReverseSDE()],
    ids=repr,
)
def test_samplers_that_add_noise_are_refused_by_name(sampler):
    model = ExactDenoiser.create(mixture(), VP())
    with pytest.raises(TypeError, match=f"flow for entropy, got {type(sampler).__name__}.*use ProbabilityFlow"):
        entropy(model, sampler, 64, key=KEY)
    with pytest.raises(TypeError, match=f"flow for kl_divergence, got {type(sampler).__name__}"):
        kl_divergence(model, model, sampler, 64, key=KEY)


@pytest.mark.slow  # four seconds of compiling; CI runs it
def test_samplers_of_the_flow_and_scores_that_are_no_denoisers_are_served():
    """Grid samplers of many steps, and a score function, which integrates in the clock of its process."""
    law, process = gaussian(P_MEAN, S), VP()
    model = ExactDenoiser.create(law, process)
    function = ScoreFunction(fn=lambda t, x, condition: model(t, x), process=process, moments=model.moments)
    truth = 0.5 * np.linalg.slogdet(2 * np.pi * np.e * covariance(noisy(law, process)))[1]
    samplers = (DDIM(400), Heun(64))
    for got in (
        *(entropy(model, sampler, 256, key=KEY) for sampler in samplers),
        entropy(function, num_samples=256, key=KEY),
    ):
        assert abs(got.value - truth) < 4 * got.standard_error


def test_too_few_draws_and_other_spaces_are_refused():
    model = ExactDenoiser.create(mixture(), VP())
    with pytest.raises(ValueError, match="num_samples of entropy of at least 2, got 1"):
        entropy(model, num_samples=1, key=KEY)
    with pytest.raises(ValueError, match=r"models on one space, \(2,\), got \(3,\) for q"):
        kl_divergence(model, ExactDenoiser.create(mixture(3), VP()), num_samples=8, key=KEY)
