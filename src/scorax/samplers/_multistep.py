"""Second-order samplers that remember the last prediction: one evaluation a step."""

import abc
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, Prediction
from scorax.processes import Level
from scorax.samplers._abstract import AbstractGridSampler, Traits
from scorax.samplers._grids import AbstractGrid, LogNormalGrid, LogRatioGrid, Node
from scorax.samplers._updates import level_of, narrowed, recombined


class Last(NamedTuple):
    """Prediction of the last step, and the length of that step in the variable of the method; infinite before the first.

    A second-order correction is divided by that length, so the first step is of order one without a special case.
    """

    prediction: Prediction
    length: Float[Array, ""]


class _AbstractTwoStep(AbstractGridSampler[Last]):
    """Method that continues the predictions of the last two nodes."""

    needs_denoiser: ClassVar[bool] = True

    @abc.abstractmethod
    def _update(
        self,
        x: Float[Array, "*shape"],
        now: Prediction,
        last: Last,
        level: Level,
        target: Level,
        noise: Callable[[], Float[Array, "*shape"]],
    ) -> tuple[Float[Array, "*shape"], Float[Array, ""]]:
        """State at the level ``target`` and the length of the step; ``noise`` draws standard normal noise."""

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
        level = level_of(t)
        now = narrowed(model).predict_at(level, x, condition)
        y, length = self._update(x, now, memory, level, level_of(s), lambda: jax.random.normal(key, x.shape, x.dtype))
        return y, Last(now, length)


class DPMSolver(_AbstractTwoStep):
    r"""DPM-Solver++ (2M): the exponential integrator of the flow in $\lambda = \log(\alpha/\sigma)$, for the data prediction.

    With $h = \lambda_s - \lambda_t$, the last step's $h'$, and $D = \hat x_0 + \frac{h}{2 h'} (\hat x_0 - \hat x_0')$

    $$ x_s = \frac{\sigma_s}{\sigma_t} x - \alpha_s \left(e^{-h} - 1\right) D, $$

    of order two with one evaluation a step. Its SDE form follows the reverse-time SDE:

    $$ x_s = \frac{\sigma_s}{\sigma_t} e^{-h} x + \alpha_s \left(1 - e^{-2h}\right) D + \sigma_s \sqrt{1 - e^{-2h}}\; z. $$

    Args:
        num_steps: updates from ``t1`` to ``t0``.
        grid: where they are placed.
        stochastic: the SDE form.

    Reference: Lu et al. (2022), *DPM-Solver++*, algorithm 2 and eq. 18 (SDE-DPM-Solver++ 2M).
    """

    num_steps: int = 20
    grid: AbstractGrid = LogRatioGrid()
    stochastic: bool = False
    traits: ClassVar[Traits] = Traits(
        "flow; reverse SDE where stochastic",
        "2 (SDE form: 1)",
        "1",
        "a denoiser",
        "few evaluations of an expensive network",
    )

    @property
    def follows_flow(self) -> bool:
        return not self.stochastic

    def _update(
        self,
        x: Float[Array, "*shape"],
        now: Prediction,
        last: Last,
        level: Level,
        target: Level,
        noise: Callable[[], Float[Array, "*shape"]],
    ) -> tuple[Float[Array, "*shape"], Float[Array, ""]]:
        h = jnp.log(target.alpha / level.alpha) - jnp.log(target.sigma / level.sigma)
        extrapolated = now.x0 + 0.5 * h / last.length * (now.x0 - last.prediction.x0)
        decay = target.sigma / level.sigma
        if self.stochastic:
            share = -jnp.expm1(-2 * h)
            drawn = jnp.sqrt(share) * target.sigma * noise()
            return decay * jnp.exp(-h) * x + target.alpha * share * extrapolated + drawn, h
        return decay * x - target.alpha * jnp.expm1(-h) * extrapolated, h


class AdamsBashforth(_AbstractTwoStep):
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

    num_steps: int = 32
    grid: AbstractGrid = LogNormalGrid()
    traits: ClassVar[Traits] = Traits(
        "flow", "2", "1", "a denoiser", "the default: most accurate for its evaluations, the law of log_prob"
    )

    @property
    def follows_flow(self) -> bool:
        return True

    def _update(
        self,
        x: Float[Array, "*shape"],
        now: Prediction,
        last: Last,
        level: Level,
        target: Level,
        noise: Callable[[], Float[Array, "*shape"]],
    ) -> tuple[Float[Array, "*shape"], Float[Array, ""]]:
        radius = jnp.hypot(target.alpha, target.sigma)
        here = jnp.arctan2(level.sigma, level.alpha)
        h = jnp.arctan2(target.sigma, target.alpha) - here
        cosine, sine = _slope_weights(here, h)
        noise_slope = (now.noise - last.prediction.noise) / last.length
        x0_slope = (now.x0 - last.prediction.x0) / last.length
        return recombined(now, target) + radius * (cosine * noise_slope + sine * x0_slope), h


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
