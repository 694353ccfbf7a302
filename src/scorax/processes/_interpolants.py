"""Processes whose signal vanishes at time 1: Cosine and Rectified. Their clocks end before it."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax.processes._gaussian_process import AbstractGaussianProcess, check_clock


class Cosine(AbstractGaussianProcess):
    r"""Variance-preserving process with the cosine schedule, normalised so that $\alpha(0) = 1$.

    $$ \theta(t) = \frac{\pi}{2}\,\frac{t + s}{1 + s}, \quad \alpha = \frac{\cos\theta(t)}{\cos\theta(0)}, \quad
       \sigma^2 = 1 - \alpha^2 = \frac{\sin(\theta(t) - \theta(0)) \sin(\theta(t) + \theta(0))}{\cos^2\theta(0)}. $$

    At t = 1 there is no signal left: $f = -\infty$ and $g^2 = \infty$, so ``t1`` must stay below; the flow of a denoiser in
    the angle is regular there. Nothing is clipped.

    Args:
        offset: $s$; keeps the noise from growing too slowly at first.
        t0: cut-off of the clock; the default gives sigma of about 1e-3.
        t1: end of the clock, below 1; the default leaves a signal of 1.6e-3.

    Reference: Nichol and Dhariwal (2021), *Improved denoising diffusion probabilistic models*, eq. 17.
    """

    offset: float = 0.008
    t0: float = 2.5e-5
    t1: float = 0.999

    def __check_init__(self) -> None:
        if not self.offset > 0:
            raise ValueError(explain(expected="a positive offset", got=str(self.offset), do="pass 0.008"))
        check_clock(self.t0, self.t1, end=1.0)

    @property
    def _rate(self) -> float:
        return 0.5 * math.pi / (1 + self.offset)

    @property
    def _start(self) -> float:
        return self._rate * self.offset

    def alpha(self, t: Float[Array, ""]) -> Float[Array, ""]:
        # cos(theta) as the sine of what is left of the quarter turn: no cancellation near t = 1.
        return jnp.sin(self._rate * (1 - t)) / math.cos(self._start)

    def variance(self, t: Float[Array, ""]) -> Float[Array, ""]:
        turned = self._rate * t
        return jnp.sin(turned) * jnp.sin(turned + 2 * self._start) / math.cos(self._start) ** 2

    def added_variance(self, s: Float[Array, ""], t: Float[Array, ""]) -> Float[Array, ""]:
        # 1 - (alpha_t / alpha_s)^2, its difference of squares of sines as a product of sines.
        turned, left = self._rate * (t - s), self._rate * ((1 - s) + (1 - t))
        return jnp.sin(turned) * jnp.sin(left) / jnp.sin(self._rate * (1 - s)) ** 2

    def time_of(self, log_ratio: Float[Array, ""]) -> Float[Array, ""]:
        sine, cosine = math.sin(self._start), math.cos(self._start)
        variance, signal = jax.nn.sigmoid(2 * log_ratio), jax.nn.sigmoid(-2 * log_ratio)
        # sin and cos of theta, and from them those of theta - theta(0): every term is positive, so none cancels.
        sin_theta = jnp.sqrt(sine**2 + variance * cosine**2)
        cos_theta = jnp.sqrt(signal) * cosine
        sin_turned = variance * cosine**2 / (sin_theta * cosine + cos_theta * sine)
        return jnp.arctan2(sin_turned, cos_theta * cosine + sin_theta * sine) / self._rate


class Rectified(AbstractGaussianProcess):
    r"""Straight-line interpolation $\alpha = 1 - t$, $\sigma = t$: the process of rectified flow and flow matching.

    As an SDE $f = -1/(1 - t)$ and $g^2 = 2t/(1 - t)$, singular at t = 1, so ``t1`` must stay below; the flow of a denoiser
    in the angle is regular there.

    Args:
        t0: cut-off of the clock, the noise scale there.
        t1: end of the clock, below 1.

    Reference: Liu et al. (2023), *Flow straight and fast*, eq. 1; Lipman et al. (2023), *Flow matching*, eq. 20 with
    sigma_min = 0. Data stand at time 0 here.
    """

    t0: float = 1e-3
    t1: float = 0.999

    def __check_init__(self) -> None:
        check_clock(self.t0, self.t1, end=1.0)

    def alpha(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return 1 - t

    def variance(self, t: Float[Array, ""]) -> Float[Array, ""]:
        return t**2

    def added_variance(self, s: Float[Array, ""], t: Float[Array, ""]) -> Float[Array, ""]:
        # t^2 - ((1 - t) / (1 - s))^2 s^2, factored
        return (t - s) * (t * (1 - s) + s * (1 - t)) / (1 - s) ** 2

    def time_of(self, log_ratio: Float[Array, ""]) -> Float[Array, ""]:
        return jax.nn.sigmoid(log_ratio)
