"""A network that also says how hard every noise level is."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import require_count
from scorax._types import Condition, Key
from scorax.networks._abstract import AbstractNetwork, AbstractNetworkWrapper, fourier_features
from scorax.networks._linear import Linear


class LearnedUncertainty(AbstractNetworkWrapper):
    """A network beside a curve :math:`u(c)` of the noise level, the logarithm of the loss that is left there.

    What it computes is what the network inside computes; :class:`~scorax.objectives.UncertaintyWeighting` trains the curve. It is
    affine in the Fourier features of the level and starts at zero.

    Args:
        network: any network.
        num_frequencies: frequencies of the features of the level.
    """

    network: AbstractNetwork
    curve: Linear

    def __init__(self, network: AbstractNetwork, num_frequencies: int = 8) -> None:
        self.network = network
        self.curve = Linear(2 * require_count(num_frequencies, "num_frequencies"), 1)

    def __call__(
        self,
        c_noise: Float[Array, ""],
        x: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        key: Key | None = None,
    ) -> Float[Array, "*outputs"]:
        return self.network(c_noise, x, condition, key=key)

    def uncertainty(self, c_noise: Float[Array, ""]) -> Float[Array, ""]:
        """u at a level."""
        features = fourier_features(c_noise, self.curve.weight.shape[-2] // 2)
        return jnp.squeeze(self.curve(features), -1)
