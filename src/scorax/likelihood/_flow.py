"""The flow of one row as a flat system, and the coordinate it is solved over."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from scorax._free import free_dimension, only_free
from scorax._types import Condition
from scorax.likelihood._divergences import AbstractDivergence
from scorax.likelihood._panel import System
from scorax.models import (
    AbstractDenoiser,
    AbstractNetworkModel,
    AbstractScoreModel,
    FlowEnds,
    flow_field,
    terminal_log_density,
)
from scorax.processes import Level

_LOW = 0.07
"""Noise, for data of unit scale, from which the coordinate of a network's flow goes as its logarithm; below, the way is short."""


def told_noise(model: AbstractScoreModel) -> bool:
    """Whether a model is a denoising network, which is told how much noise there is."""
    return isinstance(model, AbstractDenoiser) and isinstance(model, AbstractNetworkModel)


@dataclass(frozen=True)
class Flow:
    r"""The flow of one row as a flat system: the state, then one integral of the divergence for each probe.

    That of an exact denoiser is solved over the angle $a$. That of a network is solved over

    $$ u = \operatorname{asinh}(s / c), \qquad s = \operatorname{asinh}(\sigma / \alpha), \qquad c = 0.07. $$

    A network is told the logarithm of the noise and changes with it. From $c$ upwards $u$ goes as that logarithm, and ever more
    slowly, since the field of a network is nearly that of a Gaussian where there is much noise; below $c$ it goes as the angle,
    in which the field is regular where there is no noise. Even steps of $u$ suit a network, so the step control has little to
    do, and where the mesh is even the solution at twice the step says how large the error is (``docs/likelihood.md``).

    Attributes:
        model: the score model.
        condition: what its network is told.
        ends: ends of the flow.
        shape: shape of the row.
        divergence: how the divergence is had.
        drawn: what it keeps along the solve.
    """

    model: AbstractScoreModel
    condition: Condition
    ends: FlowEnds
    shape: tuple[int, ...]
    divergence: AbstractDivergence
    drawn: PyTree

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
        if not told_noise(self.model):
            return place
        assert level is not None  # a denoiser's process has a scalar Gaussian kernel
        return jnp.arcsinh(jnp.arcsinh(level.sigma / level.alpha) / _LOW)

    def _pace(self, u: Float[Array, ""]) -> Float[Array, ""] | float:
        """How fast the place of the flow moves with the coordinate of the solve."""
        return _LOW * jnp.cosh(u) / jnp.cosh(_LOW * jnp.sinh(u)) if told_noise(self.model) else 1.0

    @property
    def system(self) -> System:
        """Right-hand side of the flat system."""
        return System(*map(self._along, (self._slope, self._traces, self._both)))

    def _along(self, part: Callable[..., Any]) -> Callable[..., Any]:
        """A part along the coordinate of the solve, from that along the flow's own."""
        if not told_noise(self.model):
            return part

        def rate(u: Float[Array, ""], z: Float[Array, " m"]) -> Any:
            pace = self._pace(u)
            return jax.tree.map(lambda slope: slope * pace, part(jnp.arctan(jnp.sinh(_LOW * jnp.sinh(u))), z))

        return rate

    def _slope(self, place: Float[Array, ""], z: Float[Array, " m"]) -> Float[Array, " m"]:
        y, integrals = self.split(z)
        value = only_free(self.model.free, flow_field(self.model, self.condition)(place, y))
        return jnp.concatenate([value.reshape(-1), jnp.zeros_like(integrals)])

    def _traces(self, place: Float[Array, ""], z: Float[Array, " m"]) -> Float[Array, " m"]:
        return self._both(place, z)[1]

    def _both(self, place: Float[Array, ""], z: Float[Array, " m"]) -> tuple[Float[Array, " m"], Float[Array, " m"]]:
        field, (y, integrals) = flow_field(self.model, self.condition), self.split(z)
        value, push = jax.linearize(lambda y: field(place, y), y)
        value = only_free(self.model.free, value).reshape(-1)
        traces = self.divergence(push, y, self.drawn, self.model.free)
        return (
            jnp.concatenate([value, jnp.zeros_like(integrals)]),
            jnp.concatenate([jnp.zeros_like(value), traces]),
        )

    def split(self, z: Float[Array, " m"]) -> tuple[Float[Array, "*shape"], Float[Array, " traces"]]:
        """State and integrals."""
        size = math.prod(self.shape)
        return z[:size].reshape(self.shape), z[size:]

    def noise_at_start(
        self, x: Float[Array, "*shape"], slope: Float[Array, " m"], level: Level
    ) -> tuple[Float[Array, "*shape"], Float[Array, ""]]:
        r"""The noise $n$ predicted for a row at ``t0``, of this level, and its divergence.

        That of a denoiser follows from the slope of the state there: $n = \sin a\, y + \cos a\, dy/da$.
        """
        free, model = self.model.free, self.model
        if isinstance(model, AbstractDenoiser):
            sin, cos = level.sigma / self.ends.start_radius, level.alpha / self.ends.start_radius
            slope = slope + self.system.integrals(self.way[0], self.start(x))
            moved, traces = self.split(slope * (cos / self._pace(self.way[0])))
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
