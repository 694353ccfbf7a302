"""Langevin dynamics on one law: stationary variances in closed form, detailed balance, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import mixture
from scorax.models import ScoreFunction
from scorax.processes import VP, Normal
from scorax.samplers import Langevin, MetropolisLangevin, States, Terminal, sample, sample_path
from scorax.targets import ExactDenoiser

KEY = jax.random.key(0)
DRAWS = 4096
LONG = pytest.mark.slow  # a shorter step is another program; every run has the step of the largest bias, CI all
V = 0.25
GAUSSIAN = ScoreFunction.of_density(lambda x: -0.5 * jnp.sum(x**2) / V)


@pytest.mark.parametrize("h", [pytest.param(0.01, marks=LONG), pytest.param(0.1, marks=LONG), 0.3])
def test_trap_32_stationary_variance_of_langevin(h):
    """v / (1 - h / (2 v)), with noise sqrt(2 h): a step written sqrt(h) would give half of it."""
    draws = np.asarray(sample(GAUSSIAN, Langevin(h, 300), DRAWS, key=KEY, start=Terminal((1,))), np.float64)
    variance = V / (1 - h / (2 * V))
    assert abs((draws**2).mean() / variance - 1) < 4 * np.sqrt(2 / DRAWS)


@pytest.mark.parametrize("h", [pytest.param(0.1, marks=LONG), 0.3])
def test_the_metropolis_step_removes_the_bias(h):
    draws = np.asarray(sample(GAUSSIAN, MetropolisLangevin(h, 300), DRAWS, key=KEY, start=Terminal((1,))), np.float64)
    assert abs((draws**2).mean() / V - 1) < 4 * np.sqrt(2 / DRAWS)


def test_the_metropolis_chain_keeps_a_mixture():
    """Started from the law it stays there: mean, second moments and weights of the modes after 50 large steps."""
    law = mixture()
    model = ScoreFunction.of_density(law.log_density)
    end = np.asarray(sample(model, MetropolisLangevin(0.3, 50, start=law), DRAWS, key=KEY), np.float64)
    exact = np.asarray(jax.vmap(lambda k: law.sample(key=k))(jax.random.split(KEY, 200_000)), np.float64)
    for statistic in (lambda x: x, lambda x: x[:, :, None] * x[:, None], lambda x: x.sum(1) > 0):
        values, truth = statistic(end), statistic(exact)
        error = np.sqrt(values.var(0) / DRAWS + truth.var(0) / len(exact))
        assert np.all(np.abs(values.mean(0) - truth.mean(0)) < 4 * error)


def test_a_chain_is_seen_on_request_and_moves_where_it_is_accepted():
    start = Normal(jnp.zeros(1), jnp.ones(1))
    sampler = MetropolisLangevin(0.5, 200, start=start)
    times, (states,) = sample_path(GAUSSIAN, sampler, 1, key=KEY)
    np.testing.assert_array_equal(times, np.full(201, GAUSSIAN.process.t0))  # a chain stays
    assert states.shape == (201, 1)
    moved = np.mean(np.asarray(states[1:] != states[:-1]))
    assert 0.2 < moved < 0.95
    np.testing.assert_allclose(states[-1:], sample(GAUSSIAN, sampler, 1, key=KEY), rtol=1e-6)


def test_a_noisy_model_is_sampled_at_its_cut_off():
    """The score at t0 of a model with a clock: one law like any other."""
    model = ExactDenoiser.create(mixture(), VP(t0=0.3))
    law = model.target.at(model.process.level(jnp.asarray(0.3)))
    draws = np.asarray(sample(model, Langevin(0.05, 400), DRAWS, key=KEY), np.float64)
    truth = np.asarray(law.moments().mean)
    assert np.all(np.abs(draws.mean(0) - truth) < 4 * draws.std(0) / np.sqrt(DRAWS))


def test_models_without_a_density_are_refused():
    model = ScoreFunction(fn=lambda t, x, condition: -x, process=VP())
    with pytest.raises(TypeError, match="got ScoreFunction"):
        sample(model, MetropolisLangevin(), 3, key=KEY, start=Terminal((2,)))
    with pytest.raises(TypeError, match="got ExactDenoiser"):
        sample(ExactDenoiser.create(mixture(), VP()), MetropolisLangevin(), 3, key=KEY)
    with pytest.raises(ValueError, match="positive step_size"):
        Langevin(-1.0)
    with pytest.raises(ValueError, match="shape"):
        sample(GAUSSIAN, Langevin(), 3, key=KEY)


def test_a_metropolis_chain_leaves_a_start_without_density():
    """Both tails of exp(-|x|) beyond one: from zero, where a chain that refuses what has no density stands still."""
    tails = ScoreFunction.of_density(lambda x: jnp.where(jnp.abs(x[0]) > 1, -jnp.abs(x[0]), -jnp.inf))
    draws = sample(tails, MetropolisLangevin(0.05, 400), 64, key=KEY, start=States(np.zeros((1, 1), np.float32)))
    assert np.all(np.abs(draws) > 1)
