import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import mixture
from scorax._divergence import value_and_divergence


@pytest.mark.parametrize("shape", [(6,), (2, 3), (2, 3, 1)])
def test_trap_27_divergence_is_the_trace_on_any_shape(shape):
    matrix = jnp.asarray(np.random.default_rng(0).standard_normal((6, 6)))
    x = jnp.arange(6.0).reshape(shape)
    value, divergence = value_and_divergence(lambda z: (matrix @ z.reshape(-1)).reshape(shape), x)
    np.testing.assert_allclose(value.reshape(-1), matrix @ x.reshape(-1), rtol=1e-5)
    np.testing.assert_allclose(divergence, jnp.trace(matrix), rtol=1e-5)


def test_divergence_of_a_mixture_score_in_closed_form():
    with jax.enable_x64(True):
        law, x = mixture(3), jnp.array([0.3, -0.2, 0.1])
        ours, theirs = jax.jit(lambda x: (value_and_divergence(law.score, x)[1], law.divergence(x)))(x)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
