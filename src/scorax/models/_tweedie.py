"""The pair of clean data and noise that any score of a Gaussian process stands for."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._types import Condition, Key
from scorax.models._prediction import Prediction
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel
from scorax.models._terminal import data_moments, gaussian_process
from scorax.processes import AbstractGaussianProcess, GaussianLaw, Level


class TweedieDenoiser(AbstractDenoiser):
    """The denoiser that a score of a Gaussian process is by Tweedie's formula, at any level; :func:`as_denoiser` makes it.

    Levels are read on the clock of the score: at the time of the same ratio, for the state scaled to that process.
    """

    score: AbstractScoreModel
    process: AbstractGaussianProcess  # pyright: ignore[reportIncompatibleVariableOverride]  modules are frozen
    moments: GaussianLaw | None

    def predict_at(
        self, level: Level, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Prediction:
        own = gaussian_process(self.score.process)
        t = own.time_of(jnp.log(level.sigma) - jnp.log(level.alpha))
        there = own.level(t)
        scale = jnp.hypot(*there) / jnp.hypot(*level)
        noise = (-there.sigma * self.score(t, scale * x, condition, key=key)).astype(x.dtype)
        return Prediction((x - level.sigma * noise) / level.alpha, noise)


def as_denoiser(model: AbstractScoreModel) -> AbstractDenoiser:
    """``model`` itself where it is a denoiser, or the one that its score stands for.

    Raises:
        TypeError: the process has no scalar Gaussian kernel.
    """
    if isinstance(model, AbstractDenoiser):
        return model
    return TweedieDenoiser(score=model, process=gaussian_process(model.process), moments=data_moments(model))


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
