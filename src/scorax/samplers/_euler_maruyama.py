"""Euler-Maruyama on the reverse-time SDE."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, reverse_drift
from scorax.processes import sde
from scorax.samplers._abstract import DEFAULT_GRID, AbstractOneStepSampler, Traits
from scorax.samplers._grids import AbstractGrid, Node


class EulerMaruyama(AbstractOneStepSampler):
    r"""Euler-Maruyama on the reverse SDE, with $D = G G^T$ and a step from t to s:

    $$ x_s = x - (t - s)\,(f - \nabla\!\cdot D - D\, score) + \sqrt{t - s}\; G z. $$

    For a scalar g(t) that is $x - (t - s)(f - g^2\, score) + g \sqrt{t - s}\, z$. Weak order one. It needs a score and an SDE,
    no denoiser; hundreds of steps for what :class:`Heun` does in tens.

    Args:
        num_steps: updates from ``t1`` to ``t0``.
        grid: where they are placed.

    Reference: Song et al. (2021), eq. 6 and appendix E.
    """

    num_steps: int = 500
    grid: AbstractGrid = DEFAULT_GRID
    traits: ClassVar[Traits] = Traits(
        "reverse SDE, random", "1 (weak)", "1", "a score", "any score of any SDE; hundreds of steps"
    )

    def step(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], t: Node, s: Node, condition: Condition, *, key: Key
    ) -> Float[Array, "*shape"]:
        length = t.t - s.t
        drift = reverse_drift(model, t.t, x, condition)
        diffusion = sde(model.process).diffusion(t.t, x)
        noise = jax.random.normal(key, diffusion.noise_shape(x.shape), x.dtype)
        return x - length * drift + diffusion.times(jnp.sqrt(length) * noise)
