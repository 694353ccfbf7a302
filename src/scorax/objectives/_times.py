"""Laws of the training times: the quantile u -> t and the density that importance weights divide by."""

import abc

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr, ndtri
from jax.scipy.stats import norm
from jaxtyping import Array, Float

from scorax._checked import Checked, require_positive
from scorax.models import gaussian_process
from scorax.processes import AbstractGaussianProcess, AbstractProcess


class AbstractTimes(Checked):
    """Law of the training time on ``[t0, t1]``. The objective divides by its density, so it never changes the optimum.

    The density is taken with respect to the measure of the integral over time: the clock itself, or, for laws that sit on
    given times, those times with equal weights; there it is one and the integral is the mean over the times.
    """

    @abc.abstractmethod
    def quantile(self, process: AbstractProcess, u: Float[Array, ""]) -> Float[Array, ""]:
        """Time below which a share ``u`` of the training times falls."""

    @abc.abstractmethod
    def density(self, process: AbstractProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        """Density of the training times at ``t``; per unit of the clock where they are spread over it."""


class UniformTimes(AbstractTimes):
    """Times uniform on the clock ``[t0, t1]`` (Song et al. 2021)."""

    def quantile(self, process: AbstractProcess, u: Float[Array, ""]) -> Float[Array, ""]:
        return process.t0 + (process.t1 - process.t0) * u

    def density(self, process: AbstractProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.full_like(t, 1 / (process.t1 - process.t0))


class LogNormalTimes(AbstractTimes):
    r"""$\log(\sigma/\alpha) \sim N(mean, sd^2)$ restricted to the levels of the process (Karras et al. 2022, table 1).

    Args:
        mean: centre of the log noise-to-signal ratio.
        sd: its standard deviation.

    Raises:
        ValueError: an ``sd`` that is not positive.
    """

    mean: float = -1.2
    sd: float = 1.2

    def __check_init__(self) -> None:
        require_positive(self.sd, "sd of LogNormalTimes")

    def _ends(self, process: AbstractGaussianProcess, like: Array) -> tuple[Array, Array]:
        ends = jnp.array([process.t0, process.t1], like.dtype)
        low, high = ndtr((jax.vmap(process.log_ratio)(ends) - self.mean) / self.sd)
        return low, high

    def quantile(self, process: AbstractProcess, u: Float[Array, ""]) -> Float[Array, ""]:
        process = gaussian_process(process)
        low, high = self._ends(process, u)
        t = process.time_of(self.mean + self.sd * ndtri(low + (high - low) * u))
        return jnp.clip(t, process.t0, process.t1)  # rounding of cdf and ppf may step over an end

    def density(self, process: AbstractProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        process = gaussian_process(process)
        low, high = self._ends(process, t)
        z = (process.log_ratio(t) - self.mean) / self.sd
        return norm.pdf(z) / self.sd / (high - low) * process.log_ratio_rate(t)


class LikelihoodTimes(AbstractTimes):
    r"""$\log \sin a$ uniform, with $a = atan2(\sigma, \alpha)$: the times under which the likelihood weight is constant.

    Since $d\log\sin a = \cos^2 a \; d\log(\sigma/\alpha)$, the likelihood-weighted loss is the plain mean square of the error
    of $v = \cos a\, noise - \sin a\, x_0$ under these times, times their range: the lowest variance among reweightings.
    """

    def _log_sin(self, process: AbstractGaussianProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        return -0.5 * jnp.log1p(jnp.exp(-2 * process.log_ratio(t)))

    def _ends(self, process: AbstractGaussianProcess, like: Array) -> tuple[Array, Array]:
        low, high = (self._log_sin(process, jnp.asarray(t, like.dtype)) for t in (process.t0, process.t1))
        return low, high

    def quantile(self, process: AbstractProcess, u: Float[Array, ""]) -> Float[Array, ""]:
        process = gaussian_process(process)
        low, high = self._ends(process, u)
        log_sin = low + (high - low) * u
        t = process.time_of(log_sin - 0.5 * jnp.log(-jnp.expm1(2 * log_sin)))
        return jnp.clip(t, process.t0, process.t1)

    def density(self, process: AbstractProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        process = gaussian_process(process)
        low, high = self._ends(process, t)
        cos2 = 1 / (1 + jnp.exp(2 * process.log_ratio(t)))
        return cos2 * process.log_ratio_rate(t) / (high - low)
