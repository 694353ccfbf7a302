"""Processes known by name, with their exact laws: Brownian motion, Ornstein-Uhlenbeck, geometric Brownian motion."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax.processes._abstract import AbstractExactSDE, Law
from scorax.processes._diffusion import Diagonal, Scalar
from scorax.processes._kernel import GaussianKernel
from scorax.processes._linear import AbstractLinearSDE
from scorax.processes._linear_sde import check_start
from scorax.processes._normal import LogNormal, Normal


class BrownianMotion(AbstractLinearSDE):
    r"""Brownian motion with drift, $dX = \mu\, dt + \sigma\, dW$, of its own in every coordinate.

    $X_t \mid X_s \sim N(X_s + \mu (t - s), \sigma^2 (t - s))$: the law $N(\mu t, \sigma^2 t)$ is that of a start at zero;
    from a random start variances add. $\mathrm{Cov}(X_s, X_t) = \sigma^2 \min(s, t)$ from a fixed one.

    Args:
        drift_rate: mu, in units of the state per unit of time.
        sigma: standard deviation after one unit of time; positive.
        prior: law at ``t1``; where it is ``None`` it is the image of the data's moments.
        t0: cut-off of the clock.
        t1: end of the clock.

    Reference: Karatzas and Shreve (1991), *Brownian motion and stochastic calculus*, definition 2.1.1.
    """

    drift_rate: float = 0.0
    sigma: float = 1.0
    prior: Law | None = None  # pyright: ignore[reportIncompatibleMethodOverride]  a stored property
    t0: float = 0.0
    t1: float = 1.0

    def __check_init__(self) -> None:
        _check_sigma(self.sigma)
        check_start(self.t0, self.t1)

    def drift(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jnp.full_like(x, self.drift_rate)

    def diffusion(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Scalar:
        return Scalar(jnp.asarray(self.sigma, x.dtype))

    def transition(self, s: Float[Array, ""], t: Float[Array, ""]) -> GaussianKernel:
        h = t - s
        return GaussianKernel(Scalar(jnp.ones_like(h)), self.drift_rate * h, Scalar(self.sigma * jnp.sqrt(h)))


class OrnsteinUhlenbeck(AbstractLinearSDE):
    r"""Ornstein-Uhlenbeck process $dX = r (m - X) dt + \sigma\, dW$, of its own in every coordinate.

    $$ X_t \mid X_s \sim N\!\left(m + e^{-r (t - s)} (X_s - m), \; \frac{\sigma^2}{2 r} (1 - e^{-2 r (t - s)})\right). $$

    Args:
        rate: r, the inverse of the relaxation time; positive.
        mean: m, the mean of the stationary law.
        sigma: size of the noise; positive.
        prior: law at ``t1``; where it is ``None`` it is the image of the data's moments.
        t0: cut-off of the clock.
        t1: end of the clock.

    Reference: Uhlenbeck and Ornstein (1930), *On the theory of the Brownian motion*; Gardiner (2009), section 3.8.4.
    """

    rate: float = 1.0
    mean: float = 0.0
    sigma: float = 1.0
    prior: Law | None = None  # pyright: ignore[reportIncompatibleMethodOverride]  a stored property
    t0: float = 0.0
    t1: float = 1.0

    def __check_init__(self) -> None:
        _check_sigma(self.sigma)
        check_start(self.t0, self.t1)
        if not 0 < self.rate < math.inf:
            raise ValueError(
                explain(
                    expected="a finite, positive rate", got=str(self.rate), do="use BrownianMotion for a rate of zero"
                )
            )

    def drift(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return self.rate * (self.mean - x)

    def diffusion(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Scalar:
        return Scalar(jnp.asarray(self.sigma, x.dtype))

    def transition(self, s: Float[Array, ""], t: Float[Array, ""]) -> GaussianKernel:
        h = t - s
        shift = -self.mean * jnp.expm1(-self.rate * h)
        sd = self.sigma * jnp.sqrt(-jnp.expm1(-2 * self.rate * h) / (2 * self.rate))
        return GaussianKernel(Scalar(jnp.exp(-self.rate * h)), shift, Scalar(sd))


class GeometricBrownianMotion(AbstractExactSDE):
    r"""Geometric Brownian motion $dX = \mu X dt + \sigma X dW$ (Ito), of its own in every coordinate.

    $X_t = X_s \exp((\mu - \sigma^2/2)(t - s) + \sigma (W_t - W_s))$: not Gaussian, but exact, and on a given Brownian path
    too. The noise depends on the state, so its reversal needs the divergence of $D = \sigma^2 X^2$. States are positive;
    from others the law is NaN.

    Args:
        drift_rate: mu, the relative growth of the mean per unit of time.
        sigma: relative size of the noise; positive.
        prior: law at ``t1``; samplers and likelihoods need one, for instance a :class:`LogNormal`.
        t0: cut-off of the clock.
        t1: end of the clock.

    Reference: Kloeden and Platen (1992), *Numerical solution of SDEs*, section 4.4, eq. 4.6.
    """

    drift_rate: float = 0.0
    sigma: float = 1.0
    prior: Law | None = None  # pyright: ignore[reportIncompatibleMethodOverride]  a stored property
    t0: float = 0.0
    t1: float = 1.0

    def __check_init__(self) -> None:
        _check_sigma(self.sigma)
        check_start(self.t0, self.t1)

    def drift(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return self.drift_rate * x

    def diffusion(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Diagonal:
        return Diagonal(self.sigma * x)

    def noise_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape

    def advance(
        self, s: Float[Array, ""], t: Float[Array, ""], x: Float[Array, "*shape"], noise: Float[Array, "*shape"]
    ) -> Float[Array, "*shape"]:
        h = t - s
        return x * jnp.exp((self.drift_rate - 0.5 * self.sigma**2) * h + self.sigma * jnp.sqrt(h) * noise)

    def law(self, t: Float[Array, ""], x0: Float[Array, "*shape"]) -> LogNormal:
        """Law of the state at ``t`` that started from ``x0``."""
        location = jnp.log(x0) + (self.drift_rate - 0.5 * self.sigma**2) * t
        return LogNormal(Normal(location, jnp.broadcast_to(self.sigma * jnp.sqrt(t), x0.shape)))


def _check_sigma(sigma: float) -> None:
    if not 0 < sigma < math.inf:
        raise ValueError(
            explain(expected="a finite, positive sigma", got=str(sigma), do="use without_noise for the drift alone")
        )
