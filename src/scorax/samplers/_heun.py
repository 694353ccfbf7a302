"""Heun's method, with or without churn: the samplers of EDM."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import Checked
from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.models import AbstractDenoiser, AbstractScoreModel, Prediction
from scorax.processes import Level
from scorax.samplers._abstract import DEFAULT_GRID, AbstractOneStepSampler, Traits
from scorax.samplers._grids import AbstractGrid, Node
from scorax.samplers._updates import level_of, narrowed, recombined


class Churn(Checked):
    r"""Noise put back before each step, $r \to (1 + \gamma) r$ with $r = \sigma/\alpha$ and
    $\gamma = \min(amount / N, \sqrt 2 - 1)$, where ``low <= r <= high``.

    It corrects errors of earlier steps and costs accuracy of the integration: what is best depends on the model, and zero
    is a good start.

    Args:
        amount: $S_{churn}$, spread over the steps.
        low: least ratio at which noise is added, $S_{tmin}$.
        high: largest, $S_{tmax}$.
        inflation: $S_{noise}$, standard deviation of the added noise; a little above one offsets a denoiser that removes
            too much.

    Reference: Karras et al. (2022), algorithm 2.
    """

    amount: float = eqx.field(default=40.0, static=True)
    low: float = eqx.field(default=0.05, static=True)
    high: float = eqx.field(default=50.0, static=True)
    inflation: float = eqx.field(default=1.0, static=True)

    def __check_init__(self) -> None:
        if not (self.amount >= 0 and 0 <= self.low <= self.high and self.inflation > 0):
            raise ValueError(
                explain(
                    expected="amount >= 0, 0 <= low <= high and inflation > 0",
                    got=f"{self.amount}, {self.low}, {self.high}, {self.inflation}",
                    do="see Karras et al. (2022), table 5",
                )
            )

    def raised(self, level: Level, num_steps: int) -> tuple[Level, Float[Array, ""]]:
        """The level after noise was put back, and the standard deviation of that noise."""
        ratio = level.sigma / level.alpha
        inside = (ratio >= self.low) & (ratio <= self.high)
        gain = jnp.where(inside, min(self.amount / num_steps, 2**0.5 - 1), 0.0).astype(ratio.dtype)
        added = self.inflation * level.sigma * jnp.sqrt(gain * (2 + gain))
        return level._replace(sigma=(1 + gain) * level.sigma), added


class Heun(AbstractOneStepSampler):
    r"""Heun's method for $d(x/\alpha)/d(\sigma/\alpha) = noise$, the sampler of EDM.

    $$ \hat x_s = \alpha_s x_0 + \sigma_s n_t, \quad
       x_s = \frac{\alpha_s}{\alpha_t} x + \left(\sigma_s - \frac{\alpha_s}{\alpha_t}\sigma_t\right) \frac{n_t + n_s}{2} $$

    with $n_t = noise(t, x)$ and $n_s = noise(s, \hat x_s)$. Order two; two evaluations a step.

    Args:
        num_steps: updates from ``t1`` to ``t0``.
        grid: where they are placed.
        churn: noise put back before each step; none by default, which makes the sampler deterministic after its start.

    Reference: Karras et al. (2022), algorithms 1 and 2, for any alpha.
    """

    num_steps: int = 32
    grid: AbstractGrid = DEFAULT_GRID
    churn: Churn | None = None
    needs_denoiser: ClassVar[bool] = True
    traits: ClassVar[Traits] = Traits(
        "flow; random with churn", "2", "2", "a denoiser", "comparison with EDM; models whose errors churn mends"
    )

    @property
    def follows_flow(self) -> bool:
        return self.churn is None

    def step(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], t: Node, s: Node, condition: Condition, *, key: Key
    ) -> Float[Array, "*shape"]:
        denoiser, level = narrowed(model), level_of(t)
        if self.churn is not None:
            level, added = self.churn.raised(level, self.num_steps)
            x = x + added * jax.random.normal(key, x.shape, x.dtype)
        return _heun_step(denoiser, x, level, level_of(s), condition)


def _heun_step(
    denoiser: AbstractDenoiser, x: Float[Array, "*shape"], level: Level, target: Level, condition: Condition
) -> Float[Array, "*shape"]:
    first = denoiser.predict_at(level, x, condition)
    second = denoiser.predict_at(target, recombined(first, target), condition)
    # With the mean noise n the line through x is x0 = (x - sigma_t n) / alpha_t; written around the first prediction
    # to avoid that division: (x - sigma_t n) / alpha_t = x0 + sigma_t / alpha_t (n_t - n).
    mean_noise = (first.noise + second.noise) / 2
    x0 = first.x0 + level.sigma / level.alpha * (first.noise - mean_noise)
    return recombined(Prediction(x0, mean_noise), target)
