"""Laws of many draws, by adaptive solves too.

Statistical tolerances are 4 SE (false-alarm rate 6e-5 a number) at fixed keys.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import mixture, noisy
from scorax.models import ScoreFunction
from scorax.processes import VP
from scorax.samplers import (
    AdamsBashforth,
    EulerMaruyama,
    ProbabilityFlow,
    ReverseSDE,
    sample,
)
from scorax.targets import ExactDenoiser

KEY = jax.random.key(0)
DRAWS = 4096
LONG = pytest.mark.slow  # half a minute of compiling and solving each; CI runs them


@pytest.mark.parametrize(
    "sampler",
    [
        EulerMaruyama(num_steps=300),
        pytest.param(ReverseSDE(), marks=LONG),
        ProbabilityFlow(rtol=1e-3, atol=1e-3),
        AdamsBashforth(),
    ],
    ids=lambda s: type(s).__name__,
)
def test_trap_16_both_dynamics_end_in_the_law_of_a_mixture(sampler):
    """First and second moments of every coordinate at t0."""
    law = mixture()
    draws = np.asarray(sample(ExactDenoiser.create(law, VP()), sampler, DRAWS, key=KEY), np.float64)
    truth = noisy(law, VP()).moments()
    root = np.asarray(jax.jacfwd(truth.draw)(jnp.zeros(2)))
    second = root @ root.T + np.outer(truth.mean, truth.mean)
    for values, expected in ((draws, np.asarray(truth.mean)), (draws[:, :, None] * draws[:, None], second)):
        assert np.all(np.abs(values.mean(0) - expected) < 4 * values.std(0) / np.sqrt(DRAWS))


@LONG
def test_the_step_of_a_score_follows_the_reverse_sde_of_its_clock():
    """ReverseSDE for a ScoreFunction in the clock of VP and for a denoiser in its own variable: one law."""
    exact = ExactDenoiser.create(mixture(), VP(t0=1e-3))
    score = ScoreFunction(fn=lambda t, x, condition: exact(t, x), process=exact.process, moments=exact.moments)
    draws = np.asarray(sample(score, ReverseSDE(), DRAWS, key=KEY), np.float64)
    truth = noisy(exact.target, exact.process).moments()
    assert np.all(np.abs(draws.mean(0) - np.asarray(truth.mean)) < 4 * draws.std(0) / np.sqrt(DRAWS))
