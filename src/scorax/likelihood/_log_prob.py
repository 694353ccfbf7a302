"""Exact log-likelihood by integrating the divergence along the deterministic flow, with its error budget."""

import math
from dataclasses import replace
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
from scorax.likelihood._budget import near_data, rounding_error, solver_error, terminal_error
from scorax.likelihood._choose_divergence import default_divergence
from scorax.likelihood._divergences import AbstractDivergence, ExactDivergence
from scorax.likelihood._flow import Flow
from scorax.likelihood._methods import Method, Nodes, nodes_for, steps_for
from scorax.likelihood._passes import sweep_all
from scorax.likelihood._queue import LANES, in_blocks, solve_all
from scorax.likelihood._result import LogProb
from scorax.likelihood._rules import PRECISE
from scorax.likelihood._solve import Solve, solve
from scorax.models import AbstractScoreModel, FlowEnds, flow_ends, without_clock
from scorax.networks import check_conditions

PRODUCTS = "highest"
"""Precision of matrix products in log-densities. An accelerator may multiply float32 with ten bits, of which no error here
knows."""


def row_log_prob(
    model: AbstractScoreModel,
    x: Float[Array, "*shape"],
    condition: Condition = None,
    *,
    divergence: AbstractDivergence | None = None,
    ends: FlowEnds | None = None,
    rtol: Scalar = 1e-6,
    atol: Scalar = 1e-6,
    max_steps: int = 4096,
    estimate_error: bool = True,
    key: Key | None = None,
) -> LogProb:
    r"""Log-density of one row with its errors: traceable (``jit``, ``vmap``, reverse-mode ``grad`` in the row and the model).

    With the flow $dy/da = v(a, y)$ of a denoiser, $y = x / R$, and its angles $a_0 < a_1$,

    $$ \log p_{t_0}(x) = \log p_{t_1}(R_1 y_{a_1}) + d \log R_1 - d \log R_0 + \int_{a_0}^{a_1} \nabla\!\cdot v \, da. $$

    The state is solved by Runge-Kutta steps of order 5, and of every two of them the integral takes four divergences, by Gauss's
    rule along the interpolated state. Scores that are no denoisers are solved in the clock of their process. The errors:

    - ``trace_error``: standard error over probes, where the divergence is estimated;
    - ``solver_error``: the same mesh is solved with steps twice as long, and a share of the distances in the integral and,
      through the gradient at ``t1``, in the state is taken; plus what rounding does to a sum of such terms and, through the
      score, to the row itself;
    - ``terminal_error``: the law assumed at ``t1`` is assumed where the noise is a half and a quarter of that, too; a mismatch
      falls with the noise at least as its cube, so the change between those places bounds what is left at ``t1``;
    - ``truncation``: $-\tfrac12 \sigma_0^2 (\nabla\!\cdot s + |s|^2)$ at ``t0``, from the heat equation.

    Args:
        model: any score model of a process with a law at ``t1``.
        x: state at ``t0``.
        condition: what the network is told.
        divergence: how the divergence is had; exactly where it is ``None``.
        ends: ends of the flow where they are known already.
        rtol: relative tolerance of two panels.
        atol: absolute tolerance of them, for the log-density in nats. The state is solved thirty times as strictly as both say,
            as far as the precision allows.
        max_steps: pairs of panels after which a solve counts as failed; its value is NaN.
        estimate_error: whether to pay for the errors of solver and end, about half as much again; the value is the same.
        key: of the probes, where there are any.

    Raises:
        ValueError: the divergence is random and there is no key.

    Reference: Song et al. (2021), appendix D.2; Chen et al. (2018), *Neural ODEs*, theorem 1; Dormand and Prince (1980), *A
    family of embedded Runge-Kutta formulae*, for the steps.
    """
    divergence = ExactDivergence() if divergence is None else divergence
    settings = _Settings(
        divergence=divergence,
        ends=flow_ends(model, x.dtype) if ends is None else ends,
        method=steps_for(model, rtol, atol),
        rtol=jnp.asarray(rtol, x.dtype),
        atol=jnp.asarray(atol, x.dtype),
        max_steps=max_steps,
        estimate_error=estimate_error,
        key=None,
    )
    return _one(model, x, condition, settings, key)


