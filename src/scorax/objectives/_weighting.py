"""Loss weights lambda(t) of the squared score error."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.stats import norm
from jaxtyping import Array, Float

from scorax.processes import AbstractGaussianProcess


class AbstractWeighting(eqx.Module):
    r"""Weight $\lambda(t)$ in $\int \lambda(t) \tfrac12 E\,|s_\theta(t, x) - s(t, x)|^2 dt$."""

    @abc.abstractmethod
    def __call__(self, process: AbstractGaussianProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        """The weight at time ``t``."""


class LikelihoodWeighting(AbstractWeighting):
    r"""$\lambda = g^2$: the objective is then, up to a constant, the negative evidence bound of the reverse SDE in nats.

    Reference: Song et al. (2021), *Maximum likelihood training of score-based diffusion models*, theorem 1.
    """

    def __call__(self, process: AbstractGaussianProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        return process.squared_diffusion(t)


class VarianceWeighting(AbstractWeighting):
    r"""$\lambda = \sigma^2$: the squared error of the noise, uniform over the clock (Ho et al. 2020, eq. 14)."""

    def __call__(self, process: AbstractGaussianProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        return process.variance(t)


class EDMWeighting(AbstractWeighting):
    r"""The weight under which EDM trains: unit weight on the network's error, at log-normal levels.

    $$ \lambda = \sigma^2 \, N(\log(\sigma/\alpha); mean, sd^2)\, \frac{R^2}{\alpha^2 sd_{data}^2}\,
       \frac{d}{dt}\log(\sigma/\alpha). $$

    Args:
        mean: centre of the density over ``log(sigma / alpha)``.
        sd: its standard deviation.
        data_scale: standard deviation of the data.

    Reference: Karras et al. (2022), table 1.
    """

    mean: float = -1.2
    sd: float = 1.2
    data_scale: float = 1.0

    def __call__(self, process: AbstractGaussianProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        log_ratio = process.log_ratio(t)
        density = norm.pdf((log_ratio - self.mean) / self.sd) / self.sd * process.log_ratio_rate(t)
        inflation = 1 + jnp.exp(2 * log_ratio) / self.data_scale**2
        return process.variance(t) * density * inflation
