"""Processes that keep the signal and let the noise grow: VE and EDM."""

import dataclasses
import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax.processes._abstract import check_order
from scorax.processes._gaussian_process import AbstractGaussianProcess, check_clock


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
        if not 0 < self.sigma_min < self.sigma_max < math.inf:
            raise ValueError(
                explain(
                    expected="finite scales with 0 < sigma_min < sigma_max",
                    got=f"{self.sigma_min}, {self.sigma_max}",
                    do="pass increasing positive scales",
                )
            )
        check_order(self.t0, self.t1)

    def _cut(self, t: float) -> "VE":
        scale = self.sigma_min * math.exp(self._log_growth * t / self.t1)
        return dataclasses.replace(self, sigma_max=scale, t1=t)

    @property
    def _log_growth(self) -> float:
        return math.log(self.sigma_max / self.sigma_min)

    def alpha(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.ones_like(t)

    def variance(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return self.sigma_min**2 * jnp.exp(2 * self._log_growth * t / self.t1)

    def added_variance(self, s: Float[Array, ""], t: Float[Array, ""]) -> Float[Array, ""]:
        return self.variance(t) * -jnp.expm1(-2 * self._log_growth * (t - s) / self.t1)

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
        check_clock(self.t0, self.t1)

    def alpha(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.ones_like(t)

    def variance(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return t**2

    def added_variance(self, s: Float[Array, ""], t: Float[Array, ""]) -> Float[Array, ""]:
        return (t - s) * (t + s)

    def time_of(self, log_ratio: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.exp(log_ratio)
