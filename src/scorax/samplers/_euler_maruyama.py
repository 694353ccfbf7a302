"""Euler-Maruyama on the reverse-time SDE."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._free import free_normal, only_free
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, reverse_drift
from scorax.processes import AbstractSDE
from scorax.samplers._abstract import DEFAULT_GRID, AbstractGridSampler
from scorax.samplers._grids import AbstractGrid, Node


class EulerMaruyama(AbstractGridSampler):
    r"""Euler-Maruyama on the reverse SDE: $x_s = x - (t - s)\,(f - g^2\, score) + g \sqrt{t - s}\; z$.

    Weak order one. It needs a score and an SDE, no denoiser; hundreds of steps for what :class:`Heun` does in tens.

    Args:
        num_steps: updates from ``t1`` to ``t0``.
        grid: where they are placed.

    Reference: Song et al. (2021), eq. 6 and appendix E.
    """

    num_steps: int = 500
    grid: AbstractGrid = DEFAULT_GRID

    def step(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], t: Node, s: Node, condition: Condition, *, key: Key
    ) -> Float[Array, "*shape"]:
        process = model.process
        assert isinstance(process, AbstractSDE)  # narrowed for the type checker; reverse_drift refuses others by name
        length = t.t - s.t
        drift = only_free(model.free, reverse_drift(model, t.t, x, condition))
        noise = free_normal(model.free, x.shape, x.dtype, key=key)
        return x - length * drift + process.diffusion(t.t, x).value * jnp.sqrt(length) * noise
