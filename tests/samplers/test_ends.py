"""End rules on N(0, s^2): the variance ratios of trap 22, and the posterior mean of trap 23."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import centred, mixture
from scorax.models import Denoiser, ScoreFunction
from scorax.networks import CodedHead, ResMLP, decode_categories, simplex_codebook
from scorax.processes import EDM, VP, GaussianLaw
from scorax.samplers import (
    CategoryDraw,
    EulerMaruyama,
    Heun,
    Node,
    PosteriorDraw,
    ProbabilityFlow,
    Stop,
    Terminal,
    TweedieMean,
    sample,
)
from scorax.targets import ExactDenoiser, gaussian

KEY = jax.random.key(0)
DRAWS = 8192


@pytest.mark.parametrize("ratio", [0.2, 1.0, 5.0])
@pytest.mark.parametrize(
    ("end", "expected"),
    [(Stop(), lambda r: 1 + r**-2), (TweedieMean(), lambda r: 1 / (1 + r**-2)), (PosteriorDraw(), lambda r: 1.0)],
    ids=lambda value: repr(value) if not callable(value) or isinstance(value, Stop) else "",
)
def test_trap_22_variance_of_the_draws(ratio, end, expected):
    """Cut off at sigma_0, N(0, s^2) with s = r sigma_0: stop doubles the variance at r = 1, Tweedie halves it."""
    process = EDM(t0=0.1)
    s2 = (ratio * process.t0) ** 2
    draws = sample(ExactDenoiser.create(centred(s2), process), Heun(64), DRAWS, key=KEY, end=end)
    variance = float(np.mean(np.asarray(draws, np.float64) ** 2))
    assert abs(variance / (s2 * expected(ratio)) - 1) < 4 * np.sqrt(2 / DRAWS)


def test_posterior_draws_have_the_covariance_of_the_data():
    """A correlated Gaussian under VP comes back with its own mean and covariance, whatever the cut-off."""
    mean, covariance = np.array([0.5, -1.0]), np.array([[1.0, 0.7], [0.7, 0.8]])
    model = ExactDenoiser.create(gaussian(mean, covariance), VP(t0=0.3))
    draws = np.asarray(sample(model, Heun(64), DRAWS, key=KEY, end=PosteriorDraw()), np.float64)
    products = (draws - mean)[:, :, None] * (draws - mean)[:, None]
    assert np.all(np.abs(products.mean(0) - covariance) < 4 * products.std(0) / np.sqrt(DRAWS))
    assert np.all(np.abs(draws.mean(0) - mean) < 4 * draws.std(0) / np.sqrt(DRAWS))


def test_trap_23_the_mean_of_a_predictor_is_not_the_posterior_mean():
    """Tweedie's mean is E[x0 | x]; a last step of Euler-Maruyama without its noise, from the same state, is not."""
    process = VP(t0=0.2)
    model = ExactDenoiser.create(mixture(), process)
    x = jnp.array([0.3, 0.9])
    level = process.level(jnp.asarray(process.t0))
    exact = model.target.predict(level, x).x0
    np.testing.assert_allclose(TweedieMean()(model, x, key=KEY), exact, rtol=1e-5)
    here, there = (Node(t, process.level(t)) for t in jnp.array([0.2, 0.19]))
    keys = jax.random.split(KEY, DRAWS)
    steps = jax.jit(jax.vmap(lambda key: EulerMaruyama().step(model, x, here, there, None, key=key)))(keys)
    assert np.all(np.abs(np.mean(steps, axis=0) - exact) > 0.1)


def test_rules_that_need_a_denoiser_refuse_a_score():
    model = ScoreFunction(fn=lambda t, x, condition: -x, process=VP())
    for end in (TweedieMean(), PosteriorDraw()):
        with pytest.raises(TypeError, match="got ScoreFunction"):
            sample(model, EulerMaruyama(2), 3, key=KEY, start=Terminal((2,)), end=end)
    assert sample(model, EulerMaruyama(2), 3, key=KEY, start=Terminal((2,)), end=Stop()).shape == (3, 2)


def test_a_draw_that_failed_has_no_category():
    """Not the first one, which is the largest of what is not a number."""
    book = simplex_codebook(3)
    head = CodedHead(ResMLP(2, outputs=3, width=4, depth=1, key=KEY), [book], [np.log(np.full(3, 1 / 3))])
    model = Denoiser(head, EDM(t0=0.5), moments=GaussianLaw.standard(2))
    draws = np.asarray(sample(model, ProbabilityFlow(max_steps=1), 4, key=KEY, end=CategoryDraw()))
    assert np.isnan(draws).all()
    np.testing.assert_array_equal(
        decode_categories([book], np.concatenate([book, draws])), [[0], [1], [2]] + 4 * [[-1]]
    )
