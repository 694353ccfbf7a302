"""Score models of any process that are made of a network: the network itself, and minus the gradient of an energy."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._types import Condition, Key, Scalar
from scorax.models._score_model import AbstractNetworkModel, time_like
from scorax.networks import NOISE_SCALE, AbstractNetwork, noise_input, output_of
from scorax.processes import AbstractGaussianLaw, AbstractGaussianProcess, AbstractProcess, Clean


def clock_input(process: AbstractProcess, t: Float[Array, ""]) -> Float[Array, ""]:
    """What a network is told of the time: the log-ratio of a Gaussian process, nothing without noise, else the clock.

    All three lie in the range [-8, 8] that noise features are made for.
    """
    if isinstance(process, AbstractGaussianProcess):
        return noise_input(process.log_ratio(t))
    if isinstance(process, Clean):
        return jnp.zeros_like(t)
    return NOISE_SCALE * (2 * (t - process.t0) / (process.t1 - process.t0) - 1)


class ScoreNetwork(AbstractNetworkModel):
    r"""A network whose output is the score, $s_\theta(t, x) = F_\theta(c(t), x)$, under any process.

    For clean data and for processes without scalar Gaussian kernels. Where the process has them, a
    :class:`Denoiser` is better conditioned (nothing is scaled here) and serves every sampler.

    Args:
        network: ``network(c, x, condition, key=key) -> score``.
        process: the forward process.
        moments: law of the data to two moments; the start of samplers and the end of likelihoods.
    """

    network: AbstractNetwork
    process: AbstractProcess = Clean()
    moments: AbstractGaussianLaw | None = None

    def __call__(
        self, t: Scalar, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, "*shape"]:
        return output_of(self.network, clock_input(self.process, time_like(t, x)), x, condition, key=key)


class EnergyScore(AbstractNetworkModel):
    r"""Energy model: the score is $-\nabla_x E_\theta(t, x)$, hence the gradient of a function for every $\theta$.

    The scalar is made from any network by an inner product, $\Phi_\theta(c, y) = \langle y, F_\theta(c, y) \rangle$, and scaled
    as ``Karras`` scales a denoiser: with $R^2 = \alpha^2 + \sigma^2$

    $$ E_\theta(t, x) = \frac{|x|^2}{2 R^2} - \frac{\alpha}{\sigma}\, \Phi_\theta(c(t), x / R), $$

    so that $\nabla_y \Phi$ plays the part of F, and a zero last layer is the standard normal under the process. Without scalar
    Gaussian kernels $R = \alpha/\sigma = 1$. The law $\propto e^{-E}$ is not normalised and, for some $\theta$, not
    normalisable: score matching needs neither.

    Args:
        network: ``network(c, y, condition, key=key) -> F``; a mean of networks is the mean of their energies.
        process: the forward process.
        moments: law of the data to two moments; the start of samplers and the end of likelihoods.

    Reference: Song and Kingma (2021), *How to train your energy-based models*; Salimans and Ho (2021), *Should EBMs model
    the energy or the score?*, section 3.
    """

    network: AbstractNetwork
    process: AbstractProcess = Clean()
    moments: AbstractGaussianLaw | None = None

    def energy(
        self, t: Scalar, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, ""]:
        """Energy at time ``t`` and state ``x``: minus the log-density up to a constant that may depend on ``t``."""
        t = time_like(t, x)
        radius, gain = jnp.ones_like(t), jnp.ones_like(t)
        if isinstance(self.process, AbstractGaussianProcess):
            alpha, sigma = self.process.level(t)
            radius, gain = jnp.hypot(alpha, sigma), alpha / sigma
        y = x / radius
        potential = jnp.sum(y * output_of(self.network, clock_input(self.process, t), y, condition, key=key))
        return 0.5 * jnp.sum(y**2) - gain * potential

    def __call__(
        self, t: Scalar, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, "*shape"]:
        t = time_like(t, x)
        return -jax.grad(lambda z: self.energy(t, z, condition, key=key))(x)
