"""Rows under a process without scalar Gaussian kernels: the probability flow in its own clock, by Diffrax."""

from typing import Any

import diffrax
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from scorax._types import Condition, Scalar
from scorax.likelihood._budget import judged, rounding_error
from scorax.likelihood._divergences import AbstractDivergence
from scorax.likelihood._result import LogProb
from scorax.likelihood._steps import MAX_STEPS
from scorax.models import AbstractScoreModel, FlowEnds, probability_flow, terminal_log_density

_FINER = 1 / 100
"""Tolerance of the solve that the answer is from, over that of the one it is judged by."""

_STRICTEST = 16.0
"""Least tolerance in units of the precision."""


def general_row(
    model: AbstractScoreModel,
    x: Float[Array, "*shape"],
    condition: Condition,
    ends: FlowEnds,
    divergence: AbstractDivergence,
    drawn: PyTree,
    tolerance: Scalar,
    *,
    estimate_error: bool,
) -> LogProb:
    """Log-density of one row; ``solver_error`` is the distance to a solve at a hundred times its tolerance.

    The law at ``t1``, the prior of the process or the image of the moments under a linear SDE, is taken as exact.
    """
    field, double = probability_flow(model, condition), x.dtype == jnp.float64

    def rate(t: Any, z: tuple[Array, Array], args: None) -> tuple[Array, Array]:
        value, push = jax.linearize(lambda y: field(jnp.asarray(t, x.dtype), y), z[0])
        return value, divergence(push, z[0], drawn)

    def solved(limit: Array) -> tuple[Array, ...]:
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(rate),
            diffrax.Dopri8() if double else diffrax.Tsit5(),
            ends.start,
            ends.end,
            None,
            (x, jnp.zeros(max(divergence.num_probes, 1), x.dtype)),
            stepsize_controller=diffrax.PIDController(rtol=limit, atol=limit),
            max_steps=MAX_STEPS,
            throw=False,
        )
        assert solution.ys is not None  # the end is saved
        y, integrals = (leaf[-1] for leaf in solution.ys)
        steps, arrived = solution.stats["num_steps"], solution.result == diffrax.RESULTS.successful
        return terminal_log_density(model, None, y), integrals, arrived, steps

    limit = jnp.maximum(jnp.asarray(tolerance, x.dtype), _STRICTEST * jnp.finfo(x.dtype).eps / _FINER)
    assumed, integrals, converged, steps = solved(limit * _FINER)
    trace, error = divergence.combine(integrals, drawn, ends, model), jnp.full((), jnp.nan, x.dtype)
    if estimate_error:
        other, others, arrived, more = solved(limit)
        apart = jnp.abs(assumed - other + jnp.mean(integrals - others))
        pull = jnp.sum(jnp.abs(x * model(ends.start, x, condition)))
        error = apart + rounding_error(jnp.abs(assumed) + jnp.abs(trace.value), pull)
        converged, steps = converged & arrived, steps + more
    found = LogProb(
        value=assumed + trace.value,
        trace_error=trace.error,
        solver_error=error,
        terminal_error=jnp.zeros_like(error) if estimate_error else error,
        truncation=jnp.full((), jnp.nan, x.dtype),
        evaluations=(14 if double else 6) * steps,
        converged=converged,
        probes=jnp.asarray(divergence.num_probes),
    )
    return judged(found)
