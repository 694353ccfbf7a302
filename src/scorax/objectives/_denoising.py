"""Denoising score matching over all noise levels of a Gaussian process."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._free import only_free
from scorax._types import Condition, Key
from scorax.models import AbstractDenoiser, Prediction, velocity_in_angle
from scorax.objectives._times import AbstractTimes, LikelihoodTimes
from scorax.objectives._weighting import AbstractWeighting, LikelihoodWeighting


class AbstractObjective(eqx.Module):
    """One example and its ``u`` in [0, 1) to one scalar loss; the training loop averages over a batch, stratified in u."""

    @abc.abstractmethod
    def __call__(
        self,
        model: AbstractDenoiser,
        x0: Float[Array, "*shape"],
        u: Float[Array, ""],
        condition: Condition = None,
        *,
        key: Key,
        training: bool = True,
    ) -> Float[Array, ""]:
        """Unbiased value of the objective from one example; ``training`` turns dropout on."""


class DenoisingScoreMatching(AbstractObjective):
    r"""Denoising score matching, $\int \lambda(t)\, \tfrac12 E\,|s_\theta(t, x_t) + noise/\sigma(t)|^2\, dt$.

    With $t$ drawn from the density $p(t)$ of ``times`` the value of one example is $\tfrac12 \frac{\lambda(t)}{p(t)}
    |s_\theta + noise/\sigma|^2$: half a *sum* over coordinates. The error is computed as that of
    $v = \cos a\, noise - \sin a\, x_0$, by $|s_\theta + noise/\sigma|^2 = \cos^2 a\, |v_\theta - v|^2 / \sigma^2$, which is
    regular at both ends of the clock.

    With the default weighting the value is in nats: up to a constant in the model it is the negative evidence bound. Its
    minimum is not zero (trap 7): the floor is the conditional variance of the noise given the noisy state.

    Args:
        weighting: lambda(t).
        times: law of t; divided out, so it changes the variance of the gradient and not the optimum.

    Reference: Vincent (2011), eq. 11; Song et al. (2021), eq. 7; Karras et al. (2022), eq. 8.
    """

    weighting: AbstractWeighting = LikelihoodWeighting()
    times: AbstractTimes = LikelihoodTimes()

    def __call__(
        self,
        model: AbstractDenoiser,
        x0: Float[Array, "*shape"],
        u: Float[Array, ""],
        condition: Condition = None,
        *,
        key: Key,
        training: bool = True,
    ) -> Float[Array, ""]:
        noise_key, network_key = jax.random.split(key)
        t = self.times.quantile(model.process, u)
        level = model.process.level(t)
        noise = jax.random.normal(noise_key, x0.shape, x0.dtype)
        x = level.alpha * x0 + level.sigma * noise
        prediction = model.predict_at(level, x, condition, key=network_key if training else None)
        error = Prediction(prediction.x0 - x0, prediction.noise - noise)
        square = jnp.sum(only_free(model.free, velocity_in_angle(error, level)) ** 2)
        cos2 = level.alpha**2 / (level.alpha**2 + level.sigma**2)
        weight = self.weighting(model.process, t) / self.times.density(model.process, t)
        return 0.5 * weight * cos2 / level.sigma**2 * square
