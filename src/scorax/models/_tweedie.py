"""The pair of clean data and noise that any score of a Gaussian process stands for."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._types import Condition, Key
from scorax.models._prediction import Prediction
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel
from scorax.models._terminal import gaussian_process


def tweedie(
    model: AbstractScoreModel,
    t: Float[Array, ""],
    x: Float[Array, "*shape"],
    condition: Condition = None,
    *,
    key: Key | None = None,
) -> Prediction:
    r"""``noise = -sigma score`` and ``x0 = (x - sigma noise) / alpha`` (Robbins 1956; Efron 2011, *Tweedie's formula*).

    A denoiser gives its own pair, which is exact at both ends of the clock; the algebra loses digits where alpha or sigma
    is small.

    Raises:
        TypeError: the process has no scalar Gaussian kernel.
    """
    if isinstance(model, AbstractDenoiser):
        return model.predict(t, x, condition, key=key)
    level = gaussian_process(model.process).level(jnp.asarray(t, x.dtype))
    noise = -level.sigma * model(t, x, condition, key=key)
    return Prediction((x - level.sigma * noise) / level.alpha, noise)
