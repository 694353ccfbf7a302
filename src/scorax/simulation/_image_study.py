"""An image whose pixels are noised along time, each an independent process from its own starting value."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from scorax._host import host_float64
from scorax._types import Key
from scorax.processes import AbstractLinearSDE, Normal
from scorax.simulation._methods import AbstractMethod
from scorax.simulation._path_study import Marginal, marginal, start_law
from scorax.simulation._simulate import simulate


@dataclass(frozen=True)
class ImageStudy:
    r"""Frames of an image under noise.

    Attributes:
        times: of the frames; the first, 0, is the clean image.
        frames: the images.
        marginals: for each noisy frame the pixels $(X_t - m_t(x_0)) / s_t$, which the exact law makes independent standard
            normal numbers.
    """

    times: Float[np.ndarray, " frames"]
    frames: Float[np.ndarray, "frames height width"]
    marginals: tuple[Marginal, ...]


def study_image(
    process: AbstractLinearSDE,
    image: Float[np.ndarray, "height width"],
    *,
    at: Sequence[float],
    num_steps: int,
    method: AbstractMethod,
    key: Key,
) -> ImageStudy:
    """Noise the pixels of an image and hold each against the exact law of its own start.

    Args:
        process: a linear process whose coordinates are independent.
        image: clean values.
        at: increasing times of the noisy frames, after the cut-off ``t0`` of the process.
        num_steps: steps from ``t0`` to the first frame, and between any two.
        method: how steps are made.
        key: root key.

    Raises:
        TypeError: the process has no such law, or the method does not serve it.
        ValueError: times that do not increase, or lie outside the clock.
    """
    flat = np.asarray(image, np.float64).ravel()
    clean = jnp.asarray(image, float)[None]  # one row, whose pixels have noise of their own
    start_key, path_key = jax.random.split(key)
    start = start_law(process, jnp.asarray(process.t0, float), clean)
    states = simulate(
        process,
        start.mean + start.sd * jax.random.normal(start_key, clean.shape),
        [process.t0, *at],
        key=path_key,
        method=method,
        num_steps=num_steps,
    )
    rows = np.asarray(states, np.float64)[0, 1:].reshape(len(at), -1)
    return ImageStudy(
        np.array([0.0, *at]),
        np.concatenate([flat[None], rows]).reshape(-1, *image.shape),
        tuple(_standardised(process, t, flat, row) for t, row in zip(at, rows, strict=True)),
    )


def _standardised(
    process: AbstractLinearSDE, t: float, clean: Float[np.ndarray, " n"], row: Float[np.ndarray, " n"]
) -> Marginal:
    with host_float64():
        law = start_law(process, jnp.asarray(t), jnp.asarray(clean))
        values = (row - np.asarray(law.mean)) / np.asarray(law.sd)
        standard = Normal(jnp.zeros(()), jnp.ones(()))
    return marginal(standard, t, values)
