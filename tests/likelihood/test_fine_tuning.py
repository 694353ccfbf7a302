"""Maximum likelihood by gradients through the solve: against central differences, and as a way to train."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from oracles import awake, mixture, rows_of
from scorax._trees import cast
from scorax.likelihood import row_log_prob
from scorax.models import Denoiser
from scorax.networks import MLP
from scorax.objectives import DenoisingScoreMatching
from scorax.processes import EDM, GaussianLaw
from scorax.training import FitOptions, fit

pytestmark = pytest.mark.usefixtures("double")  # statistics and differences far above rounding
KEY = jax.random.key(0)
BATCH = 16


@pytest.fixture(scope="module")
def model():
    """A small denoiser of a mixture under a cut-off that its rows are smooth at, briefly trained to denoise."""
    with jax.enable_x64(False):
        rows = rows_of(mixture(), 256, key=KEY)
        moments = GaussianLaw.from_moments(np.asarray(rows.mean(0)), np.cov(np.asarray(rows).T))
        plain = Denoiser(network=MLP(2, width=8, depth=1, key=KEY), process=EDM(t0=0.1), moments=moments)
        options = FitOptions(batch_size=64)
        *_, last = fit(plain, DenoisingScoreMatching(), rows, optax.adam(3e-3), key=KEY, num_steps=50, options=options)
        return last.model(plain)


@eqx.filter_jit
def loss_and_gradient(weights, rest, rows, tolerance):
    """Mean of ``-log_prob`` over a batch and its gradient in the weights: one program for both tests."""

    def loss(weights):
        own = dataclasses.replace(rest, network=eqx.combine(weights, rest.network))
        limits = dict(tolerance=tolerance, estimate_error=False)
        return -jnp.mean(jax.vmap(lambda row: row_log_prob(own, row, **limits).value)(rows))

    return jax.value_and_grad(loss)(weights)


def parted(model):
    """Weights in float64, and the rest of the model."""
    model = cast(model, jnp.float64)
    weights, facts = eqx.partition(model.network, eqx.is_inexact_array)
    return weights, dataclasses.replace(model, network=facts)


@jax.jit
def along(weights, gradient, h, key):
    """Weights a step ahead and a step behind in a random direction, and the slope there by the gradient."""
    leaves, tree = jax.tree.flatten(weights)
    keys = jax.random.split(key, len(leaves))
    direction = jax.tree.unflatten(
        tree, [jax.random.normal(k, a.shape, a.dtype) for k, a in zip(keys, leaves, strict=True)]
    )
    ahead = jax.tree.map(lambda a, b: a + h * b, weights, direction)
    behind = jax.tree.map(lambda a, b: a - h * b, weights, direction)
    return ahead, behind, optax.tree_utils.tree_vdot(gradient, direction)


@pytest.mark.slow  # four seconds of compiling; CI runs it
def test_gradient_in_the_weights_is_that_of_central_differences(model):
    """Along three random directions of weights that are all awake."""
    awakened = dataclasses.replace(model, network=awake(model.network, key=jax.random.key(1), size=0.2))
    weights, rest = parted(awakened)
    rows, tight, h = rows_of(mixture(), BATCH, key=jax.random.key(2)), jnp.asarray(1e-8), 1e-3
    gradient = loss_and_gradient(weights, rest, rows, tight)[1]
    for key in jax.random.split(jax.random.key(3), 3):
        ahead, behind, slope = along(weights, gradient, h, key)
        above, below = (loss_and_gradient(there, rest, rows, tight)[0] for there in (ahead, behind))
        assert abs(slope) > 1e-3
        np.testing.assert_allclose(slope, (above - below) / (2 * h), rtol=1e-4, atol=1e-6)


def test_a_few_steps_raise_the_held_out_log_likelihood(model):
    """Twelve steps of Adam on 192 fresh rows; 256 others gain more than four paired standard errors over their blocks."""
    weights, rest = parted(model)
    rows = rows_of(mixture(), 192, key=jax.random.key(4)).reshape(-1, BATCH, 2)
    held_out = rows_of(mixture(), 256, key=jax.random.key(5)).reshape(-1, BATCH, 2)

    def scores(weights):
        return np.array([-loss_and_gradient(weights, rest, block, jnp.asarray(1e-4))[0] for block in held_out])

    optimizer = optax.adam(1e-2)

    @jax.jit
    def descended(weights, state, gradient):
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(weights, updates), state

    before, state = scores(weights), optimizer.init(weights)
    for block in rows:
        weights, state = descended(weights, state, loss_and_gradient(weights, rest, block, jnp.asarray(1e-3))[1])
    gains = scores(weights) - before
    assert gains.mean() > 4 * gains.std(ddof=1) / np.sqrt(len(gains))
    assert gains.mean() > 0.05
