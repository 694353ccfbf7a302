"""Panels: Runge-Kutta steps of a state, and integrals along it by Gauss's rule."""

from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scorax.likelihood._quadrature import Rule


@runtime_checkable
class System(Protocol):
    """A right-hand side, for a state with integrals after it on which nothing depends."""

    def state(self, s: Float[Array, ""], z: Float[Array, " m"], /) -> Float[Array, " m"]:
        """Slope of the state; zero for the integrals."""
        ...

    def both(self, s: Float[Array, ""], z: Float[Array, " m"], /) -> tuple[Float[Array, " m"], Float[Array, " m"]]:
        """That, and the rates of the integrals, the costly part; zero for the state."""
        ...


class Panel(NamedTuple):
    """What the steps of a panel make of a state: that at the end, the slope there, the larger of the error estimates of the
    steps, zero for the integrals, and the rates of the integrals at the nodes."""

    state: Float[Array, " m"]
    slope: Float[Array, " m"]
    error: Float[Array, " m"]
    rates: Float[Array, "nodes m"]


def panel(
    rule: Rule,
    system: System,
    s: Float[Array, ""],
    h: Float[Array, ""],
    z: Float[Array, " m"],
    slope: Float[Array, " m"],
) -> Panel:
    """The panel that starts at ``(s, z)``, where the slope is known, with steps ``h``; its integrals by Gauss's rule.

    A divergence may cost as much as d evaluations of the field; a sum over the stages takes ten of them for two steps.
    Stages and nodes run in loops: one copy of each part of the system to compile.
    """

    def table(values: np.ndarray) -> Array:
        return jnp.asarray(values, z.dtype)

    def stage(slopes: Array, number: tuple[Array, Array, Array]) -> tuple[Array, None]:
        i, time, weights = number
        new = system.state(s + time * h, z + h * (slopes @ weights))
        return jax.lax.dynamic_update_slice(slopes, new[:, None], (jnp.zeros_like(i), i)), None

    def node(carry: None, place: tuple[Array, Array]) -> tuple[None, Array]:
        return carry, system.both(*place)[1]

    count = len(rule.times)
    # Stages come last: mapped over rows, their sums are then products of matrices without a transposition.
    slopes = jnp.zeros((z.size, 1 + count), z.dtype).at[:, 0].set(slope)
    numbers = jnp.arange(1, 1 + count, dtype=jnp.uint32), table(rule.times), table(rule.stages)
    slopes = jax.lax.scan(stage, slopes, numbers)[0]
    moved = h * (slopes @ table(np.concatenate([rule.interpolation, rule.errors, rule.stages[-1:]])).T)
    inside, errors, along = jnp.split(moved, np.cumsum([len(rule.nodes), rule.steps]), axis=1)
    places, weights = (s + table(rule.nodes) * h, (z[:, None] + inside).T), h * table(rule.weights)
    rates = jax.lax.scan(node, None, places)[1]
    error = jnp.max(jnp.abs(errors), axis=1)
    return Panel(state=z + along[:, 0] + weights @ rates, slope=slopes[:, -1], error=error, rates=rates)
