"""Brownian increments that can be refined: the path stays, the grid gets finer."""

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from scorax._checked import require_count, require_not_negative
from scorax._types import Key, Scalar


def brownian_increments(
    length: Scalar, num_steps: int, shape: tuple[int, ...], dtype: DTypeLike = float, *, key: Key
) -> Float[Array, "num_steps *shape"]:
    r"""Increments of one Brownian path over ``num_steps`` equal parts of an interval of the given length.

    Twice as many steps under the same key give the same path: the sum of two neighbouring fine increments is the coarse one,
    to rounding. An even number of steps is made from half as many by Lévy's construction: with the increment $w$ over a
    part of length $h$, its halves are $w / 2 \pm \tfrac12 \sqrt{h}\, z$.

    Raises:
        TypeError: the number of steps is no whole number.
        ValueError: it is less than one, or the length is negative.

    Reference: Karatzas and Shreve (1991), section 2.3.
    """
    num_steps = require_count(num_steps, "num_steps")
    require_not_negative(length, "length")
    doublings = (num_steps & -num_steps).bit_length() - 1  # how often two divides the number of steps
    parts = num_steps >> doublings
    length = jnp.asarray(length, dtype)
    # One normal for each node of the tree, coarse ones first and by their number: a finer grid adds nodes and changes none.
    normals = jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i), shape, dtype))(jnp.arange(num_steps))
    increments = jnp.sqrt(length / parts) * normals[:parts]
    while len(increments) < num_steps:
        count = len(increments)
        spread = 0.5 * jnp.sqrt(length / count) * normals[count : 2 * count]
        halves = jnp.stack([0.5 * increments + spread, 0.5 * increments - spread], axis=1)
        increments = halves.reshape(-1, *shape)
    return increments
