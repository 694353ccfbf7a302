"""Exact log-likelihood by integrating the divergence along the deterministic flow, with its error budget."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int, PyTree

from scorax._digest import row_digest
from scorax._errors import explain
from scorax._trees import cast, joined, require_conditions, rows_at
from scorax._types import Condition, Key, Scalar
from scorax.likelihood._budget import near_data, rounding_error, terminal_error
from scorax.likelihood._choose_divergence import default_divergence
from scorax.likelihood._divergences import AbstractDivergence, ExactDivergence
from scorax.likelihood._flow import Flow
from scorax.likelihood._general import general_row
from scorax.likelihood._lanes import LANES, in_blocks, in_lanes
from scorax.likelihood._result import LogProb
from scorax.likelihood._steps import Walk, Way, advance, begin, distance, evaluations, walked, way_of
from scorax.models import AbstractDenoiser, AbstractScoreModel, FlowEnds, flow_ends, without_clock
from scorax.networks import check_conditions

PRODUCTS = "highest"
"""Precision of matrix products in log-densities. An accelerator may multiply float32 with ten bits, of which no error here
knows."""

_LARGEST_ERROR = 1.0
"""Nats: a solve that may be wrong by more has not converged."""


class _Settings(eqx.Module):
    """What all rows of a call share."""

    divergence: AbstractDivergence
    ends: FlowEnds
    tolerance: Float[Array, ""]
    estimate_error: bool
    key: Key | None


def default_tolerance(dtype: jnp.dtype) -> float:
    """Nats of a log-density that are asked for where nobody says: what the precision gives at little cost."""
    return 1e-6 if dtype == jnp.float64 else 1e-4


def row_log_prob(
    model: AbstractScoreModel,
    x: Float[Array, "*shape"],
    condition: Condition = None,
    *,
    divergence: AbstractDivergence | None = None,
    ends: FlowEnds | None = None,
    tolerance: Scalar | None = None,
    estimate_error: bool = True,
    key: Key | None = None,
) -> LogProb:
    r"""Log-density of one row with its errors: traceable (``jit``, ``vmap``, reverse-mode ``grad`` in the row and the model).

    With the flow $dy/da = v(a, y)$ of the denoiser that a score of a Gaussian process is, $y = x / R$, and its angles
    $a_0 < a_1$,

    $$ \log p_{t_0}(x) = \log p_{t_1}(R_1 y_{a_1}) + d \log R_1 - d \log R_0 + \int_{a_0}^{a_1} \nabla\!\cdot v \, da. $$

    The state is solved by Runge-Kutta steps of order 5, and of every two of them the integral takes four divergences, by Gauss's
    rule along the interpolated state. Under other processes Diffrax solves the probability flow in the clock. The errors:

    - ``trace_error``: standard error over probes, where the divergence is estimated;
    - ``solver_error``: the same mesh is solved with steps twice as long, and a share of the distances in the integral and,
      through the gradient at ``t1``, in the state is taken; plus what rounding does to a sum of such terms and, through the
      score, to the row itself. A row for which that is above the tolerance is solved again by steps of half the length, twice at
      most: the tolerance is met, or the error stated is larger;
    - ``terminal_error``: the flow goes on beyond ``t1``, to sixteen times its noise, and the change of the log-density is taken
      for the mismatch of the law assumed at ``t1``, which falls at least as one over the noise;
    - ``truncation``: $-\tfrac12 \sigma_0^2 (\nabla\!\cdot s + |s|^2)$ at ``t0``, from the heat equation.

    Args:
        model: any score model of a process with a law at ``t1``.
        x: state at ``t0``.
        condition: what the network is told.
        divergence: how the divergence is had; exactly where it is ``None``.
        ends: ends of the flow where they are known already.
        tolerance: wanted error of the solve, in nats of the log-density. By default 1e-6 in float64 and 1e-4 in float32.
        estimate_error: whether to pay for the errors, about half as much again. Without them a row is solved once, so that it
            may have another value where the first solve does not meet the tolerance.
        key: of the probes, where there are any.

    Raises:
        ValueError: the divergence is random and there is no key.

    Reference: Song et al. (2021), appendix D.2; Chen et al. (2018), *Neural ODEs*, theorem 1; Dormand and Prince (1980), *A
    family of embedded Runge-Kutta formulae*, for the steps.
    """
    divergence = ExactDivergence() if divergence is None else divergence
    ends = flow_ends(model, x.dtype) if ends is None else ends
    return _row(without_clock(model), x, condition, None, _settings(divergence, ends, tolerance, estimate_error), key)


def log_prob(
    model: AbstractScoreModel,
    x: Float[Array, "n *shape"] | Float[np.ndarray, "n *shape"],
    condition: Condition = None,
    *,
    conditions: PyTree = None,
    divergence: AbstractDivergence | None = None,
    tolerance: float | None = None,
    estimate_error: bool = True,
    key: Key | None = None,
) -> LogProb:
    """Log-densities of many rows, in a compiled program for any number of them; see :func:`row_log_prob`.

    The precision is that of ``x``: pass float64 inside ``jax.enable_x64(True)`` for the smallest errors. The same law as the
    samplers draw from: stopped at ``t0``, no denoising step. A row's answer is the same alone and in any batch; its probes,
    if any, follow from the key and its content. The network is told ``condition`` of every row, or of each its own row of
    ``conditions``, a PyTree of arrays.

    The divergence is exact up to ``EXACT_UP_TO`` coordinates unless ``divergence`` says otherwise, and the outcome of
    :func:`choose_divergence` beyond; ``probes`` of the answer says which it was. For many calls, choose once and pass it.

    Raises:
        TypeError: the process has no law at ``t1`` (``Clean``, a general SDE without a prior), or ``x`` is not floating-point.
        ValueError: there are conditions of both kinds, for another number of rows or unknown to the network's embedder; or
            the divergence is random, or to be chosen, and there is no key.
    """
    x = jnp.asarray(x)
    require_conditions(condition, conditions, len(x))
    check_conditions(model, condition if conditions is None else conditions)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(explain(expected="floating-point rows", got=str(x.dtype), do="convert them first"))
    if divergence is None:
        divergence = default_divergence(model, x.shape[1:], condition, key=key, traced=isinstance(x, Tracer))
    settings = _settings(divergence, flow_ends(model, x.dtype), tolerance, estimate_error, key)
    bare = without_clock(model)
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((model, x, condition, conditions, settings))):
        return jax.vmap(lambda row, own: _row(bare, row, condition, own, settings, _key(settings, row)))(x, conditions)
    if len(x) == 0:
        real, count = jnp.zeros(0, x.dtype), jnp.zeros(0, int)
        return LogProb(real, real, real, real, real, count, jnp.zeros(0, bool), count)
    rows, parts = np.asarray(x), []  # on the device, cutting and padding would be compiled
    size = _rows_of_a_call(math.prod(x.shape[1:]))
    for first in range(0, len(rows), size):
        block, told = rows_at((rows, conditions), np.minimum(first + np.arange(size), len(rows) - 1))
        parts.append(_call(bare, block, condition, told, jnp.asarray(min(size, len(rows) - first)), settings))
    return joined(parts, len(rows))


def _rows_of_a_call(dimension: int) -> int:
    """Rows that one compiled call takes, padded to; it solves no more than are meant."""
    return LANES * max(1, min(16, 2**20 // (LANES * dimension)))


def _settings(
    divergence: AbstractDivergence,
    ends: FlowEnds,
    tolerance: Scalar | None,
    estimate_error: bool,
    key: Key | None = None,
) -> _Settings:
    dtype = ends.start.dtype
    wanted = jnp.asarray(default_tolerance(dtype) if tolerance is None else tolerance, dtype)
    # With and without a key an exact divergence is one program.
    return _Settings(divergence, ends, wanted, estimate_error, key if divergence.random else None)


def _key(settings: _Settings, row: Float[Array, "*shape"]) -> Key | None:
    return None if settings.key is None else jax.random.fold_in(settings.key, row_digest(row))


@jax.default_matmul_precision(PRODUCTS)
def _row(
    model: AbstractScoreModel,
    x: Float[Array, "*shape"],
    condition: Condition,
    own: Condition,
    settings: _Settings,
    key: Key | None,
) -> LogProb:
    """One row under a transformation of JAX, which the loop over lanes would not survive."""
    told, paired = condition if own is None else own, settings.estimate_error
    model = cast(model, x.dtype)
    drawn = settings.divergence.draw(model.free, x.shape, x.dtype, key=key)
    if settings.ends.start_level is None:
        return _general(model, x, told, drawn, settings)
    flow = _flow(model, told, x.shape, drawn, settings)
    way = way_of(flow, settings.tolerance, paired=paired)
    return _answer(flow, way, x, walked(flow, way, x, paired=paired))


@eqx.filter_jit
@jax.default_matmul_precision(PRODUCTS)
def _call(
    model: AbstractScoreModel,
    x: Float[Array, "rows *shape"] | Float[np.ndarray, "rows *shape"],
    condition: Condition,
    conditions: PyTree,
    count: Int[Array, ""],
    settings: _Settings,
) -> LogProb:
    x = jnp.asarray(x)
    model, shape, paired = cast(model, x.dtype), x.shape[1:], settings.estimate_error

    def draw(row: Float[Array, "*shape"]) -> PyTree:
        return settings.divergence.draw(model.free, shape, row.dtype, key=_key(settings, row))

    rows = (x, conditions, in_blocks(draw, (x,), count))
    if settings.ends.start_level is None:
        return in_blocks(
            lambda row, own, drawn: _general(model, row, condition if own is None else own, drawn, settings),
            rows,
            count,
        )

    def flow_of(own: Condition, drawn: PyTree) -> Flow:
        return _flow(model, condition if own is None else own, shape, drawn, settings)

    way = way_of(flow_of(*jax.tree.map(lambda leaf: leaf[0], rows[1:])), settings.tolerance, paired=paired)
    walks = in_lanes(
        lambda row, *facts: begin(flow_of(*facts), way, row, paired=paired),
        lambda walk, row, *facts: advance(flow_of(*facts), way, walk),
        way.over,
        rows,
        count,
    )
    return in_blocks(lambda row, *facts: _answer(flow_of(*facts[:-1]), way, row, facts[-1]), (*rows, walks), count)


def _flow(
    model: AbstractScoreModel, told: Condition, shape: tuple[int, ...], drawn: PyTree, settings: _Settings
) -> Flow:
    assert isinstance(model, AbstractDenoiser)  # as `without_clock` makes every score of a Gaussian process
    return Flow(model, told, settings.ends, shape, settings.divergence, drawn)


def _general(
    model: AbstractScoreModel, x: Float[Array, "*shape"], told: Condition, drawn: PyTree, settings: _Settings
) -> LogProb:
    found = general_row(
        model, x, told, settings.ends, settings.divergence, drawn, settings.tolerance, estimate_error=settings.estimate_error
    )
    return _judged(found)


def _answer(flow: Flow, way: Way, x: Float[Array, "*shape"], walk: Walk) -> LogProb:
    """The log-density and its errors from what a row has met."""
    y, integrals = flow.split(walk.end.fine)
    assumed = flow.assumed(way.places[1], y)
    trace = flow.divergence.combine(integrals, flow.drawn, flow.ends, flow.model)
    of_solver = of_end = gap = jnp.full((), jnp.nan, x.dtype)
    if walk.end.apart is not None:
        near = near_data(flow, x)
        rounding = rounding_error(jnp.abs(assumed) + jnp.abs(trace.value), near.sensitivity)
        of_solver, gap = distance(flow, way.places[1], walk.end) + rounding, near.truncation
        of_end = terminal_error(flow, walk)
    return _judged(
        LogProb(
            value=assumed + trace.value,
            trace_error=trace.error,
            solver_error=of_solver,
            terminal_error=of_end,
            truncation=gap,
            evaluations=evaluations(walk),
            converged=walk.at >= way.places[2],
            probes=jnp.asarray(flow.divergence.num_probes),
        )
    )


def _judged(found: LogProb) -> LogProb:
    """Without a value and a bound where the solve is not done; with them, but not converged, where it may be far off."""
    value, error = jnp.asarray(found.value), jnp.asarray(found.solver_error)
    done = found.converged & jnp.isfinite(value)
    return found._replace(
        value=jnp.where(done, value, jnp.nan),
        solver_error=jnp.where(done, error, jnp.inf),
        converged=done & ~(error > _LARGEST_ERROR),
    )
