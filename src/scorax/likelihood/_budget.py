"""A log-density with what it may be wrong by: the trace, the solve and rounding, the law at the end, and the cut-off."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax.likelihood._flow import Flow
from scorax.likelihood._quadrature import PRECISE
from scorax.likelihood._result import LogProb
from scorax.likelihood._steps import Walk, Way, distance

_LEFT = 1.1
"""Factor from the largest change of the density up to ``BEYOND`` to the bound: a small mismatch of either sign is left there."""

_LARGEST = 1.0
"""Nats: a solve that may be wrong by more has not converged."""

_ROUNDINGS = 8.0
"""Rounding of a sum along a solve, in units of the precision times its terms."""


def budgeted(flow: Flow, way: Way, x: Float[Array, "*shape"], walk: Walk) -> LogProb:
    """The log-density of a row and its errors from what it has met on its way."""
    y, integrals = flow.split(walk.end.fine)
    assumed = flow.assumed(way.places[1], y)
    trace = flow.divergence.combine(integrals, flow.drawn, flow.ends, flow.model)
    of_solver = of_end = gap = jnp.full((), jnp.nan, x.dtype)
    if walk.end.apart is not None:
        gap, sensitivity = near_data(flow, x)
        rounding = rounding_error(jnp.abs(assumed) + jnp.abs(trace.value), sensitivity)
        of_solver = distance(flow, way.places[1], walk.end) + rounding
        of_end = terminal_error(flow, walk)
    found = LogProb(
        value=assumed + trace.value,
        trace_error=trace.error,
        solver_error=of_solver,
        terminal_error=of_end,
        truncation=gap,
        evaluations=1 + PRECISE.evaluations * (2 if walk.here.coarse is None else 3) * walk.tried,
        converged=walk.at >= way.places[2],
        probes=jnp.asarray(flow.divergence.num_probes),
    )
    return judged(found)


def judged(found: LogProb) -> LogProb:
    """NaN with infinite bounds where the solve did not end; not converged there, nor where the error may exceed one nat."""
    value, error = jnp.asarray(found.value), jnp.asarray(found.solver_error)
    done = found.converged & jnp.isfinite(value)
    return found._replace(
        value=jnp.where(done, value, jnp.nan),
        solver_error=jnp.where(done, error, jnp.inf),
        terminal_error=jnp.where(done, jnp.asarray(found.terminal_error), jnp.inf),
        converged=done & ~(error > _LARGEST),
    )


def terminal_error(flow: Flow, walk: Walk) -> Float[Array, ""]:
    r"""Bound of the mismatch at ``t1``, which falls with $\alpha / \sigma$ at least, by how the log-density changes beyond it."""
    return _LEFT * walk.moved + distance(flow, flow.places[2], walk.here)


def near_data(flow: Flow, x: Float[Array, "*shape"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    r"""$-\tfrac12 \sigma_0^2 (\nabla\!\cdot s + |s|^2)$, and $\sum_i |x_i s_i|$: what a relative change of one in every
    coordinate does to the log-density, to first order.

    In the predicted noise $n = -\sigma s$ the first is $-\tfrac12 (|n|^2 - \sigma_0 \nabla\!\cdot n)$: nothing is divided.
    """
    level = flow.ends.start_level
    assert level is not None  # the process is Gaussian
    value, divergence = flow.noise_at_start(x)
    return -0.5 * (jnp.sum(value**2) - level.sigma * divergence), jnp.sum(jnp.abs(x * value)) / level.sigma


def rounding_error(terms: Float[Array, ""], sensitivity: Float[Array, ""]) -> Float[Array, ""]:
    """What rounding does: to a sum of terms of this size along a solve, and to the row itself."""
    return jnp.finfo(terms.dtype).eps * (_ROUNDINGS * terms + sensitivity)
