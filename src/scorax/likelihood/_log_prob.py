"""Exact log-likelihood by integrating the divergence along the deterministic flow, with its error budget."""

import math
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PyTree

from scorax._digest import row_digest
from scorax._errors import explain
from scorax._free import free_dimension, only_free
from scorax._trees import cast, require_conditions, rows_at
from scorax._types import Condition, Key, Scalar
from scorax.likelihood._budget import Flow, near_data, rounding_error, solver_error, terminal_error
from scorax.likelihood._divergences import AbstractDivergence, ExactDivergence
from scorax.likelihood._result import LogProb
from scorax.likelihood._runge_kutta import Pair, PairedRungeKutta, method_for
from scorax.models import AbstractScoreModel, FlowEnds, flow_ends, flow_field, without_clock
from scorax.networks import check_conditions

CHUNK = 64
"""Rows of one compiled chunk. A constant of the library: a row's bits must not depend on its neighbours or their number."""

_FIRST_STEP = 0.02
"""First pair of steps, as a share of the way."""


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

    The integral is solved as one more coordinate under the same error control. Other scores are solved in the clock of their
    process. The errors:

    - ``trace_error``: standard error over probes, where the divergence is estimated;
    - ``solver_error``: the same mesh is solved with steps twice as long, and the distances in the integral and, through the
      gradient at ``t1``, in the state are added and scaled by what the order of the method says; plus what rounding does to a
      sum of such terms and, through the score, to the row itself;
    - ``terminal_error``: the law assumed at ``t1`` is assumed where the noise is a half and a quarter of that, too; a mismatch
      falls with the noise at least as its cube, so the change between those places bounds what is left at ``t1``;
    - ``truncation``: $-\tfrac12 \sigma_0^2 (\nabla\!\cdot s + |s|^2)$ at ``t0``, from the heat equation.

    Args:
        model: any score model of a process with a law at ``t1``.
        x: state at ``t0``.
        condition: what the network is told.
        divergence: how the divergence is had; exactly where it is ``None``.
        ends: ends of the flow where they are known already.
        rtol: relative tolerance of a step.
        atol: absolute tolerance of a step, for the state and for the log-density in nats.
        max_steps: pairs of steps after which a solve counts as failed; its value is NaN.
        estimate_error: whether to pay for the errors of solver and end, about half as much again; the value is the same.
        key: of the probes, where there are any.

    Raises:
        ValueError: the divergence is random and there is no key.

    Reference: Song et al. (2021), appendix D.2; Chen et al. (2018), *Neural ODEs*, theorem 1.
    """
    ends = flow_ends(model, x.dtype) if ends is None else ends
    divergence = ExactDivergence() if divergence is None else divergence
    drawn = divergence.draw(model.free, x.shape, x.dtype, key=key)
    field = flow_field(model, condition)

    def rate(s: Float[Array, ""], z: Float[Array, " m"]) -> Float[Array, " m"]:
        value, traces = divergence(field, s, z[: x.size].reshape(x.shape), drawn, model.free)
        return jnp.concatenate([only_free(model.free, value).reshape(-1), traces])

    flow = Flow(model, condition, ends, x.shape, free_dimension(model.free, x.shape), rate)
    method = method_for(x.dtype)
    start = jnp.concatenate([(x / ends.start_radius).reshape(-1), jnp.zeros(max(divergence.num_probes, 1), x.dtype)])
    solution = _solve(flow, start, rtol, atol, max_steps, estimate_error)
    assert solution.ys is not None  # the default saves the end
    end = jax.tree.map(lambda leaf: leaf[-1], solution.ys)
    converged = solution.result == diffrax.RESULTS.successful
    y, integrals = flow.split(end.fine)
    assumed, trace = flow.assumed_at_end(y), divergence.combine(integrals, drawn, ends, model)
    evaluations = 1 + method.evaluations * (3 if estimate_error else 2) * solution.stats["num_steps"]
    unknown = jnp.full((), jnp.nan, x.dtype)
    of_solver, of_end, gap = unknown, unknown, unknown
    if estimate_error:
        near = near_data(flow, divergence, drawn, x)
        rounding = rounding_error(jnp.abs(assumed) + jnp.abs(trace.value), near.sensitivity)
        of_solver, gap = solver_error(flow, method, end) + rounding, near.truncation
        of_end = terminal_error(flow, method, end.fine)
        evaluations = evaluations + 2 + 2 * method.evaluations
    return LogProb(
        value=jnp.where(converged, assumed + trace.value, jnp.nan),
        trace_error=trace.error,
        solver_error=of_solver,
        terminal_error=of_end,
        truncation=gap,
        evaluations=evaluations,
        converged=converged,
        probes=jnp.asarray(divergence.num_probes),
    )


def _solve(
    flow: Flow, start: Float[Array, " m"], rtol: Scalar, atol: Scalar, max_steps: int, paired: bool
) -> diffrax.Solution:
    """The flow from ``t0`` to ``t1`` as a share of the way: its clock is known to the compiler, so nothing is checked at run
    time, which would keep the program out of the compilation cache."""
    size, length = math.prod(flow.shape), flow.ends.end - flow.ends.start

    def norm(error: Pair) -> Array:
        state, integrals = error.fine[:size], error.fine[size:]
        return jnp.maximum(*(jnp.sqrt(jnp.mean(part**2)) for part in (state, integrals)))

    def rate(share: Any, z: Float[Array, " m"]) -> Float[Array, " m"]:
        return length * flow.rate(flow.ends.start + length * share, z)

    def both(share: Any, pair: Pair, args: None) -> Pair:
        return Pair(rate(share, pair.fine), None if pair.coarse is None else rate(share, pair.coarse))

    return diffrax.diffeqsolve(
        diffrax.ODETerm(both),
        PairedRungeKutta(method_for(start.dtype)),
        0.0,
        1.0,
        _FIRST_STEP,
        Pair(start, start if paired else None),
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol, norm=norm),
        max_steps=max_steps,
        throw=False,
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
    """Log-densities of many rows, in one compiled chunk of fixed size; see :func:`row_log_prob`.

    The precision is that of ``x``: pass float64 inside ``jax.enable_x64(True)`` for the smallest errors. The same law as the
    samplers draw from: stopped at ``t0``, no denoising step. A row's answer is the same alone and in any batch; its probes,
    if any, follow from the key and its content. The network is told ``condition`` of every row, or of each its own row of
    ``conditions``, a PyTree of arrays.

    Raises:
        TypeError: the process has no law at ``t1`` (``Clean``, a general SDE without a prior), or ``x`` is not floating-point.
        ValueError: there are conditions of both kinds, for another number of rows or unknown to the network's embedder; or
            the divergence is random and there is no key.
    """
    x = jnp.asarray(x)
    require_conditions(condition, conditions, len(x))
    check_conditions(model, condition if conditions is None else conditions)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(explain(expected="floating-point rows", got=str(x.dtype), do="convert them first"))
    settings = _Settings(
        divergence=ExactDivergence() if divergence is None else divergence,
        ends=flow_ends(model, x.dtype),
        rtol=jnp.asarray(rtol, x.dtype),
        atol=jnp.asarray(atol, x.dtype),
        max_steps=max_steps,
        estimate_error=estimate_error,
        key=key,
    )
    bare = without_clock(model)
    rows: Any = x if isinstance(x, Tracer) else np.asarray(x)  # on the device, cutting and padding would be compiled
    if len(x) == 0:
        real, count = jnp.zeros(0, x.dtype), jnp.zeros(0, int)
        return LogProb(real, real, real, real, real, count, jnp.zeros(0, bool), count)
    parts = []
    for first in range(0, len(x), CHUNK):
        places = np.minimum(first + np.arange(CHUNK), len(x) - 1)
        block, told = rows_at((rows, conditions), places)
        parts.append(_chunk(bare, block, condition, told, settings))
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves)[: len(x)], *parts)


class _Settings(eqx.Module):
    """What all rows of a call share."""

    divergence: AbstractDivergence
    ends: FlowEnds
    rtol: Float[Array, ""]
    atol: Float[Array, ""]
    max_steps: int
    estimate_error: bool
    key: Key | None


@eqx.filter_jit
def _chunk(
    model: AbstractScoreModel,
    x: Float[Array, "chunk *shape"],
    condition: Condition,
    conditions: PyTree,
    settings: _Settings,
) -> LogProb:
    model = cast(model, x.dtype)

    def one(row: Float[Array, "*shape"], own: Condition) -> LogProb:
        return row_log_prob(
            model,
            row,
            condition if own is None else own,
            divergence=settings.divergence,
            ends=settings.ends,
            rtol=settings.rtol,
            atol=settings.atol,
            max_steps=settings.max_steps,
            estimate_error=settings.estimate_error,
            key=None if settings.key is None else jax.random.fold_in(settings.key, row_digest(row)),
        )

    return jax.vmap(one)(x, conditions)
