"""Variance-preserving, variance-exploding and EDM processes."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax.processes._abstract import AbstractGaussianProcess


class VP(AbstractGaussianProcess):
    r"""Variance-preserving process, $dX = -\tfrac12 \beta X dt + \sqrt{\beta} dW$ with linear $\beta(t)$.

    $$ B(t) = \beta_{min} t + \tfrac12 (\beta_{max} - \beta_{min}) t^2, \quad \alpha = e^{-B/2}, \quad \sigma^2 = 1 - e^{-B}. $$

    The variance is computed as ``-expm1(-B)``: the difference loses 40% of it in float32 at t = 1e-6.

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

    def __check_init__(self) -> None:
        if not 0 < self.beta_min <= self.beta_max:
            raise ValueError(
                explain(
                    expected="0 < beta_min <= beta_max",
                    got=f"{self.beta_min}, {self.beta_max}",
                    do="pass positive rates",
                )
            )
        _check_clock(self.t0, self.t1)

    def _integral(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return self.beta_min * t + 0.5 * (self.beta_max - self.beta_min) * t**2

    def alpha(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.exp(-0.5 * self._integral(t))

    def variance(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return -jnp.expm1(-self._integral(t))

    def time_of(self, log_ratio: Float[Array, ""]) -> Float[Array, ""]:
        integral = jax.nn.softplus(2 * log_ratio)  # (sigma / alpha)^2 = e^B - 1
        # The root of the quadratic in the form that does not cancel for small times or beta_min = beta_max.
        slope = self.beta_max - self.beta_min
        return 2 * integral / (self.beta_min + jnp.sqrt(self.beta_min**2 + 2 * slope * integral))


class VE(AbstractGaussianProcess):
    r"""Variance-exploding process, $\alpha = 1$ and $\sigma(t) = \sigma_{min} (\sigma_{max}/\sigma_{min})^{t/t_1}$.

    $g(t) = \sigma(t) \sqrt{2 \log(\sigma_{max}/\sigma_{min}) / t_1}$. The SDE has this variance when it starts at time 0
    from data that already carry noise of scale ``sigma_min``, which is how its kernel is read here.

    Args:
        sigma_min: noise scale at time 0; in units of the (standardised) data.
        sigma_max: noise scale at ``t1``; about the diameter of the data or more.
        t0: cut-off of the clock.
        t1: end of the clock.

    Reference: Song et al. (2021), eqs. 30 and 31.
    """

    sigma_min: float = 1e-3
    sigma_max: float = 80.0
    t0: float = 0.0
    t1: float = 1.0

    def __check_init__(self) -> None:
        if not 0 < self.sigma_min < self.sigma_max:
            raise ValueError(
                explain(
                    expected="0 < sigma_min < sigma_max",
                    got=f"{self.sigma_min}, {self.sigma_max}",
                    do="pass increasing positive scales",
                )
            )
        if self.t0 >= self.t1:
            raise ValueError(explain(expected="t0 < t1", got=f"{self.t0}, {self.t1}", do="order the clock"))

    @property
    def _log_growth(self) -> float:
        return math.log(self.sigma_max / self.sigma_min)

    def alpha(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.ones_like(t)

    def variance(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return self.sigma_min**2 * jnp.exp(2 * self._log_growth * t / self.t1)

    def time_of(self, log_ratio: Float[Array, ""]) -> Float[Array, ""]:
        return (log_ratio - math.log(self.sigma_min)) * (self.t1 / self._log_growth)


class EDM(AbstractGaussianProcess):
    r"""Process whose clock is the noise scale: $\alpha = 1$, $\sigma(t) = t$, so $f = 0$ and $g^2 = 2t$.

    Args:
        t0: smallest noise scale (``sigma_min``), in units of the (standardised) data.
        t1: largest noise scale (``sigma_max``).

    Reference: Karras et al. (2022), *Elucidating the design space*, table 1.
    """

    t0: float = 2e-3
    t1: float = 80.0

    def __check_init__(self) -> None:
        _check_clock(self.t0, self.t1)

    def alpha(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.ones_like(t)

    def variance(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return t**2

    def time_of(self, log_ratio: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.exp(log_ratio)


def _check_clock(t0: float, t1: float) -> None:
    if not 0 < t0 < t1:
        raise ValueError(explain(expected="0 < t0 < t1", got=f"{t0}, {t1}", do="start the clock above zero noise"))
