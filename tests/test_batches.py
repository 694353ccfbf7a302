"""Many rows at a time: what jaxlib 0.10.2 gets wrong in one batch on CPU is right in every batch of the library."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from scorax._rows import MAX_ROWS, over_rows
from scorax.diagnostics import Importance
from scorax.models import ScoreNetwork
from scorax.networks import MLP
from scorax.objectives import AbstractObjective, AbstractTimes, AbstractWeighting
from scorax.training import Examples, FitOptions, FixedDraws, Validation, draws_loss, fit
from scorax.transforms import AbstractTransform, Encoded, decode_rows

ROWS = 2 * MAX_ROWS + 100
A = np.array([[0.3, -0.2, 0.5], [1.0, 0.1, 0.0], [-0.4, 0.7, 0.2]])
KEY = jax.random.key(0)


def rows(dtype=np.float64) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((ROWS, 3)).astype(dtype)


def square(x):
    """A product and a sum: the pair that the defect needs."""
    return jnp.sum((jnp.asarray(A, x.dtype) @ x) ** 2)


def squares(x: np.ndarray) -> np.ndarray:
    return np.sum((x.astype(np.float64) @ A.T) ** 2, axis=1)


class Square(AbstractObjective):
    """``square`` of the example, plus a term with a gradient of zero."""

    weighting: AbstractWeighting | None = None
    times: AbstractTimes | None = None

    def at(self, model, t, x0, condition=None, *, key, training=True):
        return square(x0) + 0 * jnp.sum(model(t, x0, condition))

    def evaluations(self, dimension: int) -> int:
        return 1


class Stretch(AbstractTransform):
    def encode(self, row, *, key) -> Encoded:
        raise NotImplementedError

    def decode(self, z):
        return z * square(z)


def model() -> ScoreNetwork:
    return ScoreNetwork(MLP(3, width=4, depth=1, key=KEY))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [MAX_ROWS, MAX_ROWS + 1, ROWS])
def test_rows_in_batches_are_the_rows_alone(dtype, count):
    with jax.enable_x64(dtype == np.float64):
        x = rows(dtype)[:count]
        got = jax.jit(lambda x: over_rows(lambda y: (square(y), y), x))(jnp.asarray(x))
        np.testing.assert_allclose(got[0], squares(x), rtol=1e-4 if dtype == np.float32 else 1e-12)
        np.testing.assert_array_equal(got[1], x)


def test_gradients_pass_through_batches(double):
    x = rows()
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(over_rows(square, x))))(jnp.asarray(x))
    np.testing.assert_allclose(gradient, 2 * x @ A.T @ A, rtol=1e-10, atol=1e-10)


def test_losses_of_many_held_out_rows(double):
    x = rows()
    draws = FixedDraws.create(Validation((np.arange(ROWS),), num_draws=1), key=KEY)
    own = jax.tree.map(lambda leaf: leaf[0], draws)
    loss = eqx.filter_jit(draws_loss)(model(), Square(), Examples(jnp.asarray(x), None), own)
    np.testing.assert_allclose(loss, squares(x)[np.asarray(own.rows)].mean(), rtol=1e-6)


def test_a_large_batch_of_training(double):
    x = rows()
    states = fit(model(), Square(), x, optax.sgd(0.0), key=KEY, num_steps=1, options=FitOptions(ROWS))
    *_, last = states
    np.testing.assert_allclose(last.loss, squares(x).mean(), rtol=1e-6)


def test_expectations_and_decoded_rows(double):
    x = rows()
    weights = np.full(ROWS, -np.log(ROWS))
    studied = Importance(jnp.asarray(x), weights, ROWS, 0.0, 0.0, 0.0).mean(square)
    np.testing.assert_allclose(studied.value, squares(x).mean(), rtol=1e-10)
    np.testing.assert_allclose(decode_rows(Stretch(), x), x * squares(x)[:, None], rtol=1e-10)
