"""Denoising score matching over all noise levels of a Gaussian process."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._types import Condition, Key
from scorax.models import (
    AbstractScoreModel,
    Prediction,
    bound,
    gaussian_process,
    num_targets,
    on_targets,
    tweedie,
    velocity_in_angle,
)
from scorax.objectives._abstract import AbstractObjective, split
from scorax.objectives._times import AbstractTimes, LikelihoodTimes
from scorax.objectives._weighting import AbstractWeighting, LikelihoodWeighting


class DenoisingScoreMatching(AbstractObjective):
    r"""Denoising score matching, $\int \lambda(t)\, \tfrac12 E\,|s_\theta(t, x_t) + noise/\sigma(t)|^2\, dt$.

    With $t$ drawn from the density $p(t)$ of ``times`` the value of one example is $\tfrac12 \frac{\lambda(t)}{p(t)}
    |s_\theta + noise/\sigma|^2$: half a *sum* over coordinates. The error is computed as that of
    $v = \cos a\, noise - \sin a\, x_0$, by $|s_\theta + noise/\sigma|^2 = \cos^2 a\, |v_\theta - v|^2 / \sigma^2$, which is
    regular at both ends of the clock.

    With the default weighting the value is in nats: up to a constant in the model it is the negative evidence bound. Its
    minimum is not zero (trap 7): the floor is the conditional variance of the noise given the noisy state.

    At one time it is the explicit objective plus the floor $\tfrac12 E\,|noise/\sigma + s|^2$. The variance of this value
    explodes as $\sigma \to 0$: $noise/\sigma$ is a noisy estimate of a smooth score. The control variate subtracts
    $k(t)\,[\tfrac12 (|noise|^2 - d) + \sigma\, noise \cdot s_\theta(t, \alpha x_0)] / \sigma^2$, whose mean is zero for every
    model because $s_\theta(t, \alpha x_0)$ does not know the noise, at the cost of a second evaluation. The factor
    $k = \cos^4 a\, (1 + 2 \sin^2 a) / (1 + 2 \sin^2 a \cos^2 a)$ is the one of least variance for the exact model of a standard
    normal: one for small noise, where it removes the explosion, and zero for large, where there is none.

    Where the condition is :class:`~scorax.models.Evidence` the model is asked given it, and the loss is that of the targets.

    Args:
        weighting: lambda(t).
        times: law of t; divided out, so it changes the variance of the gradient and not the optimum.
        control_variate: whether to subtract it: worth its cost where small noise matters.

    Raises:
        TypeError: the process has no scalar Gaussian kernel.

    Reference: Vincent (2011), eq. 11; Song et al. (2021), eq. 7; Karras et al. (2022), eq. 8; Wang et al. (2020),
    *A Wasserstein minimum velocity approach*, for a control variate of this kind.
    """

    weighting: AbstractWeighting = LikelihoodWeighting()  # pyright: ignore[reportIncompatibleVariableOverride]  frozen
    times: AbstractTimes = LikelihoodTimes()  # pyright: ignore[reportIncompatibleVariableOverride]  frozen
    control_variate: bool = False

    def at(
        self,
        model: AbstractScoreModel,
        t: Float[Array, ""],
        x0: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        key: Key,
        training: bool = True,
    ) -> Float[Array, ""]:
        model, condition = bound(model, condition)
        keys = split(key)
        network_key = keys.network if training else None
        level = gaussian_process(model.process).level(t)
        x0 = on_targets(model, x0)
        noise = on_targets(model, jax.random.normal(keys.state, x0.shape, x0.dtype))
        x = level.alpha * x0 + level.sigma * noise
        prediction = tweedie(model, t, x, condition, key=network_key)
        error = Prediction(prediction.x0 - x0, prediction.noise - noise)
        square = jnp.sum(on_targets(model, velocity_in_angle(error, level)) ** 2)
        cos2 = level.alpha**2 / (level.alpha**2 + level.sigma**2)
        value = 0.5 * cos2 * square
        if self.control_variate:
            at_data = tweedie(model, t, level.alpha * x0, condition, key=network_key).noise
            excess = jnp.sum(noise**2) - num_targets(model, condition, x.shape)
            variate = 0.5 * excess - jnp.sum(noise * at_data)
            sin2 = level.sigma**2 / (level.alpha**2 + level.sigma**2)
            value = value - cos2**2 * (1 + 2 * sin2) / (1 + 2 * sin2 * cos2) * variate
        return value / level.sigma**2

    def evaluations(self, dimension: int) -> int:
        return 2 if self.control_variate else 1
