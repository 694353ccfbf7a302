"""Brownian increments: one path on every grid, with the covariance of Brownian motion."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scorax.simulation import brownian_increments

KEY = jax.random.key(0)


@functools.partial(jax.jit, static_argnums=0)
def five(num_steps: int):
    """Five coordinates over an interval of length 2."""
    return brownian_increments(2.0, num_steps, (5,), jnp.float32, key=KEY)


@pytest.mark.parametrize("num_steps", [1, 3, 8])
def test_a_finer_grid_refines_the_same_path(num_steps):
    coarse = np.asarray(five(num_steps))
    for factor in (2, 4, 16):
        fine = np.asarray(five(factor * num_steps))
        np.testing.assert_allclose(fine.reshape(num_steps, factor, 5).sum(1), coarse, atol=2e-6)
        assert np.unique(fine).size == fine.size


@pytest.mark.parametrize("num_steps", [6, 8])
def test_increments_are_independent_normals_of_the_length_of_a_step(num_steps):
    """Means, variances and correlations of 20000 paths within 4 SE (false-alarm rate 3e-3 over all pairs)."""
    count, length = 20_000, 1.5
    keys = jax.random.split(KEY, count)
    drawn = jax.jit(jax.vmap(lambda key: brownian_increments(length, num_steps, (), jnp.float32, key=key)))(keys)
    drawn = np.asarray(drawn, np.float64) / np.sqrt(length / num_steps)
    assert np.all(np.abs(drawn.mean(0)) < 4 / np.sqrt(count))
    assert np.all(np.abs(drawn.var(0) - 1) < 4 * np.sqrt(2 / count))
    assert np.abs(np.corrcoef(drawn.T) - np.eye(num_steps)).max() < 4 / np.sqrt(count)
    fourth = (drawn**4).mean(0)
    assert np.all(np.abs(fourth - 3) < 4 * np.sqrt(96 / count))


@pytest.mark.parametrize("length", [-1.0, np.nan])
def test_an_interval_has_no_negative_length(length):
    with pytest.raises(ValueError, match="expected length of at least 0"):
        brownian_increments(length, 4, (), key=jax.random.key(0))
