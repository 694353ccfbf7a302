"""One row on its way: pairs of panels under step control, beside them panels of twice the length, and a second try.

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
from scorax.likelihood._rules import PRECISE

MAX_STEPS = 4096
"""Pairs of panels that a row may take."""

SHARE = 1 / 4
"""What the distance to the coarser solution is multiplied by for a bound of the error. In the limit of small steps 1 / (2^5 - 1)
would do; they are not small at usual tolerances."""

LOOSEST = 1e-3
"""Tolerance of a pair of panels at any tolerance of the log-density above it: where steps are as long as what they should see,
their errors say nothing."""

_OPENING = 1 / 8
"""Tolerance of a pair of panels in the first try, over that of the log-density: most rows need no second one."""

_FIRST_STEP = 0.07
"""First pair of panels at a tolerance of 1e-3, as a share of the way."""

_GROWTH = 1.5
"""Largest factor from one step to the next. On a mesh that changes evenly the distance of the pair stays in proportion to the
error; where steps may grow tenfold it is by accident too small for whole families of rows."""

_SHRINKAGE = 0.2
_REJECTED = 0.5
"""Largest factor after a step that was rejected: one that starts too far out would come back by one rejection after another."""

_SAFETY = 0.9

_FINER = 1 / 32
"""A mesh of half the steps, by its tolerance: for a row whose error is not within what was asked for."""

_TIMES_FINER = 3

_STATE_ROUNDINGS = 16.0
"""Least tolerance of the state in units of the precision: below it rounding is taken for error and steps shrink for nothing."""

_NEAR = 100.0
"""What is left of the way counts as nothing below so many units of the precision: the last step ends where the way does."""


class Solution(NamedTuple):
    """State and integrals at one place.

    Attributes:
        fine: the solution.
        coarse: the one at twice the step; ``None`` where nobody asks for the error.
        apart: largest distance of the two so far, in every coordinate.
    """

    fine: Float[Array, " m"]
    coarse: Float[Array, " m"] | None
    apart: Float[Array, " m"] | None


class Walk(NamedTuple):
    """A row on its way.

    Attributes:
        at: coordinate it has reached.
        step: length of the next pair of panels.
        here: solutions there.
        slopes: of each, there.
        first: state and slope at ``t0``.
        end: solutions at ``t1``, once it has been there.
        moved: largest change of the log-density beyond ``t1``.
        tolerance: of a pair of panels.
        tries: pairs of panels tried.
    """

    at: Float[Array, ""]
    step: Float[Array, ""]
    here: Solution
    slopes: tuple[Float[Array, " m"], Float[Array, " m"] | None]
    first: tuple[Float[Array, " m"], Float[Array, " m"]]
    end: Solution
    moved: Float[Array, ""]
    tolerance: Float[Array, ""]
    tries: Int[Array, ""]


class Way(NamedTuple):
    """Where all rows go, and how well.

    Attributes:
        places: coordinates of the start, of ``t1``, and of the end.
        tolerance: wanted of a log-density, in nats.
    """

    places: Float[Array, " 3"]
    tolerance: Float[Array, ""]

    def over(self, walk: Walk) -> Bool[Array, ""]:
        """Whether a row has arrived or given up."""
        return (walk.at >= self.places[2]) | (walk.tries >= MAX_STEPS)


def way_of(flow: Flow, tolerance: Scalar, *, paired: bool) -> Way:
    """To ``t1``, and beyond where the error is asked for."""
    places = flow.places
    return Way(places if paired else places.at[2].set(places[1]), jnp.asarray(tolerance, places.dtype))


def begin(flow: Flow, way: Way, x: Float[Array, "*shape"], *, paired: bool) -> Walk:
    """A row at ``t0``."""
    z = flow.start(x)
    slope = flow.system.state(way.places[0], z)
    here = Solution(z, z if paired else None, jnp.zeros_like(z) if paired else None)
    tolerance = _opening(way)
    slopes = slope, (slope if paired else None)
    return Walk(
        way.places[0],
        _first_step(way, tolerance),
        here,
        slopes,
        (z, slope),
        here,
        jnp.zeros_like(z[0]),
        tolerance,
        jnp.zeros((), jnp.int32),
    )


def advance(flow: Flow, way: Way, walk: Walk) -> Walk:
    """One pair of panels further, or the same again with a shorter one; from the start where ``t1`` was reached badly."""
    start, end, _ = way.places
    goal = jnp.where(walk.at < end, end, way.places[2])
    near = goal - _NEAR * jnp.finfo(goal.dtype).eps * (end - start)
    aim = jnp.where(walk.at + walk.step > near, goal, walk.at + walk.step)
    length = aim - walk.at
    here, slopes, error = _pair(flow, walk, length)
    factor = jnp.clip(_SAFETY * error ** (-1 / PRECISE.order), _SHRINKAGE, _GROWTH)
    good = error <= 1
    step = length * jnp.where(good, factor, jnp.minimum(factor, _REJECTED))
    step = jnp.where(good & (aim == goal), jnp.maximum(step, walk.step), step)
    moved = walk._replace(at=aim, here=here, slopes=slopes)
    walk = select(good, moved, walk)._replace(step=step, tries=walk.tries + 1)
    arrives = good & (aim == end)
    if walk.here.apart is None:
        return walk._replace(end=select(arrives, walk.here, walk.end))
    bad = distance(flow, end, walk.here) > way.tolerance
    again = arrives & bad & (walk.tolerance > _finest(way))
    change = jnp.abs(flow.density(walk.at, walk.here.fine) - flow.density(end, walk.end.fine))
    walk = walk._replace(moved=jnp.where(walk.at > end, jnp.maximum(walk.moved, change), walk.moved))
    passes = walk._replace(end=walk.here, here=_joined(walk.here), slopes=(walk.slopes[0], walk.slopes[0]))
    return select(again, _restarted(way, walk), select(arrives, passes, walk))


def distance(flow: Flow, u: Float[Array, ""], there: Solution) -> Float[Array, ""]:
    """Bound of the error at a place by the distance of the two solutions, integral and state apart.

    The two parts may cancel in the distance of the log-densities without doing so in the error; their sum cannot.
    """
    assert there.apart is not None  # the error is asked for
    pull = jax.grad(lambda y: flow.assumed(u, y))(flow.split(there.fine)[0])
    state, integrals = flow.split(there.apart)
    return SHARE * (jnp.mean(integrals) + length_of(pull.reshape(-1)) * length_of(state.reshape(-1)))


def evaluations(walk: Walk) -> Int[Array, ""]:
    """Evaluations of the field, the one at the start included."""
    return 1 + PRECISE.evaluations * (2 if walk.here.coarse is None else 3) * walk.tries


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


def walked(flow: Flow, way: Way, x: Float[Array, "*shape"], *, paired: bool) -> Walk:
    """The whole way of one row; reverse-mode derivatives go through it."""
    return eqx.internal.while_loop(
        lambda walk: ~way.over(walk),
        lambda walk: advance(flow, way, walk),
        begin(flow, way, x, paired=paired),
        max_steps=MAX_STEPS,
        kind="checkpointed",
    )


def _opening(way: Way) -> Float[Array, ""]:
    """Tolerance of the first try."""
    return jnp.minimum(_OPENING * way.tolerance, LOOSEST).astype(way.places.dtype)


def _finest(way: Way) -> Float[Array, ""]:
    """Tolerance of the last try; below the precision rounding would be taken for error, and steps shrink for nothing."""
    return jnp.maximum(_opening(way) * _FINER**_TIMES_FINER, jnp.finfo(way.places.dtype).eps)


def _first_step(way: Way, tolerance: Float[Array, ""]) -> Float[Array, ""]:
    return _FIRST_STEP * (tolerance / 1e-3) ** 0.2 * (way.places[1] - way.places[0])


def _joined(there: Solution) -> Solution:
    """Both solutions go on from the finer one."""
    return Solution(there.fine, there.fine, jnp.zeros_like(there.fine))


def _restarted(way: Way, walk: Walk) -> Walk:
    z, slope = walk.first
    tolerance = jnp.maximum(walk.tolerance * _FINER, _finest(way))
    fresh = Solution(z, z, jnp.zeros_like(z))
    nothing = jnp.zeros_like(tolerance)
    return Walk(
        way.places[0],
        _first_step(way, tolerance),
        fresh,
        (slope, slope),
        walk.first,
        fresh,
        nothing,
        tolerance,
        walk.tries,
    )


def _pair(
    flow: Flow, walk: Walk, length: Float[Array, ""]
) -> tuple[Solution, tuple[Array, Array | None], Float[Array, ""]]:
    """Two panels from where a row is, and one of their length beside them; and the error in tolerances."""

    def one(carry: tuple[Array, Array], task: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], Panel]:
        state, slope = carry
        s, h, coarse = task
        if here.coarse is not None:
            state = jnp.where(coarse, here.coarse, state)
            slope = jnp.where(coarse, walk.slopes[1], slope)
        done = panel(PRECISE, flow.system, s, h, state, slope)
        return (done.state, done.slope), done

    here, h = walk.here, length / (2 * PRECISE.steps)
    tasks = (
        jnp.stack([walk.at, walk.at + PRECISE.steps * h, walk.at]),
        jnp.stack([h, h, 2 * h]),
        jnp.arange(3) == 2,
    )
    if here.coarse is None:
        tasks = jax.tree.map(lambda leaf: leaf[:2], tasks)
    done = jax.lax.scan(one, (here.fine, walk.slopes[0]), tasks)[1]
    null = jnp.asarray(PRECISE.null, here.fine.dtype)
    of_integrals = jnp.max(jnp.abs(h * (null @ done.rates[:2].reshape(null.shape[1], -1))), axis=0)
    local = jnp.maximum(done.error[0], done.error[1]) + of_integrals
    scale = walk.tolerance * (1 + jnp.maximum(jnp.abs(here.fine), jnp.abs(done.state[1])))
    error = _size(flow, local / scale, walk.tolerance)
    if here.coarse is None:
        return Solution(done.state[1], None, None), (done.slope[1], None), error
    apart = jnp.maximum(here.apart, jnp.abs(done.state[1] - done.state[2]))
    return Solution(done.state[1], done.state[2], apart), (done.slope[1], done.slope[2]), error


def _size(flow: Flow, error: Float[Array, " m"], tolerance: Float[Array, ""]) -> Float[Array, ""]:
    state, integrals = error[: math.prod(flow.shape)], error[math.prod(flow.shape) :]
    least = tolerance / (_STATE_ROUNDINGS * jnp.finfo(state.dtype).eps)
    stricter = jnp.clip(least, 1, PRECISE.strictness)
    size = jnp.maximum(stricter * length_of(state), length_of(integrals) / integrals.size**0.5)
    return jnp.where(jnp.isnan(size), jnp.inf, size)
