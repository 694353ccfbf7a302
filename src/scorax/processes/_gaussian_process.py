"""Processes with scalar Gaussian kernels: ``alpha`` and ``variance``, and everything that follows from them."""

import abc
import dataclasses
from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._host import host_float64
from scorax._types import Key
from scorax.processes._diffusion import Scalar
from scorax.processes._kernel import GaussianKernel
from scorax.processes._level import Level
from scorax.processes._linear import AbstractLinearSDE

Self = TypeVar("Self", bound="AbstractGaussianProcess")


class AbstractGaussianProcess(AbstractLinearSDE):
    r"""Process with the kernel $x_t \mid x_0 \sim N(\alpha(t) x_0, \sigma(t)^2 I)$.

    A subclass states ``alpha``, ``variance`` and the inverse ``time_of`` of the log noise-to-signal ratio; everything else
    follows here, once:

    $$ f = \alpha' / \alpha, \qquad g^2 = (\sigma^2)' - 2 f \sigma^2 = 2 \sigma^2 \, \frac{d}{dt} \log(\sigma/\alpha). $$

    There is no ``prior``: the law at ``t1`` is the image of the data's moments.

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

    def added_variance(self, s: Float[Array, ""], t: Float[Array, ""]) -> Float[Array, ""]:
        r"""$\sigma_t^2 - (\alpha_t / \alpha_s)^2 \sigma_s^2$, the variance of the transition from ``s`` to ``t``, ``s < t``.

        Here $\sigma_t^2\, (1 - e^{2 (u_s - u_t)})$ with $u = \log(\sigma/\alpha)$, whose difference loses digits over short
        steps; override it where the length $t - s$ can be a factor.
        """
        return self.variance(t) * -jnp.expm1(2 * (self.log_ratio(s) - self.log_ratio(t)))

    def drift(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return self.drift_coefficient(t) * x

    def diffusion(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Scalar:
        return Scalar(jnp.sqrt(self.squared_diffusion(t)))

    def kernel(self, t: Float[Array, ""]) -> GaussianKernel:
        return GaussianKernel(Scalar(self.alpha(t)), jnp.zeros_like(t), Scalar(self.sigma(t)))

    def transition(self, s: Float[Array, ""], t: Float[Array, ""]) -> GaussianKernel:
        added = jnp.sqrt(self.added_variance(s, t))
        return GaussianKernel(Scalar(self.alpha(t) / self.alpha(s)), jnp.zeros_like(t), Scalar(added))

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


def times_of(
    process: AbstractGaussianProcess, log_ratios: Float[Array, " n"] | Float[np.ndarray, " n"]
) -> Float[Array, " n"]:
    """Times at which a process has these log-ratios, in float64 on the host.

    Raises:
        ValueError: ``time_of`` is not the inverse of ``log_ratio``; a process with traced arrays passes unseen.
    """
    with host_float64():
        times = jax.vmap(process.time_of)(jnp.asarray(log_ratios, jnp.float64))
        back = jax.vmap(process.log_ratio)(times)
    if isinstance(back, Tracer):
        return times
    asked, got = np.asarray(log_ratios), np.asarray(back)
    wrong = np.isfinite(asked) & ~(np.abs(got - asked) <= 1e-3 * (1 + np.abs(asked)))
    if np.any(wrong):
        raise ValueError(
            explain(
                expected=f"time_of of {type(process).__name__} as the inverse of its log(sigma / alpha)",
                got=f"a time for {asked[wrong][0]:.4g} at which that is {got[wrong][0]:.4g}",
                do="mend time_of, alpha or variance: time_of is given the logarithm of sigma / alpha",
            )
        )
    return times


def check_clock(t0: float, t1: float, *, end: float = float("inf")) -> None:
    """Refuse a clock that does not lie inside ``(0, end)``: without noise there is no score, without signal no drift.

    Raises:
        ValueError: not ``0 < t0 < t1 < end``.
    """
    if not 0 < t0 < t1 < end:
        limit = "" if end == float("inf") else f" < {end:g}"
        raise ValueError(
            explain(
                expected=f"0 < t0 < t1{limit}", got=f"{t0}, {t1}", do="keep some noise and some signal on the clock"
            )
        )
