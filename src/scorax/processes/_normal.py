"""Laws with independent coordinates: normal and log-normal, the exact marginals of named processes."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr, ndtri
from jaxtyping import Array, Float

from scorax._checked import Checked, require_row
from scorax._types import Key


class Normal(eqx.Module):
    """Independent normal coordinates with the given means and standard deviations, in the shape of the state."""

    mean: Float[Array, "*shape"]
    sd: Float[Array, "*shape"]

    def density(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Density of every coordinate at its own value."""
        return jnp.exp(self._log_densities(x))

    def cdf(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Distribution function of every coordinate at its own value."""
        return ndtr((x - self.mean) / self.sd)

    def quantile(self, p: Float[Array, ""]) -> Float[Array, "*shape"]:
        """Value of every coordinate below which it lies with probability ``p``."""
        return self.mean + self.sd * ndtri(p)

    def log_density(self, x: Float[Array, "*shape"]) -> Float[Array, ""]:
        """Log-density of the whole state, in nats."""
        require_row(x, jnp.broadcast_shapes(jnp.shape(self.mean), jnp.shape(self.sd)), "Normal")
        return jnp.sum(self._log_densities(x))

    def sample(self, *, key: Key) -> Float[Array, "*shape"]:
        """One draw."""
        return self.mean + self.sd * jax.random.normal(key, self.mean.shape, self.mean.dtype)

    def _log_densities(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return -0.5 * ((x - self.mean) / self.sd) ** 2 - jnp.log(self.sd) - 0.5 * math.log(2 * math.pi)


class LogNormal(Checked):
    """Independent positive coordinates whose logarithms have the law ``logarithm``."""

    logarithm: Normal

    @property
    def mean(self) -> Float[Array, "*shape"]:
        r"""Mean of every coordinate, $e^{m + s^2/2}$."""
        return jnp.exp(self.logarithm.mean + 0.5 * self.logarithm.sd**2)

    @property
    def sd(self) -> Float[Array, "*shape"]:
        r"""Standard deviation of every coordinate, $e^{m + s^2/2} \sqrt{e^{s^2} - 1}$."""
        return self.mean * jnp.sqrt(jnp.expm1(self.logarithm.sd**2))

    def density(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Density of every coordinate at its own value; zero where that is not positive."""
        inside = jnp.where(x > 0, x, 1.0)
        return jnp.where(x > 0, self.logarithm.density(jnp.log(inside)) / inside, 0.0)

    def cdf(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Distribution function of every coordinate at its own value."""
        inside = jnp.where(x > 0, x, 1.0)
        return jnp.where(x > 0, self.logarithm.cdf(jnp.log(inside)), 0.0)

    def quantile(self, p: Float[Array, ""]) -> Float[Array, "*shape"]:
        """Value of every coordinate below which it lies with probability ``p``."""
        return jnp.exp(self.logarithm.quantile(p))

    def log_density(self, x: Float[Array, "*shape"]) -> Float[Array, ""]:
        """Log-density of the whole state, in nats; minus infinity where a coordinate is not positive."""
        logs = jnp.log(jnp.where(x > 0, x, 1.0))
        return jnp.where(jnp.all(x > 0), self.logarithm.log_density(logs) - jnp.sum(logs), -jnp.inf)

    def sample(self, *, key: Key) -> Float[Array, "*shape"]:
        """One draw."""
        return jnp.exp(self.logarithm.sample(key=key))
