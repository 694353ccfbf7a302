"""Processes with the rate beta(t) of Ho et al.: VP and sub-VP."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax.processes._gaussian_process import AbstractGaussianProcess, check_clock


class _AbstractLinearRate(AbstractGaussianProcess):
    """Rate ``beta(t)`` that grows linearly, its integral ``B(t)`` and the decay ``alpha = exp(-B / 2)`` of the mean."""

    beta_min: eqx.AbstractVar[float]
    beta_max: eqx.AbstractVar[float]

    def __check_init__(self) -> None:
        if not 0 < self.beta_min <= self.beta_max < math.inf:
            got = f"{self.beta_min}, {self.beta_max}"
            raise ValueError(
                explain(expected="finite rates with 0 < beta_min <= beta_max", got=got, do="pass positive rates")
            )
        check_clock(self.t0, self.t1)

    def _integral(self, t: Float[Array, ""]) -> Float[Array, ""]:
        """B(t)."""
        return self.beta_min * t + 0.5 * (self.beta_max - self.beta_min) * t**2

    def _time_of_integral(self, integral: Float[Array, ""]) -> Float[Array, ""]:
        # The root of the quadratic in the form that does not cancel for small times or beta_min = beta_max.
        slope = 2 * (self.beta_max - self.beta_min)
        return 2 * integral / (self.beta_min + jnp.sqrt(self.beta_min**2 + slope * integral))

    def _step_integral(self, s: Float[Array, ""], t: Float[Array, ""]) -> Float[Array, ""]:
        """B(t) - B(s), without the difference of the two."""
        return (t - s) * (self.beta_min + 0.5 * (self.beta_max - self.beta_min) * (s + t))

    def alpha(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.exp(-0.5 * self._integral(t))


class VP(_AbstractLinearRate):
    r"""Variance-preserving process, $dX = -\tfrac12 \beta X dt + \sqrt{\beta} dW$ with linear $\beta(t)$.

    $$ B(t) = \beta_{min} t + \tfrac12 (\beta_{max} - \beta_{min}) t^2, \quad \alpha = e^{-B/2}, \quad \sigma^2 = 1 - e^{-B}. $$

    The variance is computed as ``-expm1(-B)``: the difference is 19% too large in float32 at t = 1e-6.

    Args:
        beta_min: rate at time 0; positive.
        beta_max: rate at time 1; at least ``beta_min``.
        t0: cut-off of the clock; the default gives sigma of about 1e-3.
        t1: end of the clock.

    Reference: Song et al. (2021), eqs. 32 and 33; Ho et al. (2020) is its discretisation.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0
    t0: float = 1e-5
    t1: float = 1.0

    def variance(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return -jnp.expm1(-self._integral(t))

    def added_variance(self, s: Float[Array, ""], t: Float[Array, ""]) -> Float[Array, ""]:
        return -jnp.expm1(-self._step_integral(s, t))

    def time_of(self, log_ratio: Float[Array, ""]) -> Float[Array, ""]:
        integral = jax.nn.softplus(2 * log_ratio)  # (sigma / alpha)^2 = e^B - 1
        return self._time_of_integral(integral)


class SubVP(_AbstractLinearRate):
    r"""Sub-variance-preserving process: the drift of :class:`VP` with less noise.

    $$ \alpha = e^{-B/2}, \qquad \sigma = 1 - e^{-B}, \qquad g^2 = \beta (1 - e^{-2B}). $$

    It is sigma, not its square, that is ``1 - exp(-B)``; it is computed as ``-expm1(-B)``.

    Args:
        beta_min: rate at time 0; positive.
        beta_max: rate at time 1; at least ``beta_min``.
        t0: cut-off of the clock; the default gives sigma of about 1e-3.
        t1: end of the clock.

    Reference: Song et al. (2021), eqs. 12 and 29.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0
    t0: float = 6e-3
    t1: float = 1.0

    def variance(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.expm1(-self._integral(t)) ** 2

    def added_variance(self, s: Float[Array, ""], t: Float[Array, ""]) -> Float[Array, ""]:
        # (1 - e^{-B_t})^2 - e^{-(B_t - B_s)} (1 - e^{-B_s})^2 = (1 - e^{-(B_t - B_s)}) (1 - e^{-(B_t + B_s)})
        return jnp.expm1(-self._step_integral(s, t)) * jnp.expm1(-self._integral(s) - self._integral(t))

    def time_of(self, log_ratio: Float[Array, ""]) -> Float[Array, ""]:
        integral = 2 * jnp.arcsinh(0.5 * jnp.exp(log_ratio))  # sigma / alpha = 2 sinh(B / 2)
        return self._time_of_integral(integral)