def _answer(flow: Flow, x: Float[Array, "*shape"], solved: Solve, estimate_error: bool) -> LogProb:
    """The log-density and its errors from the ends of the solve."""
    (y, integrals), evaluations = flow.split(solved.end), solved.evaluations
    assumed = flow.assumed_at_end(y)
    trace = flow.divergence.combine(integrals, flow.drawn, flow.ends, flow.model)
    of_solver = of_end = gap = jnp.full((), jnp.nan, x.dtype)
    if estimate_error:
        near = near_data(flow, x, solved)
        rounding = rounding_error(jnp.abs(assumed) + jnp.abs(trace.value), near.sensitivity)
        of_solver, gap = solver_error(flow, solved) + rounding, near.truncation
        of_end = terminal_error(flow, solved)
        # Two panels back from the end; one at t0, or of the slope at t1 after a sweep, which knows the other end.
        evaluations = evaluations + 2 * PRECISE.evaluations + 1
    return LogProb(
        value=jnp.where(solved.converged, assumed + trace.value, jnp.nan),
        trace_error=trace.error,
        solver_error=of_solver,
        terminal_error=of_end,
        truncation=gap,
        evaluations=evaluations,
        converged=solved.converged,
        probes=jnp.asarray(flow.divergence.num_probes),
    )


