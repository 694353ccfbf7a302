"""The flow of one row as a flat system, and the coordinate it is solved over."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from scorax._divergence import Push
from scorax._free import free_dimension, only_free
from scorax._types import Condition
from scorax.likelihood._divergences import AbstractDivergence
from scorax.likelihood._methods import Method, Nodes
from scorax.likelihood._panel import System
from scorax.models import (
    AbstractDenoiser,
    AbstractScoreModel,
    FlowEnds,
    flow_field,
    terminal_log_density,
)
from scorax.processes import Level


@dataclass(frozen=True)
class Flow:
    r"""The flow of one row as a flat system: the state, then one integral of the divergence for each probe.

    By steps that of an exact denoiser is solved over the angle $a$, and that of a network over
    $s = \operatorname{asinh}(\sigma / \alpha)$, for which $da/ds = \cos a$: low in noise that is the angle, in which the field is
    regular where there is no noise; high in noise it is the logarithm, in which a network that is told the logarithm changes
    evenly. Where a tolerance is loose it is $u = \operatorname{asinh}(s / c)$ with a small $c$: the logarithm from $c$ upwards,
    and slower than that where there is so much noise that the field is nearly that of a Gaussian (``docs/likelihood.md``).

    Attributes:
        model: the score model.
        condition: what its network is told.
        ends: ends of the flow.
        shape: shape of the row.
        divergence: how the divergence is had.
        drawn: what it keeps along the solve.
        method: how it is solved.
    """

    model: AbstractScoreModel
    condition: Condition
    ends: FlowEnds
    shape: tuple[int, ...]
    divergence: AbstractDivergence
    drawn: PyTree
    method: Method

    @property
    def dimension(self) -> Array | int:
        """Number of random coordinates."""
        return free_dimension(self.model.free, self.shape)

    def start(self, x: Float[Array, "*shape"]) -> Float[Array, " m"]:
        """The flat state of a row at ``t0``."""
        integrals = jnp.zeros(max(self.divergence.num_probes, 1), x.dtype)
        return jnp.concatenate([(x / self.ends.start_radius).reshape(-1), integrals])

    @property
    def way(self) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Where the solve starts and ends."""
        ends = self.ends
        return self.coordinate(ends.start, ends.start_level), self.coordinate(ends.end, ends.end_level)

    def coordinate(self, place: Float[Array, ""], level: Level | None) -> Float[Array, ""]:
        """Coordinate of the solve at a place of the flow with this level."""
        low = self.method.low
        if low is None:
            return place
        assert level is not None  # a denoiser's process has a scalar Gaussian kernel
        s = jnp.arcsinh(level.sigma / level.alpha)
        return s if math.isinf(low) else jnp.arcsinh(s / low)

    def _place(self, u: Float[Array, ""]) -> tuple[Float[Array, ""], Float[Array, ""] | float]:
        """Place of the flow at a coordinate of the solve, and how fast it moves with that."""
        low = self.method.low
        if low is None:
            return u, 1.0
        s, pace = (u, 1.0) if math.isinf(low) else (low * jnp.sinh(u), low * jnp.cosh(u))
        ratio = jnp.sinh(s)
        return jnp.arctan(ratio), pace / jnp.sqrt(1 + ratio**2)

    @property
    def system(self) -> System:
        """Right-hand side of the flat system."""
        return System(self._along(self._slope), self._along(self._both))

    def _along(self, part: Callable[..., Any]) -> Callable[..., Any]:
        """A part along the coordinate of the solve, from that along the flow's own."""

        def rate(u: Float[Array, ""], z: Float[Array, " m"]) -> Any:
            place, pace = self._place(u)
            return jax.tree.map(lambda slope: slope * pace, part(place, z))

        return rate

    def _slope(self, place: Float[Array, ""], z: Float[Array, " m"]) -> Float[Array, " m"]:
        y, integrals = self.split(z)
        value = only_free(self.model.free, flow_field(self.model, self.condition)(place, y))
        return jnp.concatenate([value.reshape(-1), jnp.zeros_like(integrals)])

    def _both(self, place: Float[Array, ""], z: Float[Array, " m"]) -> tuple[Float[Array, " m"], Float[Array, " m"]]:
        value, push = self._linear(place, z)
        traces = self._traces(push, z)
        return (
            jnp.concatenate([value, jnp.zeros_like(traces)]),
            jnp.concatenate([jnp.zeros_like(value), traces]),
        )

    def _linear(self, place: Float[Array, ""], z: Float[Array, " m"]) -> tuple[Float[Array, " d"], Push]:
        """The field at a state, as a flat vector, and its derivative."""
        field = flow_field(self.model, self.condition)
        value, push = jax.linearize(lambda y: field(place, y), self.split(z)[0])
        return only_free(self.model.free, value).reshape(-1), push

    def _traces(self, push: Push, z: Float[Array, " m"]) -> Float[Array, " traces"]:
        return self.divergence(push, self.split(z)[0], self.drawn, self.model.free)

    def node(
        self, u: Float[Array, ""], z: Float[Array, " m"]
    ) -> tuple[Float[Array, " m"], Callable[[Float[Array, " m"]], Float[Array, " m"]] | None]:
        """Right-hand side at a coordinate of the solve, and its derivative in the state where that costs little beside it.

        Where the products of the divergence are no fewer than the coordinates the whole Jacobian is made from as many, and the
        derivative is free. Beside a single product of more coordinates it would cost as much again, and is ``None``.
        """
        place, pace = self._place(u)
        value, push = self._linear(place, z)
        products = self.divergence.products(value.size)
        whole = value.size <= products
        if whole:
            push = _made(push, self.split(z)[0])
        traces = self._traces(push, z)

        def change(moved: Float[Array, " m"]) -> Float[Array, " m"]:
            pushed = only_free(self.model.free, push(self.split(moved)[0])).reshape(-1)
            return jnp.concatenate([pushed, jnp.zeros_like(traces)]) * pace

        return jnp.concatenate([value, traces]) * pace, change if whole or products > 1 else None

    def split(self, z: Float[Array, " m"]) -> tuple[Float[Array, "*shape"], Float[Array, " traces"]]:
        """State and integrals."""
        size = math.prod(self.shape)
        return z[:size].reshape(self.shape), z[size:]

    def noise_at_start(
        self, x: Float[Array, "*shape"], slope: Float[Array, " m"], level: Level
    ) -> tuple[Float[Array, "*shape"], Float[Array, ""]]:
        r"""The noise $n$ predicted for a row at ``t0``, of this level, and its divergence.

        That of a denoiser follows from the slope of the state there: $n = \sin a\, y + \cos a\, dy/da$. With it a sweep knows
        the rates of the integrals.
        """
        free, model = self.model.free, self.model
        if isinstance(model, AbstractDenoiser):
            sin, cos = level.sigma / self.ends.start_radius, level.alpha / self.ends.start_radius
            if not isinstance(self.method, Nodes):
                slope = slope + self.system.both(self.way[0], self.start(x))[1]
            moved, traces = self.split(slope * (cos / self._place(self.way[0])[1]))
            value = only_free(free, sin * x / self.ends.start_radius) + moved
            return value, (sin * self.dimension + jnp.mean(traces)) / self.ends.start_radius

        value, push = jax.linearize(lambda x: -level.sigma * model(self.ends.start, x, self.condition), x)
        return only_free(free, value), jnp.mean(self.divergence(push, x, self.drawn, free))

    def assumed(self, y: Float[Array, "*shape"], radius: Float[Array, ""], level: Level | None) -> Float[Array, ""]:
        """Log-density of the law assumed at a level, as a density of the row at ``t0`` but for the integral."""
        change = self.dimension * (jnp.log(radius) - jnp.log(self.ends.start_radius))
        return terminal_log_density(self.model, level, radius * y) + change

    def assumed_at_end(self, y: Float[Array, "*shape"]) -> Float[Array, ""]:
        """Log-density of the law assumed at ``t1``, likewise."""
        return self.assumed(y, self.ends.end_radius, self.ends.end_level)


def _made(push: Push, y: Float[Array, "*shape"]) -> Push:
    """A linear map by its matrix, one product for each coordinate."""
    columns = jax.vmap(push)(jnp.eye(y.size, dtype=y.dtype).reshape(-1, *y.shape))

    def product(v: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        entries = v.reshape(-1)
        return sum((entries[i] * columns[i] for i in range(1, y.size)), start=entries[0] * columns[0])

    return product
