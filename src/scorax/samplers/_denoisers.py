"""Deterministic grid samplers of denoisers."""

from typing import ClassVar

from jaxtyping import Array, Float

from scorax._types import Condition, Key
from scorax.models import AbstractDenoiser, Prediction
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
        self, model: AbstractDenoiser, x: Float[Array, "*shape"], t: Node, s: Node, condition: Condition, *, key: Key
    ) -> Float[Array, "*shape"]:
        return _recombined(model.predict_at(t.level, x, condition), s)


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
        self, model: AbstractDenoiser, x: Float[Array, "*shape"], t: Node, s: Node, condition: Condition, *, key: Key
    ) -> Float[Array, "*shape"]:
        first = model.predict_at(t.level, x, condition)
        second = model.predict_at(s.level, _recombined(first, s), condition)
        # With the mean noise n the line through x is x0 = (x - sigma_t n) / alpha_t; written around the first prediction
        # to avoid that division: (x - sigma_t n) / alpha_t = x0 + sigma_t / alpha_t (n_t - n).
        mean_noise = (first.noise + second.noise) / 2
        x0 = first.x0 + t.level.sigma / t.level.alpha * (first.noise - mean_noise)
        return _recombined(Prediction(x0, mean_noise), s)


def _recombined(prediction: Prediction, s: Node) -> Float[Array, "*shape"]:
    return s.level.alpha * prediction.x0 + s.level.sigma * prediction.noise
