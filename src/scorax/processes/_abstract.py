"""The rungs of the process ladder; each adds a capability, none a flag."""

import abc
import dataclasses
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._host import host_float64
from scorax._types import Key

Self = TypeVar("Self", bound="AbstractGaussianProcess")


class Level(NamedTuple):
    """Noise level of ``x = alpha x0 + sigma noise``; what a denoiser is told instead of the clock."""

    alpha: Float[Array, ""]
    sigma: Float[Array, ""]


class Scalar(NamedTuple):
    """Diffusion coefficient ``g``: the noise of ``dX`` is ``g dW`` with one number for all coordinates."""

    value: Float[Array, ""]


class AbstractProcess(eqx.Module):
    """Forward process that turns data at ``t0`` into noise at ``t1``; the owner of the clock and of the cut-off ``t0``."""

    t0: eqx.AbstractVar[float]
    t1: eqx.AbstractVar[float]

    @abc.abstractmethod
    def perturb(self, t: Float[Array, ""], x0: Float[Array, "*shape"], *, key: Key) -> Float[Array, "*shape"]:
        """Draw of the noisy state at time ``t`` given clean data ``x0``."""


class AbstractSDE(AbstractProcess):
    """Process given by a stochastic differential equation ``dX = f(X, t) dt + G(X, t) dW`` (Ito)."""

    @abc.abstractmethod
    def drift(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Drift ``f(x, t)``."""

    @abc.abstractmethod
    def diffusion(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Scalar:
        """Diffusion ``G(x, t)``, tagged by its kind."""


class AbstractGaussianProcess(AbstractSDE):
    r"""Process with the kernel $x_t \mid x_0 \sim N(\alpha(t) x_0, \sigma(t)^2 I)$.

    A subclass states ``alpha``, ``variance`` and the inverse ``time_of`` of the log noise-to-signal ratio; everything else
    follows here, once:

    $$ f = \alpha' / \alpha, \qquad g^2 = (\sigma^2)' - 2 f \sigma^2 = 2 \sigma^2 \, \frac{d}{dt} \log(\sigma/\alpha). $$

    Reference: Song et al. (2021), *Score-based generative modeling through SDEs*, eqs. 29 to 33; Karras et al. (2022), B.1.
    """

    @abc.abstractmethod
    def alpha(self, t: Float[Array, ""]) -> Float[Array, ""]:
        """Signal coefficient."""

    @abc.abstractmethod
    def variance(self, t: Float[Array, ""]) -> Float[Array, ""]:
        """Noise variance ``sigma(t)^2`` in a form that keeps its relative precision as ``t -> 0``."""

    @abc.abstractmethod
    def time_of(self, log_ratio: Float[Array, ""]) -> Float[Array, ""]:
        """Time at which ``log(sigma / alpha)`` takes the given value: the inverse of :meth:`log_ratio`."""

    def sigma(self, t: Float[Array, ""]) -> Float[Array, ""]:
        """Noise standard deviation."""
        return jnp.sqrt(self.variance(t))

    def level(self, t: Float[Array, ""]) -> Level:
        """The pair ``(alpha, sigma)`` at time ``t``."""
        return Level(self.alpha(t), self.sigma(t))

    def log_ratio(self, t: Float[Array, ""]) -> Float[Array, ""]:
        """``log(sigma / alpha)``, minus half the log signal-to-noise ratio; increases with ``t``."""
        return 0.5 * jnp.log(self.variance(t)) - jnp.log(self.alpha(t))

    def angle(self, t: Float[Array, ""]) -> Float[Array, ""]:
        """``atan2(sigma, alpha)``: the clock of the deterministic flow, 0 for data and pi/2 for noise."""
        return jnp.arctan2(self.sigma(t), self.alpha(t))

    def drift_coefficient(self, t: Float[Array, ""]) -> Float[Array, ""]:
        """``f(t)`` of the linear drift ``f(t) x``."""
        return _derivative(lambda s: jnp.log(self.alpha(s)), t)

    def squared_diffusion(self, t: Float[Array, ""]) -> Float[Array, ""]:
        """``g(t)^2``."""
        return _derivative(self.variance, t) - 2 * self.drift_coefficient(t) * self.variance(t)

    def log_ratio_rate(self, t: Float[Array, ""]) -> Float[Array, ""]:
        """``d log(sigma / alpha) / dt = g^2 / (2 sigma^2)``: turns densities over the log-ratio into densities over time."""
        return 0.5 * self.squared_diffusion(t) / self.variance(t)

    def drift(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return self.drift_coefficient(t) * x

    def diffusion(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Scalar:
        return Scalar(jnp.sqrt(self.squared_diffusion(t)))

    def perturb(self, t: Float[Array, ""], x0: Float[Array, "*shape"], *, key: Key) -> Float[Array, "*shape"]:
        return self.alpha(t) * x0 + self.sigma(t) * jax.random.normal(key, x0.shape, x0.dtype)

    def starting_at(self: Self, log_ratio: float) -> Self:
        """The same process with its cut-off ``t0`` moved to where ``log(sigma / alpha)`` is ``log_ratio``."""
        with host_float64():
            t0 = float(self.time_of(jnp.asarray(log_ratio, dtype=jnp.float64)))
        return dataclasses.replace(self, t0=t0)


def _derivative(fn: Callable[[Array], Array], t: Float[Array, ""]) -> Float[Array, ""]:
    t = jnp.asarray(t)
    return jax.jvp(fn, (t,), (jnp.ones_like(t),))[1]
