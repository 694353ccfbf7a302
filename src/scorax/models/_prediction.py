"""The pivot of the library: a pair of clean data and noise that explain the noisy state together."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax.processes import Level


class Prediction(NamedTuple):
    """Estimates with ``x = alpha x0 + sigma noise``; both are posterior means given ``x`` where the model is exact."""

    x0: Float[Array, "*shape"]
    noise: Float[Array, "*shape"]


def velocity_in_angle(prediction: Prediction, level: Level) -> Float[Array, "*shape"]:
    r"""$dy/da = \cos(a)\, noise - \sin(a)\, x_0$: the deterministic flow of $y = x / R$ in the angle $a = atan2(\sigma, \alpha)$.

    Regular at both ends of the clock, which no flow in ``t`` or ``log sigma`` is.
    """
    radius = jnp.sqrt(level.alpha**2 + level.sigma**2)
    return (level.alpha * prediction.noise - level.sigma * prediction.x0) / radius


def level_of_angle(angle: Float[Array, ""]) -> Level:
    """The level ``(cos a, sin a)`` of unit radius."""
    return Level(jnp.cos(angle), jnp.sin(angle))
