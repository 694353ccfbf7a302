"""Langevin corrections at noise levels: annealed Langevin dynamics and predictor-corrector."""

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import require_count
from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, gaussian_process
from scorax.samplers._abstract import DEFAULT_GRID, AbstractOneStepSampler, Traits
from scorax.samplers._euler_maruyama import EulerMaruyama
from scorax.samplers._grids import AbstractGrid, LogRatioGrid, Node
from scorax.samplers._updates import level_of


class AnnealedLangevin(AbstractOneStepSampler):
    r"""Annealed Langevin dynamics: a few Langevin steps on the noisy law of each level, from large noise to small.

    $$ x \leftarrow x + \eta\, S(x, \sigma) + \sqrt{2 \eta}\; z, \qquad \eta = step\_size \cdot \sigma^2. $$

    Between levels $x/\alpha$ is kept. Each level starts from the one before and is itself biased: on $N(0, v)$ under VE the
    variance follows $V \leftarrow (1 - \eta/(v + \sigma^2))^2\, V + 2 \eta$. NCSN writes $\alpha = 2 \eta$. End with
    :class:`TweedieMean` to take the noise of the last level away.

    Args:
        num_steps: noise levels below the first.
        grid: where they are placed; a geometric ladder by default.
        step_size: :math:`\eta/\sigma^2`, below two; large steps mix and bias more.
        corrections: Langevin steps at each level.

    Reference: Song and Ermon (2019), algorithm 1; (2020), *Improved techniques*, algorithm 1.
    """

    num_steps: int = 100
    grid: AbstractGrid = LogRatioGrid()
    step_size: float = eqx.field(default=0.1, static=True)
    corrections: int = 5
    traits: ClassVar[Traits] = Traits(
        "Langevin on each noisy law, random",
        "a bias of order step_size",
        "corrections",
        "a score under Gaussian noise",
        "NCSN models, teaching",
    )

    def __check_init__(self) -> None:
        require_count(self.corrections, "corrections of AnnealedLangevin")
        if not 0 < self.step_size < 2:
            raise ValueError(
                explain(expected="step_size in (0, 2)", got=f"{self.step_size}", do="two and more diverge: take 0.1")
            )

    def check(self, model: AbstractScoreModel) -> None:
        super().check(model)
        gaussian_process(model.process)

    def step(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], t: Node, s: Node, condition: Condition, *, key: Key
    ) -> Float[Array, "*shape"]:
        target = level_of(s)
        x = target.alpha / level_of(t).alpha * x
        return _corrected(model, x, s, self.step_size, self.corrections, condition, key=key)


class PredictorCorrector(AbstractOneStepSampler):
    r"""A step of another sampler, then Langevin steps at the level it arrives at.

    $$ x \leftarrow x + \eta\, S(x, \sigma) + \sqrt{2 \eta}\; z, \qquad \eta = 2\, snr^2 \sigma^2, $$

    which leaves a pure noise $N(0, \sigma^2 I)$ with the variance $\sigma^2 / (1 - snr^2)$ in any dimension. The published rule
    has $|z|^2 / |S|^2$ in the place of $\sigma^2$, its mean over a batch: the same for pure noise in many dimensions, but a row
    would depend on its batch, and with the norms of the row alone steps grow where the score vanishes, which in two
    dimensions inflates a covariance by half (docs/samplers.md).

    Args:
        num_steps: updates from ``t1`` to ``t0``.
        grid: where they are placed.
        predictor: the other sampler; its own steps and grid are not used.
        corrections: Langevin steps after each of its steps.
        snr: signal-to-noise ratio of a Langevin step.

    Reference: Song et al. (2021), algorithms 1, 4 and 5.
    """

    num_steps: int = 200
    grid: AbstractGrid = DEFAULT_GRID
    predictor: AbstractOneStepSampler = EulerMaruyama()
    corrections: int = 1
    snr: float = eqx.field(default=0.16, static=True)
    traits: ClassVar[Traits] = Traits(
        "reverse SDE and Langevin, random",
        "that of the predictor, and a bias of order snr^2",
        "those of the predictor + corrections",
        "a score under Gaussian noise",
        "scores with errors that a Langevin step mends",
    )

    def __check_init__(self) -> None:
        require_count(self.corrections, "corrections of PredictorCorrector", least=0)
        if not 0 < self.snr < 1:
            raise ValueError(explain(expected="snr in (0, 1)", got=f"{self.snr}", do="take 0.16"))

    def check(self, model: AbstractScoreModel) -> None:
        super().check(model)
        gaussian_process(model.process)
        self.predictor.check(model)

    def step(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], t: Node, s: Node, condition: Condition, *, key: Key
    ) -> Float[Array, "*shape"]:
        ahead, after = jax.random.split(key)
        # A predictor may share something out over its steps, as churn does: they are those of this sampler.
        predictor = dataclasses.replace(self.predictor, num_steps=self.num_steps)
        x = predictor.step(model, x, t, s, condition, key=ahead)
        return _corrected(model, x, s, 2 * self.snr**2, self.corrections, condition, key=after)


def _corrected(
    model: AbstractScoreModel,
    x: Float[Array, "*shape"],
    at: Node,
    step_size: float,
    corrections: int,
    condition: Condition,
    *,
    key: Key,
) -> Float[Array, "*shape"]:
    """State after Langevin steps of length ``step_size sigma^2`` on the noisy law at a node."""
    length = step_size * level_of(at).sigma ** 2

    def correct(y: Array, own: Key) -> tuple[Array, None]:
        score = model(at.t, y, condition)
        noise = jax.random.normal(own, y.shape, y.dtype)
        return y + length * score + jnp.sqrt(2 * length) * noise, None

    return jax.lax.scan(correct, x, jax.random.split(key, corrections))[0]
