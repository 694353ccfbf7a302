"""Parametrizations whose output belongs to the clock of one process: the velocity and the score themselves."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax.models._parametrization import AbstractParametrization, Coefficients
from scorax.processes import AbstractGaussianProcess, Level


class AbstractScheduledParametrization(AbstractParametrization):
    r"""Parametrization that also needs the clock of the process it was trained under, and therefore carries it.

    The velocity needs $\alpha'$ and $\sigma'$, and velocity and score both scale with the state, so neither is a function of
    the ratio $\sigma/\alpha$ that a denoiser is told. The output is read on the clock of ``process``: at the time of the same
    ratio, for the state scaled to that process. A model can then be evaluated at levels of any scale (the deterministic flow
    works at unit radius) and be given another schedule or cut-off, and the output keeps its meaning.

    ``process`` is the process under which the output is a velocity or a score.
    """

    process: eqx.AbstractVar[AbstractGaussianProcess]

    @abc.abstractmethod
    def own_coefficients(self, t: Float[Array, ""]) -> Coefficients:
        """The four coefficients for the state of ``process`` at its time ``t``."""

    def coefficients(self, level: Level) -> Coefficients:
        t = self.process.time_of(jnp.log(level.sigma) - jnp.log(level.alpha))
        scale = jnp.hypot(*self.process.level(t)) / jnp.hypot(*level)
        a, b, c, d = self.own_coefficients(t)
        return Coefficients(scale * a, b, scale * c, d)


class PredictVelocity(AbstractScheduledParametrization):
    r"""F is the velocity $\alpha' x_0 + \sigma'\, noise$ of the straight line between data and noise, as in flow matching.

    With $W = \alpha\sigma' - \alpha'\sigma$ the pair is $x_0 = (\sigma' x - \sigma F) / W$, $noise = (\alpha F - \alpha' x) / W$.
    Regular at both ends for the rectified path ($\alpha = 1 - t$, $\sigma = t$, where $W = 1$); singular where the log
    noise-to-signal ratio is stationary.

    Args:
        process: the process whose velocity it is; as a rule that of the model.
        data_scale: standard deviation of the data.

    Reference: Lipman et al. (2023), *Flow matching for generative modeling*; Liu et al. (2023), eq. 1.
    """

    process: AbstractGaussianProcess
    data_scale: float = 1.0

    def own_coefficients(self, t: Float[Array, ""]) -> Coefficients:
        (alpha, sigma), (alpha_rate, sigma_rate) = jax.jvp(self.process.level, (t,), (jnp.ones_like(t),))
        w = alpha * sigma_rate - alpha_rate * sigma
        return Coefficients(sigma_rate / w, -sigma / w, -alpha_rate / w, alpha / w)


class PredictScore(AbstractScheduledParametrization):
    r"""F is the score itself: $noise = -\sigma F$ and $x_0 = (x + \sigma^2 F) / \alpha$.

    The target of the network grows like $1/\sigma$; ``Karras`` or ``PredictNoise`` train better. For reading a network of that
    kind, and for comparisons. :class:`ScoreNetwork` serves processes without Gaussian kernels.

    Args:
        process: the process whose score it is; as a rule that of the model.
        data_scale: standard deviation of the data.

    Reference: Song and Ermon (2019), section 3.
    """

    process: AbstractGaussianProcess
    data_scale: float = 1.0

    def own_coefficients(self, t: Float[Array, ""]) -> Coefficients:
        alpha, sigma = self.process.level(t)
        return Coefficients(1 / alpha, sigma**2 / alpha, jnp.zeros_like(alpha), -sigma)
