"""The flow of one row by one sweep over nodes that are laid out beforehand."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from scorax._types import Scalar
from scorax.likelihood import _nodes
from scorax.likelihood._flow import Flow
from scorax.likelihood._solve import length

_OF_CORRECTIONS = 0.02
"""Share of the largest correction of the state that is left as its error."""


class Sweep(NamedTuple):
    """What one sweep makes of a row.

    Attributes:
        end: flat state at ``t1``.
        first: right-hand side at ``t0``.
        missed: by how much the highest modes of the right-hand side count.
        moved: largest correction of the state on the way.
    """

    end: Float[Array, " m"]
    first: Float[Array, " m"]
    missed: Float[Array, " m"]
    moved: Float[Array, " m"]


class _At(NamedTuple):
    """Where a sweep stands.

    Attributes:
        before: corrected state at the node before.
        state: predicted one at this node.
        past: derivative of the slope at the start, by the number of steps, and the newest slopes.
        first: right-hand side at the start.
        integral: of the right-hand side so far.
        highest: what counts for its highest modes.
        moved: largest correction so far.
    """

    before: Float[Array, " m"]
    state: Float[Array, " m"]
    past: tuple[Float[Array, " m"], ...]
    first: Float[Array, " m"]
    integral: Float[Array, " m"]
    highest: tuple[Float[Array, " m"], ...]
    moved: Float[Array, " m"]


def sweep(flow: Flow, x: Float[Array, "*shape"], level: Int[Array, ""]) -> Sweep:
    r"""One row from ``t0`` to ``t1`` over the nodes of a level.

    At every node the state is predicted by Adams and Bashforth's method and the right-hand side $f$ had there, once. Adams and
    Moulton's method moves the state by $e$, and $f + J e$ is taken for its slope, where the derivative $J$ costs little beside
    the divergence. State and integrals at the end are sums over all nodes by Fejér's rule.
    """
    start, end = flow.way
    z, counts = flow.start(x), jnp.asarray(_nodes.COUNTS)

    def table(values: np.ndarray) -> Array:
        return jnp.asarray(values, z.dtype)

    shares = _nodes.PLACES, _nodes.PACES, _nodes.WEIGHTS, _nodes.HIGHEST
    places, paces, weights, highest = ((end - start) * table(each)[level] for each in shares)
    bend = (end - start) / 2 * (jnp.pi / counts[level].astype(z.dtype)) ** 2

    def node(i: Array, at: _At) -> _At:
        rate, change = flow.node(start + places[i], at.state)
        correct = table(_nodes.CORRECT)[jnp.clip(i - 1, 0, _nodes.PAST - 1)]
        corrected = at.before + _sum(correct, (at.past[0], rate * paces[i], *at.past[1:]))
        moved = jnp.where(i > 0, corrected - at.state, 0)
        rate = rate if change is None else rate + change(moved)
        state = at.state + moved
        past = (jnp.where(i > 0, at.past[0], rate * bend), rate * paces[i], *at.past[1:-1])
        predict = table(_nodes.PREDICT)[jnp.clip(i, 0, _nodes.PAST - 1)]
        return _At(
            before=state,
            state=state + _sum(predict, past),
            past=past,
            first=jnp.where(i > 0, at.first, rate),
            integral=at.integral + weights[i] * rate,
            highest=tuple(one + weight * rate for one, weight in zip(at.highest, highest[i], strict=True)),
            moved=jnp.maximum(at.moved, jnp.abs(moved)),
        )

    zero = jnp.zeros_like(z)
    at = _At(z, z, (zero,) * (1 + _nodes.PAST), zero, zero, (zero,) * highest.shape[-1], zero)
    at = jax.lax.fori_loop(0, counts[level], node, at)
    missed = jnp.max(jnp.abs(jnp.stack(at.highest)), axis=0)
    return Sweep(z + at.integral, at.first, missed, at.moved)


def _sum(weights: Float[Array, " n"], parts: tuple[Float[Array, " m"], ...]) -> Float[Array, " m"]:
    """Weighted sum, element by element: the rounding of a product of matrices may depend on the place of a row."""
    return sum(
        (weight * part for weight, part in zip(weights[1:], parts[1:], strict=True)), start=weights[0] * parts[0]
    )


def excess(flow: Flow, swept: Sweep, rtol: Scalar, atol: Scalar) -> Float[Array, ""]:
    """Estimated error of a log-density as a multiple of what the tolerances allow."""
    y, integrals = flow.split(swept.end)
    value, pull = jax.value_and_grad(flow.assumed_at_end)(y)
    of_state, of_integrals = flow.split(swept.missed)
    moved, _ = flow.split(swept.moved)
    state, corrections, slope = (length(part.reshape(-1)) for part in (of_state, moved, pull))
    error = length(of_integrals) / integrals.size**0.5 + (state + _OF_CORRECTIONS * corrections) * jnp.maximum(slope, 1)
    found = error / (atol + rtol * jnp.abs(value + jnp.mean(integrals)))
    return jnp.where(jnp.isnan(found), jnp.inf, found)
