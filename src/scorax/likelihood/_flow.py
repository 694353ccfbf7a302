"""The flow of one row under a Gaussian process as a flat system, and the coordinate it is solved over."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from scorax._types import Condition
from scorax.likelihood._divergences import AbstractDivergence
from scorax.models import AbstractDenoiser, FlowEnds, num_targets, terminal_log_density
from scorax.processes import Level

LOW = 0.07
"""Noise, for data of unit scale, from which the coordinate goes as its logarithm."""

BEYOND = 256.0
"""Multiple of the noise at ``t1`` up to which the flow is followed, to judge the law assumed at ``t1``."""


@dataclass(frozen=True)
class Flow:
    r"""The flow of one row as a flat system: the state, then one integral of the divergence for each probe ``drawn``.

    It is that of $y = x / R$ in the angle $a = \operatorname{atan2}(\sigma, \alpha)$, solved over
    $u = \operatorname{asinh}(s / c)$ with $s = \operatorname{asinh}(\sigma / \alpha)$: the angle below the noise $c$, then its
    logarithm, and slower than that where there is so much noise that the field is nearly that of a Gaussian.
    """

    model: AbstractDenoiser
    condition: Condition
    ends: FlowEnds
    shape: tuple[int, ...]
    divergence: AbstractDivergence
    drawn: PyTree

    @property
    def dimension(self) -> Array | int:
        """Number of coordinates that are asked for."""
        return num_targets(self.model, self.condition, self.shape)

    def start(self, x: Float[Array, "*shape"]) -> Float[Array, " m"]:
        """The flat state of a row at ``t0``."""
        integrals = jnp.zeros(max(self.divergence.num_probes, 1), x.dtype)
        return jnp.concatenate([(x / self.ends.start_radius).reshape(-1), integrals])

    def split(self, z: Float[Array, " m"]) -> tuple[Float[Array, "*shape"], Float[Array, " traces"]]:
        """State and integrals."""
        size = math.prod(self.shape)
        return z[:size].reshape(self.shape), z[size:]

    @property
    def places(self) -> Float[Array, " 3"]:
        """Coordinates of ``t0``, of ``t1`` and of so much more noise that little is left of the data."""
        first, last = self.ends.start_level, self.ends.end_level
        assert first is not None  # the process is Gaussian
        assert last is not None
        ratios = jnp.stack([first.sigma / first.alpha, last.sigma / last.alpha, BEYOND * last.sigma / last.alpha])
        return jnp.arcsinh(jnp.arcsinh(ratios) / LOW)

    def level(self, u: Float[Array, ""]) -> Level:
        """Level of unit radius at a coordinate: cosine and sine of the angle."""
        ratio = jnp.sinh(LOW * jnp.sinh(u))
        radius = jnp.sqrt(1 + ratio**2)
        return Level(1 / radius, ratio / radius)

    def pace(self, u: Float[Array, ""]) -> Float[Array, ""]:
        """How fast the angle moves with the coordinate."""
        return LOW * jnp.cosh(u) * self.level(u).alpha

    def state(self, u: Float[Array, ""], z: Float[Array, " m"]) -> Float[Array, " m"]:
        """Slope of the flat state; zero for the integrals."""
        y, integrals = self.split(z)
        value = self.model.angular_velocity(self.level(u), y, self.condition)
        return jnp.concatenate([self.pace(u) * value.reshape(-1), jnp.zeros_like(integrals)])

    def both(self, u: Float[Array, ""], z: Float[Array, " m"]) -> tuple[Float[Array, " m"], Float[Array, " m"]]:
        """That, and the rates of the integrals; zero for the state."""
        (y, _), level = self.split(z), self.level(u)
        value, push = jax.linearize(lambda y: self.model.angular_velocity(level, y, self.condition), y)
        traces = self.pace(u) * self.divergence(push, y, self.drawn)
        slope = self.pace(u) * value.reshape(-1)
        return jnp.append(slope, jnp.zeros_like(traces)), jnp.append(jnp.zeros_like(slope), traces)

    def noise_at_start(self, x: Float[Array, "*shape"]) -> tuple[Float[Array, "*shape"], Float[Array, ""]]:
        r"""The noise $n = \sin a\, y + \cos a\, dy/da$ predicted for a row at ``t0``, and its divergence in the row."""
        u, radius = self.places[0], self.ends.start_radius
        level, z = self.level(u), self.start(x)
        slope, rates = self.both(u, z)
        moved, traces = self.split((slope + rates) * (level.alpha / self.pace(u)))
        value = level.sigma * x / radius + moved
        return value, (level.sigma * self.dimension + jnp.mean(traces)) / radius

    def assumed(self, u: Float[Array, ""], y: Float[Array, "*shape"]) -> Float[Array, ""]:
        """Log-density of the law assumed at a coordinate, as a density of the row at ``t0`` but for the integral."""
        return terminal_log_density(self.model, self.level(u), y) - self.dimension * jnp.log(self.ends.start_radius)

    def density(self, u: Float[Array, ""], z: Float[Array, " m"]) -> Float[Array, ""]:
        """Log-density of the row if the law assumed at a coordinate is that of the state there."""
        y, integrals = self.split(z)
        return self.assumed(u, y) + jnp.mean(integrals)
