"""The score in the units of the data, through a fitted transform."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._types import Condition, Key, Scalar
from scorax.models._prediction import level_of_angle
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel, time_like
from scorax.processes import AbstractGaussianProcess
from scorax.transforms import Standardize


class Pullback(AbstractScoreModel):
    r"""Score of the smoothed data density in data units.

    With $z = (x - shift)/scale$ and the angle $a$ of time $t$, the density of data smoothed by noise of scale $\tan a$ (in
    standardised units) is $\log q_a(\cos(a) z) + d \log\cos a - \sum_j \log scale_j$; its gradient is

    $$ \cos(a)\, s_q(\cos(a) z) / scale, \qquad s_q(y) = -noise(y) / \sin a. $$

    It has no noisy state of its own, so samplers and ``log_prob`` refuse it: give them ``model`` and transform what they return.
    This is the law that `ScoreDensity` and the command line report; the model inside is the score of the *scaled* state.
    """

    process: AbstractGaussianProcess
    model: AbstractDenoiser
    transform: Standardize

    noisy_state: ClassVar[bool] = False

    @property
    def moments(self) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]  modules are frozen
        """None: nothing is started from, or ended at, in the units of the data."""
        return None

    def __init__(self, model: AbstractDenoiser, transform: Standardize) -> None:
        self.process = model.process  # pyright: ignore[reportIncompatibleVariableOverride]  modules are frozen
        self.model = model
        self.transform = transform

    def __call__(
        self, t: Scalar, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, "*shape"]:
        scale = jnp.asarray(self.transform.scale, x.dtype)
        z = (x - jnp.asarray(self.transform.shift, x.dtype)) / scale
        level = level_of_angle(self.process.angle(time_like(t, x)))
        noise = self.model.predict_at(level, level.alpha * z, condition, key=key).noise
        return -level.alpha * noise / (level.sigma * scale)
