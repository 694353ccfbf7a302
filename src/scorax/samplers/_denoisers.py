"""Deterministic grid samplers of denoisers."""

from typing import ClassVar

from jaxtyping import Array, Float

from scorax._types import Condition, Key
from scorax.models import AbstractDenoiser, AbstractScoreModel, Prediction
from scorax.processes import Level
from scorax.samplers._abstract import DEFAULT_GRID, AbstractGridSampler
from scorax.samplers._grids import AbstractGrid, Node


class DDIM(AbstractGridSampler):
    r"""Deterministic DDIM, $x_s = \alpha_s \hat x_0 + \sigma_s \widehat{noise}$.

    Exact where the prediction does not change along the path; otherwise Euler's method in $\sigma/\alpha$, of order one. One
    evaluation a step. Use :class:`Heun` unless evaluations are very dear.

    Args:
        num_steps: updates from ``t1`` to ``t0``.
        grid: where they are placed.

    Reference: Song et al. (2021), *Denoising diffusion implicit models*, eq. 12 with eta = 0.
    """

    num_steps: int = 50
    grid: AbstractGrid = DEFAULT_GRID
    needs_denoiser: ClassVar[bool] = True

    def step(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], t: Node, s: Node, condition: Condition, *, key: Key
    ) -> Float[Array, "*shape"]:
        return _recombined(_denoiser(model).predict_at(_level(t), x, condition), _level(s))


class Heun(AbstractGridSampler):
    r"""Heun's method for $d(x/\alpha)/d(\sigma/\alpha) = noise$, the deterministic sampler of EDM.

    $$ \hat x_s = \alpha_s x_0 + \sigma_s n_t, \quad
       x_s = \frac{\alpha_s}{\alpha_t} x + \left(\sigma_s - \frac{\alpha_s}{\alpha_t}\sigma_t\right) \frac{n_t + n_s}{2} $$

    with $n_t = noise(t, x)$ and $n_s = noise(s, \hat x_s)$. Order two; two evaluations a step. The default sampler.

    Args:
        num_steps: updates from ``t1`` to ``t0``.
        grid: where they are placed.

    Reference: Karras et al. (2022), algorithm 1, for any alpha.
    """

    num_steps: int = 32
    grid: AbstractGrid = DEFAULT_GRID
    needs_denoiser: ClassVar[bool] = True

    def step(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], t: Node, s: Node, condition: Condition, *, key: Key
    ) -> Float[Array, "*shape"]:
        denoiser, level, next_level = _denoiser(model), _level(t), _level(s)
        first = denoiser.predict_at(level, x, condition)
        second = denoiser.predict_at(next_level, _recombined(first, next_level), condition)
        # With the mean noise n the line through x is x0 = (x - sigma_t n) / alpha_t; written around the first prediction
        # to avoid that division: (x - sigma_t n) / alpha_t = x0 + sigma_t / alpha_t (n_t - n).
        mean_noise = (first.noise + second.noise) / 2
        x0 = first.x0 + level.sigma / level.alpha * (first.noise - mean_noise)
        return _recombined(Prediction(x0, mean_noise), next_level)


def _recombined(prediction: Prediction, level: Level) -> Float[Array, "*shape"]:
    return level.alpha * prediction.x0 + level.sigma * prediction.noise


def _denoiser(model: AbstractScoreModel) -> AbstractDenoiser:
    assert isinstance(model, AbstractDenoiser)  # narrowed for the type checker; `check` refuses others by name
    return model


def _level(node: Node) -> Level:
    assert node.level is not None  # a denoiser has a Gaussian process, and its nodes have levels
    return node.level
