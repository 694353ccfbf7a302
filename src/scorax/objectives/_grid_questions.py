"""Questions about a state with a grid: whole positions are known or asked for, in boxes or one by one."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from scorax._types import Key
from scorax.objectives._masked import AbstractQuestions, Question


class GridQuestions(AbstractQuestions):
    r"""All channels of a position are known, or all are asked for; nothing is absent.

    In a share of the visits it is told with even chances: all but a box, a box, or positions one by one, each with a probability
    that is uniform on [0, 1]. A box has along each axis a length that is uniform from one to that of the axis, at a place that is
    uniform among those where it fits. The other visits, and what would ask for nothing, ask for the whole. A part ``far`` of the
    questions is asked at high noise, as in :class:`RandomQuestions`.

    Args:
        share: of the visits that tell something.
        far: part of those.
    """

    share: Float[Array, ""] | float = 0.5
    far: Float[Array, ""] | float = 0.1

    def ask(self, present: Bool[Array, "*grid c"], *, key: Key) -> Question:
        grid = present.shape[:-1]
        keys = jax.random.split(key, 6)
        box, kind = _box(grid, keys[0]), jax.random.uniform(keys[1])
        single = jax.random.bernoulli(keys[2], jax.random.uniform(keys[3]), grid)
        known = jnp.where(kind < 1 / 3, ~box, jnp.where(kind < 2 / 3, box, single))
        asked = (jax.random.uniform(keys[4]) < self.share) & ~jnp.all(known)
        known = (known & asked)[..., None] & present
        return Question(known, present & ~known, asked & (jax.random.uniform(keys[5]) < self.far))


def _box(grid: tuple[int, ...], key: Key) -> Bool[Array, "*grid"]:
    """Which positions are inside a random box."""
    inside = jnp.ones(grid, bool)
    for axis, own in enumerate(jax.random.split(key, len(grid))):
        length_key, place_key = jax.random.split(own)
        length = jax.random.randint(length_key, (), 1, grid[axis] + 1)
        start = jax.random.randint(place_key, (), 0, grid[axis] - length + 1)
        inside &= _along(grid, axis, start, length)
    return inside


def _along(grid: tuple[int, ...], axis: int, start: Int[Array, ""], length: Int[Array, ""]) -> Bool[Array, "*grid"]:
    place = jnp.arange(grid[axis]).reshape([-1 if k == axis else 1 for k in range(len(grid))])
    return jnp.broadcast_to((place >= start) & (place < start + length), grid)
