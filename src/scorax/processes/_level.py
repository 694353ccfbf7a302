"""The noise level: what a denoiser is told instead of the clock."""

from typing import NamedTuple

from jaxtyping import Array, Float


class Level(NamedTuple):
    """Noise level of ``x = alpha x0 + sigma noise``; what a denoiser is told instead of the clock."""

    alpha: Float[Array, ""]
    sigma: Float[Array, ""]
