"""Many rows side by side: lanes, each of which takes the next row when its own has arrived.

Rows need different numbers of steps. Mapped over a batch, a solve takes for every row as long as for the slowest one; here the
lanes stay busy until the rows run out. What happens to a row is the same in any lane.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PyTree

from scorax._rows import in_blocks
from scorax._trees import rows_at, select

LANES = 64
"""Rows that are solved side by side. A constant of the library: a row's bits must not depend on how many there are."""


def in_lanes(
    begin: Callable[..., PyTree],
    advance: Callable[..., PyTree],
    over: Callable[[PyTree], Array],
    rows: PyTree,
    count: Int[Array, ""],
) -> PyTree:
    """``while not over(walk): walk = advance(walk, *row)`` from ``begin(*row)``, for the first ``count`` of the rows.

    ``rows`` is a tuple of PyTrees of arrays, one row of each for a walk, a multiple of ``LANES`` in number. The rest of the
    answer is undefined.
    """
    size = len(jax.tree.leaves(rows)[0])
    starts = in_blocks(begin, rows, count, LANES)
    first = jnp.arange(LANES)

    def going(carry: tuple[Array, PyTree, Array, PyTree]) -> Array:
        return jnp.any(carry[0] < size)

    def turn(carry: tuple[Array, PyTree, Array, PyTree]) -> tuple[Array, PyTree, Array, PyTree]:
        numbers, walks, following, done = carry
        walks = jax.vmap(advance)(walks, *rows_at(rows, jnp.minimum(numbers, size - 1)))
        free = jax.vmap(over)(walks)
        place = jnp.where(free, numbers, size)
        done = jax.tree.map(lambda all_, new: all_.at[place].set(new, mode="drop"), done, walks)
        fresh = following + jnp.cumsum(free) - 1
        walks = jax.vmap(select)(free, rows_at(starts, jnp.minimum(fresh, size - 1)), walks)
        numbers = jnp.where(free, jnp.where(fresh < count, fresh, size), numbers)
        return numbers, walks, following + jnp.sum(free), done

    lanes = jax.tree.map(lambda leaf: leaf[:LANES], starts)
    numbers = jnp.where(first < count, first, size)
    return jax.lax.while_loop(going, turn, (numbers, lanes, jnp.asarray(LANES), starts))[3]
