"""Loss weights lambda(t) of the squared score error."""

import abc

import jax.numpy as jnp
from jax.scipy.stats import norm
from jaxtyping import Array, Float

from scorax._checked import Checked, require_positive
from scorax.models import gaussian_process
from scorax.processes import AbstractProcess


class AbstractWeighting(Checked):
    r"""Weight $\lambda(t)$ in $\int \lambda(t) \tfrac12 E\,|s_\theta(t, x) - s(t, x)|^2 dt$."""

    @abc.abstractmethod
    def __call__(self, process: AbstractProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        """The weight at time ``t``.

        Raises:
            TypeError: the weight speaks of noise levels and the process has none.
        """


class UniformWeighting(AbstractWeighting):
    r"""$\lambda = 1$ on the clock, under any process. At one noise level: Vincent's objective as he wrote it."""

    def __call__(self, process: AbstractProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.ones_like(t)


class LikelihoodWeighting(AbstractWeighting):
    r"""$\lambda = g^2$: the objective is then, up to a constant, the negative evidence bound of the reverse SDE in nats.

    Reference: Song et al. (2021), *Maximum likelihood training of score-based diffusion models*, theorem 1.
    """

    def __call__(self, process: AbstractProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        return gaussian_process(process).squared_diffusion(t)


class VarianceWeighting(AbstractWeighting):
    r"""$\lambda = \sigma^2$: the squared error of the noise, uniform over the clock (Ho et al. 2020, eq. 14)."""

    def __call__(self, process: AbstractProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        return gaussian_process(process).variance(t)


class EDMWeighting(AbstractWeighting):
    r"""The weight under which EDM trains: unit weight on the network's error, at log-normal levels.

    $$ \lambda = \sigma^2 \, N(\log(\sigma/\alpha); mean, sd^2)\, \frac{R^2}{\alpha^2 sd_{data}^2}\,
       \frac{d}{dt}\log(\sigma/\alpha), \qquad R^2 = \alpha^2 sd_{data}^2 + \sigma^2. $$

    Args:
        mean: centre of the density over ``log(sigma / alpha)``.
        sd: its standard deviation.
        data_scale: standard deviation of the data.

    Raises:
        ValueError: a scale that is not positive.

    Reference: Karras et al. (2022), table 1.
    """

    mean: float = -1.2
    sd: float = 1.2
    data_scale: float = 1.0

    def __check_init__(self) -> None:
        require_positive(self.sd, "sd of EDMWeighting")
        require_positive(self.data_scale, "data_scale of EDMWeighting")

    def __call__(self, process: AbstractProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        process = gaussian_process(process)
        log_ratio = process.log_ratio(t)
        density = norm.pdf((log_ratio - self.mean) / self.sd) / self.sd * process.log_ratio_rate(t)
        inflation = 1 + jnp.exp(2 * log_ratio) / self.data_scale**2
        return process.variance(t) * density * inflation


class MinSNRWeighting(AbstractWeighting):
    r"""$\lambda = \sigma^2 \min(1, \gamma\, \sigma^2 / \alpha^2)$: the squared error of the data with its weight capped at gamma.

    The signal-to-noise ratio $\alpha^2/\sigma^2$ is the weight on clean data that ``VarianceWeighting`` gives; capped, the easy
    small noise levels pull less.

    Args:
        gamma: largest weight on the squared error of the clean data.

    Raises:
        ValueError: a gamma that is not positive.

    Reference: Hang et al. (2023), *Efficient diffusion training via Min-SNR weighting strategy*.
    """

    gamma: float = 5.0

    def __check_init__(self) -> None:
        require_positive(self.gamma, "gamma of MinSNRWeighting")

    def __call__(self, process: AbstractProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        process = gaussian_process(process)
        return process.variance(t) * jnp.minimum(1.0, self.gamma * jnp.exp(2 * process.log_ratio(t)))


class VelocityWeighting(AbstractWeighting):
    r"""$\lambda = (g^2/2)^2$: the squared error of the velocity $\alpha' x_0 + \sigma'\, noise$; flow matching, at uniform times.

    An error of the noise is one of the velocity times $\sigma\, \frac{d}{dt}\log(\sigma/\alpha)$, so flow matching is denoising
    score matching in other coordinates, with this weight.

    Reference: Lipman et al. (2023), *Flow matching for generative modeling*, eq. 14; Liu et al. (2023), eq. 1.
    """

    def __call__(self, process: AbstractProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        return (0.5 * gaussian_process(process).squared_diffusion(t)) ** 2
