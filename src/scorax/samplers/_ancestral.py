"""Samplers that re-noise a prediction: DDIM, and the ancestral sampler of DDPM."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel
from scorax.samplers._abstract import DEFAULT_GRID, AbstractOneStepSampler, Traits
from scorax.samplers._grids import AbstractGrid, Node
from scorax.samplers._updates import bridge, level_of, narrowed, recombined


class DDPM(AbstractOneStepSampler):
    r"""Ancestral sampling: each step draws from the Gaussian posterior of the chain at the predicted clean data.

    With $a = \alpha_t/\alpha_s$ and $b^2 = \sigma_t^2 - a^2 \sigma_s^2$

    $$ x_s = \alpha_s \hat x_0 + \frac{a \sigma_s^2}{\sigma_t}\, \widehat{noise} + \tau z, \qquad
       \tau^2 = \frac{\sigma_s^2 b^2}{\sigma_t^2} \;\text{(posterior)} \quad\text{or}\quad b^2 \;\text{(forward)}. $$

    On any Gaussian process: it is the chain of Ho et al. under a VP schedule and the one of Song et al. under VE. The
    posterior variance is right for data that are a point. Data N(0, I) need
    $b^2 (\alpha_s^2 + \sigma_s^2) / (\alpha_t^2 + \sigma_t^2)$, which is the forward variance where
    $\alpha^2 + \sigma^2 = 1$ and less where that grows with the noise. For other data either is off by the order of a step, so
    many steps are needed. With ``variance="posterior"`` it is ``DDIM(eta=1)``.

    Args:
        num_steps: updates from ``t1`` to ``t0``.
        grid: where they are placed; :class:`NodeGrid` walks the nodes of a table of noise levels.
        variance: ``"posterior"`` (the smaller) or ``"forward"`` (the larger).

    Reference: Ho et al. (2020), eq. 7 and section 3.2; Song et al. (2021), appendix F.
    """

    num_steps: int = 500
    grid: AbstractGrid = DEFAULT_GRID
    variance: str = eqx.field(default="posterior", static=True)
    needs_denoiser: ClassVar[bool] = True
    traits: ClassVar[Traits] = Traits(
        "chain, random", "1", "1", "a denoiser", "the chain a DDPM was trained for; hundreds of steps"
    )

    def __check_init__(self) -> None:
        if self.variance not in ("posterior", "forward"):
            raise ValueError(
                explain(expected="variance 'posterior' or 'forward'", got=repr(self.variance), do="choose one")
            )

    def step(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], t: Node, s: Node, condition: Condition, *, key: Key
    ) -> Float[Array, "*shape"]:
        level, target = level_of(t), level_of(s)
        prediction = narrowed(model).predict_at(level, x, condition)
        chain = bridge(level, target)
        kept = chain.decay * target.sigma**2 / level.sigma
        spread = jnp.sqrt(chain.posterior if self.variance == "posterior" else chain.added)
        mean = target.alpha * prediction.x0 + kept * prediction.noise
        return mean + spread * jax.random.normal(key, x.shape, x.dtype)


class DDIM(AbstractOneStepSampler):
    r"""DDIM, a family from the deterministic flow to the chain of DDPM:

    $$ x_s = \alpha_s \hat x_0 + \sqrt{\sigma_s^2 - \eta^2 \tau^2}\; \widehat{noise} + \eta \tau z, \qquad
       \tau^2 = \frac{\sigma_s^2}{\sigma_t^2} \left(\sigma_t^2 - \frac{\alpha_t^2}{\alpha_s^2} \sigma_s^2\right). $$

    With ``eta = 0`` it is exact where the prediction does not change along the path, and otherwise Euler's method in
    $\sigma/\alpha$, of order one; with ``eta = 1`` it is :class:`DDPM` with the posterior variance.

    Args:
        num_steps: updates from ``t1`` to ``t0``.
        grid: where they are placed.
        eta: share of the posterior's standard deviation that is drawn anew; in [0, 1].

    Reference: Song et al. (2021), *Denoising diffusion implicit models*, eqs. 12 and 16.
    """

    num_steps: int = 50
    grid: AbstractGrid = DEFAULT_GRID
    eta: float = eqx.field(default=0.0, static=True)
    needs_denoiser: ClassVar[bool] = True
    traits: ClassVar[Traits] = Traits(
        "flow; random where eta > 0",
        "1",
        "1",
        "a denoiser",
        "comparison with published results, and a latent for every draw",
    )

    def __check_init__(self) -> None:
        if not 0 <= self.eta <= 1:
            raise ValueError(explain(expected="eta in [0, 1]", got=f"{self.eta}", do="0 is the flow, 1 the chain"))

    @property
    def follows_flow(self) -> bool:
        return self.eta == 0

    def step(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], t: Node, s: Node, condition: Condition, *, key: Key
    ) -> Float[Array, "*shape"]:
        level, target = level_of(t), level_of(s)
        prediction = narrowed(model).predict_at(level, x, condition)
        if self.eta == 0:
            return recombined(prediction, target)
        drawn = self.eta**2 * bridge(level, target).posterior
        kept = recombined(prediction, target._replace(sigma=jnp.sqrt(target.sigma**2 - drawn)))
        return kept + jnp.sqrt(drawn) * jax.random.normal(key, x.shape, x.dtype)
