"""The contract of a network, and what every network says about the noise level."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._types import Condition, Key


class AbstractNetwork(eqx.Module):
    """Function ``network(c_noise, x, condition, key=key) -> F`` on one example; it knows no alpha, sigma, process or loss."""

    @abc.abstractmethod
    def __call__(
        self,
        c_noise: Float[Array, ""],
        x: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        key: Key | None = None,
    ) -> Float[Array, "*shape"]:
        """Output of the shape of ``x``; ``key`` turns training noise (dropout) on, ``None`` is inference."""


def fourier_features(c_noise: Float[Array, ""], num_frequencies: int) -> Float[Array, " features"]:
    """Sines and cosines of ``c_noise`` at frequencies spaced geometrically from 1/8 to 4 radians per unit.

    ``c_noise`` runs over [-8, 8]; the slowest wave covers it with a quarter period to each side, so the features are
    one-to-one, and the fastest resolves a quarter of a unit in log sigma.
    """
    frequencies = jnp.geomspace(0.125, 4.0, num_frequencies, dtype=c_noise.dtype)
    return jnp.concatenate([jnp.sin(frequencies * c_noise), jnp.cos(frequencies * c_noise)])


NOISE_SCALE = 8.0
"""Bound of the noise input, and the scale of log-ratios below which it is nearly linear."""


def noise_input(log_ratio: Float[Array, ""]) -> Float[Array, ""]:
    """``8 tanh(log(sigma / alpha) / 8)``: what networks see of the level; finite at both limits."""
    return NOISE_SCALE * jnp.tanh(log_ratio / NOISE_SCALE)


def log_ratio_of(c_noise: Float[Array, ""]) -> Float[Array, ""]:
    """The ``log(sigma / alpha)`` that :func:`noise_input` was made from."""
    return NOISE_SCALE * jnp.arctanh(c_noise / NOISE_SCALE)
