"""One row on its way: pairs of panels under step control, panels of twice the length beside them, and a second try.

The distance of the two solutions at the end is that of two global solutions on one mesh and its halving. It shrinks as the
error of the finer one, whatever the steps did in between: unlike the distance of two adaptive solves, whose errors are
unrelated, or a sum of local estimates, which knows nothing of how errors grow. A difference that changes its sign may vanish at
the end by accident, so the largest one on the way is kept.
"""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from scorax._trees import select
from scorax._types import Scalar
from scorax.likelihood._flow import Flow
from scorax.likelihood._panel import Panel, panel
from scorax.likelihood._quadrature import PRECISE

MAX_STEPS = 2048
"""Pairs of panels that a row may take."""

_SHARE = 1 / 4
"""What the distance to the coarser solution is multiplied by for a bound of the error. In the limit of small steps 1 / (2^5 - 1)
would do; they are not small at usual tolerances."""

_OPENING = 1 / 8
"""Tolerance of a pair of panels in the first try, over that of the log-density: most rows need no second one."""

_LOOSEST = 1e-3
"""Largest tolerance of a pair of panels: where steps are as long as what they should see, their errors say nothing."""

_FINER, _TRIES = 1 / 32, 3
"""Tolerance of another try over that of the last, for a mesh of half the steps, and how many there may be if the steps last."""

_STRICTNESS = 30.0
"""By how much the state is solved more strictly than the integrals: its error counts times the slope of a log-density, and where
a divergence is exact the state costs next to nothing."""

_STATE_ROUNDINGS = 16.0
"""Least tolerance of the state in units of the precision: below it rounding is taken for error and steps shrink for nothing."""

_FIRST_STEP = 0.07
"""First pair of panels at a tolerance of 1e-3, as a share of the way."""

_GROWTH = 1.5
"""Largest factor from one step to the next. On a mesh that changes evenly the distance of the pair stays in proportion to the
error; where steps may grow tenfold it is by accident too small for whole families of rows."""

_SHRINKAGE, _REJECTED, _SAFETY = 0.2, 0.5, 0.9
"""Least factor; largest one after a rejection, or a step too long would come back by many; share of what the error allows."""

_NEAR = 100.0
"""What is left of the way counts as nothing below so many units of the precision: the last step ends where the way does."""


class Solution(NamedTuple):
    """State and integrals at one place, the same at twice the step, and the largest distance of the two so far, in every
    coordinate. The last two are ``None`` where nobody asks for the error."""

    fine: Float[Array, " m"]
    coarse: Float[Array, " m"] | None
    apart: Float[Array, " m"] | None


class Walk(NamedTuple):
    """A row on its way: the coordinate it has reached, the length of the next pair of panels, the solutions ``here`` and their
    slopes, state and slope at ``t0``, the solutions at the ``end`` ``t1`` once it has been there, by how much the log-density has
    ``moved`` beyond it, the tolerance of a pair of panels, and how many were tried."""

    at: Float[Array, ""]
    step: Float[Array, ""]
    here: Solution
    slopes: tuple[Float[Array, " m"], Float[Array, " m"] | None]
    first: tuple[Float[Array, " m"], Float[Array, " m"]]
    end: Solution
    moved: Float[Array, ""]
    tolerance: Float[Array, ""]
    tried: Int[Array, ""]


class Way(NamedTuple):
    """Where all rows go, from the start by ``t1`` to the end, and how well: a tolerance of the log-density, in nats."""

    places: Float[Array, " 3"]
    tolerance: Float[Array, ""]

    @property
    def opening(self) -> Float[Array, ""]:
        """Tolerance of a pair of panels in the first try."""
        return jnp.minimum(_OPENING * self.tolerance, _LOOSEST)

    @property
    def finest(self) -> Float[Array, ""]:
        """That in the last one."""
        return jnp.maximum(self.opening * _FINER**_TRIES, jnp.finfo(self.places.dtype).eps)

    def over(self, walk: Walk) -> Bool[Array, ""]:
        """Whether a row has arrived or given up, because of too many steps or one that leads nowhere."""
        return (walk.at >= self.places[2]) | (walk.tried >= MAX_STEPS) | (walk.at + walk.step <= walk.at)


