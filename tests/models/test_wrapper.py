"""A model around a model passes on what is inside."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scorax.likelihood import log_prob
from scorax.models import (
    AbstractDenoiser,
    AbstractWrapper,
    AutoGuided,
    EnergyScore,
    Evidence,
    Given,
    Guided,
    GuidedScore,
    Prediction,
    ScoreFunction,
    ScoreNetwork,
    as_denoiser,
    terminal_draw,
    terminal_log_density,
)
from scorax.networks import MLP
from scorax.processes import EDM, VP, DiagonalLaw, Level
from scorax.samplers import EulerMaruyama, Heun, sample
from scorax.targets import ExactDenoiser, gaussian

KEY = jax.random.key(0)
LAW = DiagonalLaw(jnp.array([3.0, -1.0]), jnp.array([0.5, 2.0]))
SCORE = ScoreFunction(lambda t, x, condition: -x, VP(), LAW)


class Bounded(AbstractWrapper, AbstractDenoiser):
    """A denoiser whose clean data are known to be at most ``limit`` in absolute value: a wrapper as a user writes it."""

    model: AbstractDenoiser
    limit: float

    def predict_at(self, level, x, condition=None, *, key=None):
        x0 = jnp.clip(self.model.predict_at(level, x, condition, key=key).x0, -self.limit, self.limit)
        return Prediction(x0, (x - level.alpha * x0) / level.sigma)


@pytest.mark.parametrize(
    "model",
    [
        GuidedScore(SCORE, 2.0),
        Guided(as_denoiser(SCORE), 2.0),
        Guided(as_denoiser(SCORE), 2.0, (0.1, 1.0)),
        AutoGuided(as_denoiser(SCORE), as_denoiser(SCORE), 2.0),
        as_denoiser(SCORE),
        as_denoiser(GuidedScore(SCORE, 2.0)),
        ScoreNetwork(MLP(2, width=4, depth=1, key=KEY), VP(), LAW),
        EnergyScore(MLP(2, width=4, depth=1, key=KEY), VP(), LAW),
    ],
    ids=lambda m: type(m).__name__,
)
def test_every_model_starts_from_the_law_of_its_moments(model):
    """Draws at t1 and their density are those of the diagonal law at that level, and the shape of a draw is known."""
    level, noise = Level(jnp.asarray(0.5), jnp.asarray(0.9)), jax.random.normal(KEY, (2,))
    deviations = jnp.sqrt(0.25 * LAW.variances + 0.81)
    at_end = terminal_draw(model, level, (2,), jnp.float32, key=KEY)
    np.testing.assert_allclose(at_end, 0.5 * LAW.mean + deviations * noise, rtol=1e-6)
    expected = -0.5 * jnp.sum(noise**2) - jnp.sum(jnp.log(deviations)) - jnp.log(2 * jnp.pi)
    np.testing.assert_allclose(terminal_log_density(model, level, at_end), expected, rtol=1e-5)
    assert EulerMaruyama(num_steps=2).example(model, key=KEY).shape == (2,)


def test_a_wrapper_of_ten_lines_serves_samplers_and_likelihoods():
    """A wrapper that changes nothing has the draws and the log-density of the model inside; one that bounds, bounded draws."""
    exact = ExactDenoiser.create(gaussian(np.array([1.0, -0.5]), np.diag([0.3, 0.6])), VP())
    wide, narrow = Bounded(exact, jnp.asarray(1e6)), Bounded(exact, jnp.asarray(0.5))
    assert wide.moments is exact.moments
    assert isinstance(wide.with_process(EDM()).process, EDM)
    assert isinstance(wide.with_process(EDM()).model.process, EDM)
    draws = sample(wide, Heun(num_steps=8), 4, key=KEY)
    np.testing.assert_allclose(draws, sample(exact, Heun(num_steps=8), 4, key=KEY), atol=1e-4)
    np.testing.assert_allclose(log_prob(wide, draws).value, log_prob(exact, draws).value, atol=1e-3)
    bounded = sample(narrow, Heun(num_steps=8), 64, key=KEY)
    assert float(jnp.max(jnp.abs(bounded))) < 0.6 < float(jnp.max(jnp.abs(sample(exact, Heun(8), 64, key=KEY))))


def test_a_score_that_is_no_denoiser_keeps_its_process():
    for model in (SCORE, GuidedScore(SCORE, 2.0)):
        with pytest.raises(TypeError, match=r"expected a denoiser.*as_denoiser"):
            model.with_process(EDM())


def test_evidence_for_a_model_that_is_given_some_is_refused():
    evidence = Evidence(np.zeros(2), np.array([True, False]), np.array([False, True]))
    model = Given(ExactDenoiser.create(gaussian(np.zeros(2), np.eye(2)), VP()), evidence)
    with pytest.raises(
        TypeError, match="expected a model that is given nothing yet, got a Given; put all that is known"
    ):
        sample(model, Heun(2), 2, key=jax.random.key(0), condition=jax.tree.map(lambda leaf: leaf[None], evidence))
