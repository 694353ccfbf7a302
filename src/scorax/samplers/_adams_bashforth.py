"""The exponential Adams-Bashforth method in the angle: one evaluation a step."""

from typing import ClassVar, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, Prediction
from scorax.samplers._abstract import AbstractGridSampler, Traits
from scorax.samplers._grids import AbstractGrid, LogNormalGrid, Node
from scorax.samplers._updates import level_of, narrowed, recombined


class Last(NamedTuple):
    """Prediction of the last step, and the length of that step in the angle; infinite before the first.

    A second-order correction is divided by that length, so the first step is of order one without a special case.
    """

    prediction: Prediction
    length: Float[Array, ""]


class AdamsBashforth(AbstractGridSampler[Last]):
    r"""Exponential Adams-Bashforth method of order two in the angle $a = atan2(\sigma, \alpha)$, the v-form of the flow.

    The flow of $y = x/R$ is $dy/da = \cos(a)\, n - \sin(a)\, x_0$. Both predictions are continued linearly in the angle from
    the last two nodes, with slopes $n'$ and $x_0'$, and the rotation is integrated exactly. With $h = a_s - a_t$

    $$ y_s = \cos(a_s)\, x_0 + \sin(a_s)\, n + n' (h \sin a_s + \cos a_s - \cos a_t) + x_0' (h \cos a_s - \sin a_s + \sin a_t). $$

    Without slopes it is DDIM. Every coefficient is regular at both ends of the clock, whatever the parametrization: neither
    a division by $\sigma$ nor one by $\alpha$. One evaluation a step.
    The default sampler.

    Args:
        num_steps: updates from ``t1`` to ``t0``.
        grid: where they are placed; dense in the middle of the clock by default.

    Reference: Zhang and Chen (2023), *Fast sampling of diffusion models with exponential integrator*, eq. 15 (the method,
    for the noise prediction); Salimans and Ho (2022), appendix D (the angle).
    """

    needs_denoiser: ClassVar[bool] = True
    num_steps: int = 32
    grid: AbstractGrid = LogNormalGrid()
    traits: ClassVar[Traits] = Traits(
        "flow", "2", "1", "a denoiser", "the default: most accurate for its evaluations, the law of log_prob"
    )

    @property
    def follows_flow(self) -> bool:
        return True

    def begin(self, x: Float[Array, "*shape"]) -> Last:
        zeros = jnp.zeros_like(x)
        return Last(Prediction(zeros, zeros), jnp.asarray(jnp.inf, x.dtype))

    def advance(
        self,
        model: AbstractScoreModel,
        x: Float[Array, "*shape"],
        memory: Last,
        t: Node,
        s: Node,
        condition: Condition,
        *,
        key: Key,
    ) -> tuple[Float[Array, "*shape"], Last]:
        level, target, last = level_of(t), level_of(s), memory
        now = narrowed(model).predict_at(level, x, condition)
        radius = jnp.hypot(target.alpha, target.sigma)
        here = jnp.arctan2(level.sigma, level.alpha)
        h = jnp.arctan2(target.sigma, target.alpha) - here
        cosine, sine = _slope_weights(here, h)
        noise_slope = (now.noise - last.prediction.noise) / last.length
        x0_slope = (now.x0 - last.prediction.x0) / last.length
        y = recombined(now, target) + radius * (cosine * noise_slope + sine * x0_slope)
        return y, Last(now, h)


def _slope_weights(a: Float[Array, ""], h: Float[Array, ""]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    r"""$\int_0^h u \cos(a + u)\, du$ and $-\int_0^h u \sin(a + u)\, du$, both of the order of $h^2/2$.

    With $\int_0^h u \cos u\, du = h \sin h + \cos h - 1$ and $\int_0^h u \sin u\, du = \sin h - h \cos h$, which cancel for
    small h; below a tenth the series is exact to rounding.
    """
    small = jnp.abs(h) < 0.1
    safe = jnp.where(small, 1.0, h)
    square = h**2
    series = square * (1 / 2 - square * (1 / 8 - square * (1 / 144 - square / 5760)))
    real = jnp.where(small, series, safe * jnp.sin(safe) + jnp.cos(safe) - 1)
    series = h * square * (1 / 3 - square * (1 / 30 - square * (1 / 840 - square / 45360)))
    imaginary = jnp.where(small, series, jnp.sin(safe) - safe * jnp.cos(safe))
    return jnp.cos(a) * real - jnp.sin(a) * imaginary, -(jnp.sin(a) * real + jnp.cos(a) * imaginary)
