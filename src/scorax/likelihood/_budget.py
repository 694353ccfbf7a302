"""What a log-density may be wrong by, apart from the trace: the solve, rounding, the law at the end, and the cut-off."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax.likelihood._flow import Flow
from scorax.likelihood._panel import panels
from scorax.likelihood._solve import Solve
from scorax.processes import Level

_ROUNDINGS = 8.0
"""Rounding of a sum along a solve, in units of the precision times its terms."""

_FADING = 8.0
"""Least factor by which a mismatch falls where the noise doubles: that of the third cumulant, the first not matched."""


def solver_error(flow: Flow, solved: Solve) -> Float[Array, ""]:
    """Bound of the error of the finer solution by its distance to the coarser one, integral and state apart.

    The two parts may cancel in the distance of the log-densities without doing so in the error; their sum cannot.
    """
    assert solved.apart is not None  # asked for by `estimate_error`
    pull = jax.grad(flow.assumed_at_end)(flow.split(solved.end)[0])
    state, integrals = flow.split(solved.apart)
    return flow.method.share * (jnp.mean(integrals) + jnp.linalg.norm(pull) * jnp.linalg.norm(state))


def terminal_error(flow: Flow, solved: Solve) -> Float[Array, ""]:
    """Bound of the mismatch at ``t1`` by how it changes on the last stretch of the way, walked backwards from the end."""
    inner, z, slope = flow.ends.inner, solved.end, solved.slopes[1]
    if inner is None:
        return jnp.full((), jnp.nan, z.dtype)

    def density(z: Float[Array, " m"], radius: Float[Array, ""], level: Level | None) -> Float[Array, ""]:
        y, integrals = flow.split(z)
        return flow.assumed(y, radius, level) + jnp.mean(integrals)

    places = jax.vmap(flow.coordinate)(inner.coordinate, inner.level)
    back = panels(flow.system, flow.way[1], places, z, slope)
    half, quarter = jax.vmap(density)(back.state, inner.radius, inner.level)
    last = density(z, flow.ends.end_radius, flow.ends.end_level)
    return jnp.maximum(jnp.abs(half - last), jnp.abs(quarter - half) / _FADING)


class NearData(NamedTuple):
    """What the score at ``t0`` says.

    Attributes:
        truncation: first-order ``log p_0 - log p_{t0}``.
        sensitivity: what a relative change of one in every coordinate does to the log-density, to first order.
    """

    truncation: Float[Array, ""]
    sensitivity: Float[Array, ""]


def near_data(flow: Flow, x: Float[Array, "*shape"], solved: Solve) -> NearData:
    r"""$-\tfrac12 \sigma_0^2 (\nabla\!\cdot s + |s|^2)$ and $\sum_i |x_i s_i|$; NaN and zero without levels.

    In the predicted noise $n = -\sigma s$ the first is $-\tfrac12 (|n|^2 - \sigma_0 \nabla\!\cdot n)$: nothing is divided.
    """
    level = flow.ends.start_level
    if level is None:
        return NearData(jnp.full((), jnp.nan, x.dtype), jnp.zeros((), x.dtype))
    value, divergence = flow.noise_at_start(x, solved.slopes[0], level)
    gap = -0.5 * (jnp.sum(value**2) - level.sigma * divergence)
    return NearData(gap, jnp.sum(jnp.abs(x * value)) / level.sigma)


def rounding_error(terms: Float[Array, ""], sensitivity: Float[Array, ""]) -> Float[Array, ""]:
    """What rounding does: to a sum of terms of this size along a solve, and to the row itself."""
    return jnp.finfo(terms.dtype).eps * (_ROUNDINGS * terms + sensitivity)