def log_prob(
    model: AbstractScoreModel,
    x: Float[Array, "n *shape"] | Float[np.ndarray, "n *shape"],
    condition: Condition = None,
    *,
    conditions: PyTree = None,
    divergence: AbstractDivergence | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-6,
    max_steps: int = 4096,
    estimate_error: bool = True,
    key: Key | None = None,
) -> LogProb:
    """Log-densities of many rows, in a compiled program for any number of them; see :func:`row_log_prob`.

    The precision is that of ``x``: pass float64 inside ``jax.enable_x64(True)`` for the smallest errors. The same law as the
    samplers draw from: stopped at ``t0``, no denoising step. A row's answer is the same alone and in any batch; its probes,
    if any, follow from the key and its content. At loose tolerances, where a divergence takes few products, rows are swept over
    nodes that are laid out beforehand, which is quicker; those tolerances are of the log-density itself. Rows for which 256
    nodes do not suffice, and traced ones, go by the steps of :func:`row_log_prob`, which ``max_steps`` limits. The network is
    told ``condition`` of every row, or of each its own row of ``conditions``, a PyTree of arrays.

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
    settings = _Settings(
        divergence=divergence,
        ends=flow_ends(model, x.dtype),
        method=steps_for(model, rtol, atol),
        rtol=jnp.asarray(rtol, x.dtype),
        atol=jnp.asarray(atol, x.dtype),
        max_steps=max_steps,
        estimate_error=estimate_error,
        key=key if divergence.random else None,  # with and without one, an exact divergence is one program
    )
    bare = without_clock(model)
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((model, x, condition, conditions, settings))):
        return jax.vmap(lambda row, own: _row(bare, row, condition, own, settings))(x, conditions)
    if len(x) == 0:
        real, count = jnp.zeros(0, x.dtype), jnp.zeros(0, int)
        return LogProb(real, real, real, real, real, count, jnp.zeros(0, bool), count)
    rows = np.asarray(x)  # on the device, cutting and padding would be compiled
    nodes = nodes_for(model, divergence, x.shape[1:], rtol, atol)
    if nodes is None:
        return _in_calls(bare, rows, condition, conditions, settings)
    answer = _in_calls(bare, rows, condition, conditions, replace(settings, method=nodes))
    left = np.flatnonzero(~np.asarray(answer.converged))
    if len(left) == 0:
        return answer
    slow = _in_calls(
        bare, rows[left], condition, jax.tree.map(lambda leaf: np.asarray(leaf)[left], conditions), settings
    )
    slow = slow._replace(evaluations=slow.evaluations + np.asarray(answer.evaluations)[left])
    return jax.tree.map(lambda all_, part: _with_rows(all_, left, part), answer, slow)


def _in_calls(
    model: AbstractScoreModel,
    rows: Float[np.ndarray, "n *shape"],
    condition: Condition,
    conditions: PyTree,
    settings: "_Settings",
) -> LogProb:
    """All rows, as many in a call as one takes."""
    parts, size = [], _rows_of_a_call(math.prod(rows.shape[1:]))
    for first in range(0, len(rows), size):
        places = np.minimum(first + np.arange(size), len(rows) - 1)
        block, told = rows_at((rows, conditions), places)
        parts.append(_call(model, block, condition, told, jnp.asarray(min(size, len(rows) - first)), settings))
    return joined(parts, len(rows))


def _with_rows(all_: Any, places: Int[np.ndarray, " k"], part: Any) -> Array:
    changed = np.array(all_)
    changed[places] = part
    return jnp.asarray(changed)


def _rows_of_a_call(dimension: int) -> int:
    """Rows that one compiled call takes, padded to; it solves no more than are meant."""
    return LANES * max(1, min(16, 2**20 // (LANES * dimension)))


class _Settings(eqx.Module):
    """What all rows of a call share."""

    divergence: AbstractDivergence
    ends: FlowEnds
    method: Method
    rtol: Float[Array, ""]
    atol: Float[Array, ""]
    max_steps: int
    estimate_error: bool
    key: Key | None


def _key(settings: _Settings, row: Float[Array, "*shape"]) -> Key | None:
    return None if settings.key is None else jax.random.fold_in(settings.key, row_digest(row))


def _row(
    model: AbstractScoreModel, row: Float[Array, "*shape"], condition: Condition, own: Condition, settings: _Settings
) -> LogProb:
    """One row under a transformation of JAX, which the loop over lanes would not survive."""
    told = condition if own is None else own
    return _one(cast(model, row.dtype), row, told, settings, _key(settings, row))


@jax.default_matmul_precision(PRODUCTS)
def _one(
    model: AbstractScoreModel, x: Float[Array, "*shape"], condition: Condition, settings: _Settings, key: Key | None
) -> LogProb:
    drawn = settings.divergence.draw(model.free, x.shape, x.dtype, key=key)
    flow = Flow(model, condition, settings.ends, x.shape, settings.divergence, drawn, settings.method)
    tolerances = settings.rtol, settings.atol, settings.max_steps
    solved = solve(flow, x, *tolerances, paired=settings.estimate_error)
    return _answer(flow, x, solved, settings.estimate_error)


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
    model, shape, divergence = cast(model, x.dtype), x.shape[1:], settings.divergence

    def drawn(row: Float[Array, "*shape"]) -> PyTree:
        return divergence.draw(model.free, shape, row.dtype, key=_key(settings, row))

    def flow_of(facts: tuple[Condition, PyTree]) -> Flow:
        own, probes = facts
        return Flow(model, condition if own is None else own, settings.ends, shape, divergence, probes, settings.method)

    def answer(row: Float[Array, "*shape"], facts: tuple[Condition, PyTree], solved: Solve) -> LogProb:
        return _answer(flow_of(facts), row, solved, settings.estimate_error)

    facts = (conditions, in_blocks(drawn, (x,), count))
    tolerances = settings.rtol, settings.atol, settings.max_steps
    if isinstance(settings.method, Nodes):
        opening = settings.method.opening
        solved = sweep_all(flow_of, facts, x, count, *tolerances[:2], opening=opening, paired=settings.estimate_error)
    else:
        solved = solve_all(flow_of, facts, x, count, *tolerances, paired=settings.estimate_error)
    return in_blocks(answer, (x, facts, solved), count)
