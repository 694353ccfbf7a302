"""The pair of clean data and noise that any score of a Gaussian process stands for."""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._types import Condition, Key
from scorax.models._prediction import Prediction
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel, time_like
from scorax.models._terminal import gaussian_process
from scorax.models._wrapper import AbstractWrapper
from scorax.processes import AbstractGaussianProcess, Level


class TweedieDenoiser(AbstractWrapper, AbstractDenoiser):  # pyright: ignore[reportIncompatibleVariableOverride]  the wrapper is first
    """The denoiser that a score of a Gaussian process is by Tweedie's formula, at any level; :func:`as_denoiser` makes it.

    Levels are read on the clock of the score: at the time of the same ratio, for the state scaled to that process.

    Args:
        model: the score.
        clock: the process of the denoiser; that of the score unless :meth:`with_process` gives it another.
    """

    model: AbstractScoreModel
    clock: AbstractGaussianProcess

    @property
    def process(self) -> AbstractGaussianProcess:  # pyright: ignore[reportIncompatibleVariableOverride]  modules are frozen
        return self.clock

    def with_process(self, process: AbstractGaussianProcess) -> "TweedieDenoiser":
        return dataclasses.replace(self, clock=gaussian_process(process))

    def predict_at(
        self, level: Level, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Prediction:
        own = gaussian_process(self.model.process)
        t = own.time_of(jnp.log(level.sigma) - jnp.log(level.alpha))
        there = own.level(t)
        scale = jnp.hypot(*there) / jnp.hypot(*level)
        noise = (-there.sigma * self.model(t, scale * x, condition, key=key)).astype(x.dtype)
        return Prediction((x - level.sigma * noise) / level.alpha, noise)


def as_denoiser(model: AbstractScoreModel) -> AbstractDenoiser:
    """``model`` itself where it is a denoiser, or the one that its score stands for.

    Raises:
        TypeError: the process has no scalar Gaussian kernel.
    """
    if isinstance(model, AbstractDenoiser):
        return model
    return TweedieDenoiser(model=model, clock=gaussian_process(model.process))  # pyright: ignore[reportCallIssue]  properties are no arguments


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
    level = gaussian_process(model.process).level(time_like(t, x))
    noise = -level.sigma * model(t, x, condition, key=key)
    return Prediction((x - level.sigma * noise) / level.alpha, noise)
