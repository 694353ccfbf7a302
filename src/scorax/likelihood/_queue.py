"""Many rows in one solve: lanes side by side, each of which takes the next row when its own has arrived.

Rows need different numbers of steps. Mapped over a batch, a solve takes for every row as long as for the slowest one; here the
lanes stay busy until the rows run out. What happens to a row is the same in any lane.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from scorax._trees import rows_at, select
from scorax._types import Scalar
from scorax.likelihood._flow import Flow
from scorax.likelihood._paired_panels import Pair, Progress
from scorax.likelihood._solve import Equation, Solve, equation, evaluations

LANES = 64
"""Rows that are solved side by side. A constant of the library: a row's bits must not depend on how many there are."""

_ROUND = 100.0
"""What is left of the way counts as nothing below so many units of the precision: the last step ends where the way does."""


class Lane(NamedTuple):
    """A row on its way.

    Attributes:
        row: its number; the number of all rows where the lane is idle.
        at: flow coordinate it has reached.
        aim: where the next step would end.
        state: solution there, and the one of the doubled steps.
        progress: what the next step takes from the last.
        control: state of the error control.
        steps: pairs of panels tried.
    """

    row: Int[Array, ""]
    at: Float[Array, ""]
    aim: Float[Array, ""]
    state: Pair
    progress: Progress
    control: PyTree
    steps: Int[Array, ""]


def in_blocks(function: Callable[..., PyTree], rows: PyTree, count: Int[Array, ""]) -> PyTree:
    """``function`` of the first ``count`` of the rows, ``LANES`` at a time; zeros after the last block."""
    shapes = jax.eval_shape(jax.vmap(function), *rows)
    blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    def block(k: Array, done: PyTree) -> PyTree:
        first = k * LANES
        own = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, first, LANES), rows)
        found = jax.vmap(function)(*own)
        return jax.tree.map(lambda a, b: jax.lax.dynamic_update_slice_in_dim(a, b, first, 0), done, found)

    return jax.lax.fori_loop(0, -(-count // LANES), block, blank)


def solve_all(
    flow_of: Callable[[PyTree], Flow],
    facts: PyTree,
    x: Float[Array, "rows *shape"],
    count: Int[Array, ""],
    rtol: Scalar,
    atol: Scalar,
    max_steps: int,
    *,
    paired: bool,
) -> Solve:
    """The flows of the first ``count`` rows, by the steps of :func:`~scorax.likelihood._solve.solve`.

    Args:
        flow_of: the flow of a row from its facts.
        facts: arrays with a row for each of ``x``: conditions, probes.
        x: the rows; a multiple of ``LANES``.
        count: how many of them are meant. The rest of the answer is undefined.
        rtol: relative tolerance of a pair of panels.
        atol: absolute tolerance of a pair of panels.
        max_steps: pairs of panels after which a row counts as failed.
        paired: whether the doubled steps go beside.
    """
    rows = len(x)

    def own(fact: PyTree) -> tuple[Flow, Equation]:
        flow = flow_of(fact)
        return flow, equation(flow, rtol, atol)

    def begin(row: Float[Array, "*shape"], fact: PyTree, number: Int[Array, ""]) -> Lane:
        flow, (terms, solver, controller) = own(fact)
        (start, end), z = flow.way, flow.start(row)
        state = Pair(z, z if paired else None)
        aim, control = controller.init(terms, start, end, state, None, None, solver.func, solver.order(terms))
        progress = solver.init(terms, start, end, state, None)
        return Lane(number, start, jnp.minimum(aim, end), state, progress, control, jnp.zeros_like(number))

    def advance(lane: Lane, fact: PyTree) -> Lane:
        flow, (terms, solver, controller) = own(fact)
        state, error, _, progress, _ = solver.step(terms, lane.at, lane.aim, lane.state, None, lane.progress, False)
        error = jax.tree.map(lambda leaf: jnp.where(jnp.isnan(leaf), jnp.inf, leaf), error)
        keep, at, aim, _, control, _ = controller.adapt_step_size(
            lane.at, lane.aim, lane.state, state, None, error, solver.order(terms), lane.control
        )
        start, end = flow.way
        near = end - _ROUND * jnp.finfo(x.dtype).eps * (end - start)
        state, progress = select(jnp.asarray(keep), (state, progress), (lane.state, lane.progress))
        return Lane(
            lane.row,
            jnp.minimum(at, end),
            jnp.where(aim > near, end, aim),
            state,
            progress,
            control,
            lane.steps + 1,
        )

    def going(carry: tuple[Lane, Array, PyTree]) -> Array:
        return jnp.any(carry[0].row < rows)

    def kept(lanes: Lane) -> PyTree:
        """What is kept of rows that have arrived."""
        return lanes.state.fine, lanes.progress.slope.fine, lanes.progress.apart, lanes.at >= end, lanes.steps

    def round_(carry: tuple[Lane, Array, PyTree]) -> tuple[Lane, Array, PyTree]:
        lanes, following, solved = carry
        lanes = jax.vmap(advance)(lanes, rows_at(facts, jnp.minimum(lanes.row, rows - 1)))
        free = (lanes.at >= end) | (lanes.steps >= max_steps)
        place = jnp.where(free, lanes.row, rows)
        solved = jax.tree.map(lambda all_, new: all_.at[place].set(new, mode="drop"), solved, kept(lanes))
        number = following + jnp.cumsum(free) - 1
        fresh = rows_at(starts, jnp.minimum(number, rows - 1))._replace(row=jnp.where(number < count, number, rows))
        return jax.vmap(select)(free, fresh, lanes), following + jnp.sum(free), solved

    numbers = jnp.arange(rows)
    starts = in_blocks(begin, (x, facts, numbers), count)
    lanes = jax.tree.map(lambda leaf: leaf[:LANES], starts)
    lanes = lanes._replace(row=jnp.where(numbers[:LANES] < count, numbers[:LANES], rows))
    end = flow_of(jax.tree.map(lambda leaf: leaf[0], facts)).way[1]
    solved = jax.lax.while_loop(going, round_, (lanes, jnp.asarray(LANES), kept(starts)))[2]
    state, slope, apart, arrived, steps = solved
    slopes = starts.progress.slope.fine, slope
    return Solve(state, apart, slopes, arrived, evaluations(steps, paired=paired))
