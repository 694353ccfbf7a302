"""Coordinates that are random: the one helper through which samplers, likelihoods and priors respect ``free``.

A conditional model knows some coordinates; those stay what they are, carry no noise and add nothing to a divergence, a
dimension or a norm. ``free`` is a boolean array of the shape of one example, or ``None`` when every coordinate is random.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from scorax._types import Key


def only_free(free: Bool[Array, "*shape"] | None, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """``x`` with zeros at the coordinates that are not random."""
    return x if free is None else jnp.where(free, x, jnp.zeros_like(x))


def free_dimension(free: Bool[Array, "*shape"] | None, shape: tuple[int, ...]) -> Array | int:
    """Number of random coordinates: the ``d`` of every normalising constant."""
    return math.prod(shape) if free is None else jnp.sum(free)


def free_normal(
    free: Bool[Array, "*shape"] | None, shape: tuple[int, ...], dtype: jnp.dtype, *, key: Key
) -> Float[Array, "*shape"]:
    """Standard normal noise on the random coordinates, zero elsewhere."""
    return only_free(free, jax.random.normal(key, shape, dtype))
