"""Many rows by sweeps: pass after pass, all that wait for the same nodes side by side."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from scorax._trees import rows_at
from scorax._types import Scalar
from scorax.likelihood import _nodes
from scorax.likelihood._flow import Flow
from scorax.likelihood._queue import LANES, in_blocks
from scorax.likelihood._solve import Solve
from scorax.likelihood._sweep import Sweep, excess, sweep

_LEVELS_A_DIGIT = 2.0
"""More levels for a tolerance of a tenth: the nodes go with its fifth root, nearly."""

_ROUND = 0.01
"""Of a level: a power of ten in float32 is one."""

_HALF = 3
"""Levels between a sweep and the one of half the nodes that its error is judged by."""

_ORDER = 4.0
"""By which the control takes an error to fall with the number of nodes."""


class _Known(NamedTuple):
    """What is known of all rows.

    Attributes:
        level: that of the next sweep; the number of levels where there is none.
        judging: whether that is the one of half the nodes.
        solved: what has been found.
    """

    level: Int[Array, " rows"]
    judging: Bool[Array, " rows"]
    solved: Solve


def sweep_all(
    flow_of: Callable[[PyTree], Flow],
    facts: PyTree,
    x: Float[Array, "rows *shape"],
    count: Int[Array, ""],
    rtol: Scalar,
    atol: Scalar,
    *,
    opening: int,
    paired: bool,
) -> Solve:
    """The flows of the first ``count`` rows.

    All are swept over as many nodes as the tolerance suggests. A row whose estimated error is not small enough is swept again
    over more of them; one for which no number suffices has not converged. What happens to a row follows from the row.

    Args:
        flow_of: the flow of a row from its facts.
        facts: arrays with a row for each of ``x``: conditions, probes.
        x: the rows; a multiple of ``LANES``.
        count: how many of them are meant. The rest of the answer is undefined.
        rtol: tolerance of a log-density, relative to it.
        atol: absolute tolerance of a log-density, in nats.
        opening: level of the first sweep at a tolerance of 1.
        paired: whether a sweep over half the nodes goes beside the last one.
    """
    rows, levels, counts = len(x), len(_nodes.COUNTS), jnp.asarray(_nodes.COUNTS)
    finer = jnp.ceil(-_LEVELS_A_DIGIT * jnp.log10(jnp.maximum(rtol, atol)) - _ROUND)
    first = jnp.clip(opening + finer, opening, levels - 1).astype(counts.dtype)

    def one(row: Float[Array, "*shape"], fact: PyTree, level: Int[Array, ""]) -> tuple[Sweep, Array]:
        flow = flow_of(fact)
        swept = sweep(flow, row, level)
        return swept, excess(flow, swept, rtol, atol)

    def block(k: Array, carry: tuple[_Known, Array, Array, Array]) -> tuple[_Known, Array, Array, Array]:
        known, order, level, waiting = carry
        number = k * LANES + jnp.arange(LANES)
        place = jax.lax.dynamic_slice_in_dim(order, k * LANES, LANES)
        own, fact, judging, before = rows_at((x, facts, known.judging, known.solved), place)
        swept, over = jax.vmap(one, in_axes=(0, 0, None))(own, fact, level)
        good = over <= 1
        more = jnp.clip(jnp.ceil(_HALF / _ORDER * jnp.log2(over)), 1, _HALF).astype(level.dtype)
        again = jnp.where(level < levels - 1, jnp.minimum(level + more, levels - 1), levels)
        after = level - _HALF if paired else levels
        wide = judging[:, None]
        found = _Known(
            level=jnp.where(judging, levels, jnp.where(good, after, again)),
            judging=good & ~judging,
            solved=Solve(
                end=jnp.where(wide, before.end, swept.end),
                apart=jnp.abs(before.end - swept.end) if paired else None,
                slopes=(jnp.where(wide, before.slopes[0], swept.first), before.slopes[1]),
                converged=before.converged | good,
                evaluations=before.evaluations + counts[level],
            ),
        )
        to = jnp.where(number < waiting, place, rows)
        return jax.tree.map(lambda all_, new: all_.at[to].set(new, mode="drop"), known, found), order, level, waiting

    def next_pass(known: _Known) -> _Known:
        level = jnp.min(known.level)
        waits = known.level == level
        order, waiting = jnp.argsort(~waits, stable=True), jnp.sum(waits)
        return jax.lax.fori_loop(0, -(-waiting // LANES), block, (known, order, level, waiting))[0]

    def last(fact: PyTree, z: Float[Array, " m"]) -> Float[Array, " m"]:
        flow = flow_of(fact)
        return flow.system.state(flow.way[1], z)

    blank = jnp.zeros_like(jax.vmap(lambda fact, row: flow_of(fact).start(row))(facts, x))
    known = _Known(
        level=jnp.where(jnp.arange(rows) < count, first, levels),
        judging=jnp.zeros(rows, bool),
        solved=Solve(
            end=blank,
            apart=blank if paired else None,
            slopes=(blank, blank),
            converged=jnp.zeros(rows, bool),
            evaluations=jnp.zeros(rows, counts.dtype),
        ),
    )
    solved = jax.lax.while_loop(lambda known: jnp.any(known.level < levels), next_pass, known).solved
    if not paired:
        return solved
    return solved._replace(slopes=(solved.slopes[0], in_blocks(last, (facts, solved.end), count)))
