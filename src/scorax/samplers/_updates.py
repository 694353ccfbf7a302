"""Pieces that updates of denoisers share."""

from typing import NamedTuple

from jaxtyping import Array, Float

from scorax.models import AbstractDenoiser, AbstractScoreModel, Prediction
from scorax.processes import Level
from scorax.samplers._grids import Node


def narrowed(model: AbstractScoreModel) -> AbstractDenoiser:
    """``model``, narrowed for the type checker; ``check`` has refused others by name."""
    assert isinstance(model, AbstractDenoiser)
    return model


def level_of(node: Node) -> Level:
    """Noise level of a node: a denoiser has a Gaussian process, and its nodes have levels."""
    assert node.level is not None
    return node.level


def recombined(prediction: Prediction, level: Level) -> Float[Array, "*shape"]:
    """``alpha x0 + sigma noise``."""
    return level.alpha * prediction.x0 + level.sigma * prediction.noise


class Bridge(NamedTuple):
    r"""One step of the chain, from the less noisy level s to the noisier t, $x_t = a\, x_s + b\, z$, and its posterior.

    Attributes:
        decay: $a = \alpha_t / \alpha_s$.
        added: $b^2 = \sigma_t^2 - a^2 \sigma_s^2$, the variance that the step adds.
        posterior: variance of $x_s$ given $x_t$ and $x_0$, $\sigma_s^2 b^2 / \sigma_t^2$.
    """

    decay: Float[Array, ""]
    added: Float[Array, ""]
    posterior: Float[Array, ""]


def bridge(t: Level, s: Level) -> Bridge:
    """The step of the chain between two levels; the difference of variances is taken as a product of two factors."""
    decay = t.alpha / s.alpha
    ratio = decay * s.sigma / t.sigma  # of noise-to-signal ratios, below one
    share = (1 - ratio) * (1 + ratio)
    return Bridge(decay, t.sigma**2 * share, s.sigma**2 * share)
