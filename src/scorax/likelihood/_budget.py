"""What a log-density may be wrong by, apart from the trace: rounding, the law at the end, and the cut-off."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax.likelihood._flow import Flow
from scorax.likelihood._steps import Walk, distance

_LEFT = 1.1
"""Mismatch at ``t1`` over the change up to ``BEYOND``, where a little is left and may have the other sign."""

_ROUNDINGS = 8.0
"""Rounding of a sum along a solve, in units of the precision times its terms."""


def terminal_error(flow: Flow, walk: Walk) -> Float[Array, ""]:
    r"""Bound of the mismatch at ``t1`` by how the log-density changes if the clock goes on beyond it.

    With infinite noise there is no mismatch, and it falls with $\alpha / \sigma$ at least.
    """
    return _LEFT * walk.moved + distance(flow, flow.places[2], walk.here)


class NearData(NamedTuple):
    """What the score at ``t0`` says.

    Attributes:
        truncation: first-order ``log p_0 - log p_{t0}``.
        sensitivity: what a relative change of one in every coordinate does to the log-density, to first order.
    """

    truncation: Float[Array, ""]
    sensitivity: Float[Array, ""]


def near_data(flow: Flow, x: Float[Array, "*shape"]) -> NearData:
    r"""$-\tfrac12 \sigma_0^2 (\nabla\!\cdot s + |s|^2)$ and $\sum_i |x_i s_i|$.

    In the predicted noise $n = -\sigma s$ the first is $-\tfrac12 (|n|^2 - \sigma_0 \nabla\!\cdot n)$: nothing is divided.
    """
    level = flow.ends.start_level
    assert level is not None  # the process is Gaussian
    value, divergence = flow.noise_at_start(x)
    gap = -0.5 * (jnp.sum(value**2) - level.sigma * divergence)
    return NearData(gap, jnp.sum(jnp.abs(x * value)) / level.sigma)


def rounding_error(terms: Float[Array, ""], sensitivity: Float[Array, ""]) -> Float[Array, ""]:
    """What rounding does: to a sum of terms of this size along a solve, and to the row itself."""
    return jnp.finfo(terms.dtype).eps * (_ROUNDINGS * terms + sensitivity)