def way_of(flow: Flow, tolerance: Scalar, *, paired: bool) -> Way:
    """To ``t1``, and beyond where the error is asked for."""
    places = flow.places
    return Way(places if paired else places.at[2].set(places[1]), jnp.asarray(tolerance, places.dtype))


def begin(flow: Flow, way: Way, x: Float[Array, "*shape"], *, paired: bool) -> Walk:
    """A row at ``t0``."""
    z = flow.start(x)
    slope = flow.state(way.places[0], z)
    return _at_start(way, (z, slope), way.opening, jnp.zeros((), jnp.int32), paired=paired)


def advance(flow: Flow, way: Way, walk: Walk) -> Walk:
    """One pair of panels further, or the same again with a shorter one; from the start where ``t1`` was reached badly."""
    start, end, last = way.places
    goal = jnp.where(walk.at < end, end, last)
    near = goal - _NEAR * jnp.finfo(goal.dtype).eps * (end - start)
    aim = jnp.where(walk.at + walk.step > near, goal, walk.at + walk.step)
    length = aim - walk.at
    here, slopes, error = _pair(flow, walk, length)
    factor = jnp.clip(_SAFETY * error ** (-1 / 5), _SHRINKAGE, _GROWTH)
    good = error <= 1
    step = length * jnp.where(good, factor, jnp.minimum(factor, _REJECTED))
    step = jnp.where(good & (aim == goal), jnp.maximum(step, walk.step), step)
    walk = select(good, walk._replace(at=aim, here=here, slopes=slopes), walk)
    walk = walk._replace(step=step, tried=walk.tried + 1)
    arrives = good & (aim == end)
    if walk.here.apart is None:
        return walk._replace(end=select(arrives, walk.here, walk.end))
    finer = (walk.tolerance > way.finest) & (walk.tried <= MAX_STEPS // 3)  # half the steps take twice the pairs
    bad = finer & (distance(flow, end, walk.here) > way.tolerance)
    tolerance = jnp.maximum(walk.tolerance * _FINER, way.finest)
    again = _at_start(way, walk.first, tolerance, walk.tried, paired=True)
    passes = walk._replace(end=walk.here, here=_joined(walk.here.fine, paired=True), slopes=(walk.slopes[0],) * 2)
    change = jnp.abs(flow.density(walk.at, walk.here.fine) - flow.density(end, walk.end.fine))
    beyond = walk._replace(moved=jnp.where(walk.at > end, jnp.maximum(walk.moved, change), walk.moved))
    return select(arrives, select(bad, again, passes), beyond)


def walked(flow: Flow, way: Way, x: Float[Array, "*shape"], *, paired: bool) -> Walk:
    """The whole way of one row; reverse-mode derivatives go through it."""
    return eqx.internal.while_loop(
        lambda walk: ~way.over(walk),
        lambda walk: advance(flow, way, walk),
        begin(flow, way, x, paired=paired),
        max_steps=MAX_STEPS,
        kind="checkpointed",
    )


def distance(flow: Flow, u: Float[Array, ""], there: Solution) -> Float[Array, ""]:
    """Bound of the error at a place by the distance of the two solutions, integral and state apart.

    The two parts may cancel in the distance of the log-densities without doing so in the error; their sum cannot.
    """
    assert there.apart is not None  # the error is asked for
    pull = jax.grad(lambda y: flow.assumed(u, y))(flow.split(there.fine)[0])
    state, integrals = flow.split(there.apart)
    return _SHARE * (jnp.mean(integrals) + length_of(pull.reshape(-1)) * length_of(state.reshape(-1)))


def length_of(values: Float[Array, " m"]) -> Float[Array, ""]:
    """Euclidean length with the same bits in every lane: the next step follows from it.

    A sum of products may be rounded in different ways, in another order or with one of two products exact, and the compiler
    chooses one for most lanes and another for the last. So squares are cut by a bit, which keeps them apart from the sum, and
    the sum goes by halves.
    """
    format_ = jnp.finfo(values.dtype)
    squares = jax.lax.reduce_precision(values**2, format_.nexp, format_.nmant - 1)
    while squares.size > 1:
        half = (squares.size + 1) // 2
        squares = squares[:half] + jnp.pad(squares[half:], (0, 2 * half - squares.size))
    return jnp.sqrt(squares[0])


def _at_start(way: Way, first: tuple[Array, Array], tolerance: Array, tried: Array, *, paired: bool) -> Walk:
    (z, slope), (start, end, _) = first, way.places
    here = _joined(z, paired=paired)
    step = _FIRST_STEP * (tolerance / 1e-3) ** 0.2 * (end - start)
    slopes = slope, (slope if paired else None)
    return Walk(start, step, here, slopes, first, here, jnp.zeros_like(start), tolerance, tried)


def _joined(z: Float[Array, " m"], *, paired: bool) -> Solution:
    """Both solutions go on from one state."""
    return Solution(z, z, jnp.zeros_like(z)) if paired else Solution(z, None, None)


def _pair(
    flow: Flow, walk: Walk, length: Float[Array, ""]
) -> tuple[Solution, tuple[Array, Array | None], Float[Array, ""]]:
    """Two panels from where a row is, and one of their length beside them; and the error in tolerances."""

    def one(carry: tuple[Array, Array], task: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], Panel]:
        s, h, coarse = task
        if here.coarse is not None and walk.slopes[1] is not None:
            carry = select(coarse, (here.coarse, walk.slopes[1]), carry)
        done = panel(PRECISE, flow, s, h, *carry)
        return (done.state, done.slope), done

    here, h = walk.here, length / (2 * PRECISE.steps)
    starts = jnp.stack([walk.at, walk.at + PRECISE.steps * h, walk.at])
    tasks = starts, jnp.stack([h, h, 2 * h]), jnp.arange(3) == 2
    if here.coarse is None:
        tasks = jax.tree.map(lambda leaf: leaf[:2], tasks)
    done = jax.lax.scan(one, (here.fine, walk.slopes[0]), tasks)[1]
    null = jnp.asarray(PRECISE.null, here.fine.dtype)
    of_integrals = jnp.max(jnp.abs(h * (null @ done.rates[:2].reshape(null.shape[1], -1))), axis=0)
    scale = walk.tolerance * (1 + jnp.maximum(jnp.abs(here.fine), jnp.abs(done.state[1])))
    error = _size(flow, (jnp.max(done.error[:2], axis=0) + of_integrals) / scale, walk.tolerance)
    if here.apart is None:
        return Solution(done.state[1], None, None), (done.slope[1], None), error
    apart = jnp.maximum(here.apart, jnp.abs(done.state[1] - done.state[2]))
    return Solution(done.state[1], done.state[2], apart), (done.slope[1], done.slope[2]), error


def _size(flow: Flow, error: Float[Array, " m"], tolerance: Float[Array, ""]) -> Float[Array, ""]:
    state, integrals = error[: math.prod(flow.shape)], error[math.prod(flow.shape) :]
    stricter = jnp.clip(tolerance / (_STATE_ROUNDINGS * jnp.finfo(state.dtype).eps), 1, _STRICTNESS)
    size = jnp.maximum(stricter * length_of(state), length_of(integrals) / integrals.size**0.5)
    return jax.lax.stop_gradient(jnp.where(jnp.isnan(size), jnp.inf, size))  # steps are chosen, not differentiated
