"""Guidance: two fields mixed into one, those of a model with and without its condition, or of a model and a weaker one."""

import math
from collections.abc import Callable
from typing import TypeAlias, TypeVar

import equinox as eqx
import jax
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._types import Condition, Key, Scalar
from scorax.models._evidence import Evidence
from scorax.models._given import Given
from scorax.models._prediction import Prediction
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel
from scorax.models._terminal import require_denoiser, require_noisy_state
from scorax.models._wrapper import AbstractWrapper
from scorax.processes import Level

Branch = TypeVar("Branch", Array, Prediction)

Interval: TypeAlias = tuple[float, float] | None
"""Two noise-to-signal ratios, or ``None`` for every level."""


class GuidedScore(AbstractWrapper):
    r"""Guidance of any score model, $s_w(t, x \mid c) = s(t, x) + w\,(s(t, x \mid c) - s(t, x))$.

    For scores that are no denoisers; :class:`Guided` says what the field is and what it is not.

    Args:
        model: a score model that takes the condition, and ``None`` for none.
        scale: w.

    Raises:
        TypeError: the score is not that of a noisy state, or the model is given evidence.
        ValueError: the scale is not finite.
    """

    model: AbstractScoreModel
    scale: Scalar

    def __init__(self, model: AbstractScoreModel, scale: Scalar) -> None:
        self.model = model
        self.scale = scale

    def __check_init__(self) -> None:
        require_noisy_state(self.model)
        _check_free(self.model)
        _check_scale(self.scale)

    def __call__(
        self, t: Scalar, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, "*shape"]:
        return _mixed(self.scale, condition, lambda told: self.model(t, x, told, key=key))


class Guided(AbstractWrapper, AbstractDenoiser):  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]  the wrapper is first
    r"""Classifier-free guidance of a denoiser: both branches of one model, mixed with weight $w$,

    $$ s_w(t, x \mid c) = s(t, x) + w\,\big(s(t, x \mid c) - s(t, x)\big), $$

    and likewise $x_0$ and the noise, whose weights add up to one, so that the result is a denoiser again and serves every
    sampler and ``log_prob``. Here $w = 1$ is the conditional model and $w = 0$ the unconditional one; each costs one
    evaluation where ``scale`` is a Python number, any other $w$ two. The moments are those of all classes together: the law at
    ``t1`` hardly knows the class. The literature also counts from the conditional model,
    $(1 + w')\, s(t, x \mid c) - w' s(t, x)$ with $w' = w - 1$ (eq. 6 of the reference).

    **What is sampled.** At every $t$ the field is the score of the tilted noisy law, $p_t(x \mid c)^w\, p_t(x)^{1 - w}$ up to
    normalisation. For $w$ other than 0 and 1 these laws are *not* those of one law diffused, so no sampler draws from
    $p(x \mid c)^w\, p(x)^{1 - w}$, the deterministic and the stochastic samplers draw from different laws, and the gradient
    of ``log_prob`` is not the field. ``log_prob`` is the density of what the deterministic flow draws. Use $w > 1$ for draws
    that are more typical of their class, and $w = 1$ for anything that is to be a probability.

    Args:
        model: a denoiser that takes the condition, and ``None`` for none: a network trained with an embedder, whose
            dropout of conditions taught it the unconditional branch.
        scale: w.
        interval: the noise-to-signal ratios $\sigma/\alpha$ between which the model is guided; outside it is the conditional
            model, for one evaluation. ``None`` guides at every level.

    Raises:
        TypeError: the model is no denoiser, or is given evidence.
        ValueError: the scale is not finite, or the interval is empty.

    Reference: Ho and Salimans (2022), *Classifier-free diffusion guidance*; Bradley and Nakkiran (2024),
    *Classifier-free guidance is a predictor-corrector*, on what is not sampled; Kynkäänniemi et al. (2024), *Applying guidance
    in a limited interval improves sample and distribution quality in diffusion models*.
    """

    model: AbstractDenoiser
    scale: Scalar
    interval: Interval = eqx.field(static=True)

    def __init__(self, model: AbstractDenoiser, scale: Scalar, interval: Interval = None) -> None:
        require_denoiser(model, asker="Guided", do="use GuidedScore for other scores")
        self.model = model
        self.scale = scale
        self.interval = interval

    def __check_init__(self) -> None:
        _check_free(self.model)
        _check_scale(self.scale)
        _check_interval(self.interval)

    def predict_at(
        self, level: Level, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Prediction:
        def branch(told: Condition) -> Prediction:
            return self.model.predict_at(level, x, told, key=key)

        return _within(self.interval, level, lambda: _mixed(self.scale, condition, branch), lambda: branch(condition))


class AutoGuided(AbstractWrapper, AbstractDenoiser):  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]  the wrapper is first
    r"""Autoguidance: a denoiser is led away from a weaker one of the same law, under the same condition,

    $$ s_w(t, x \mid c) = s_{weak}(t, x \mid c) + w\,\big(s(t, x \mid c) - s_{weak}(t, x \mid c)\big). $$

    The weaker model is smaller, or was trained for less long: where the two differ both are in doubt, and the draw is moved to
    where the better one is surer. With $w = 1$ it is the model itself. What :class:`Guided` says of the law that is sampled
    holds here too.

    Args:
        model: the denoiser.
        weaker: the weaker one; its process is that of ``model`` from here on.
        scale: w.
        interval: as for :class:`Guided`.

    Raises:
        TypeError: one of them is no denoiser, or is given evidence.
        ValueError: the scale is not finite, or the interval is empty.

    Reference: Karras et al. (2024), *Guiding a diffusion model with a bad version of itself*.
    """

    model: AbstractDenoiser
    weaker: AbstractDenoiser
    scale: Scalar
    interval: Interval = eqx.field(static=True)

    def __init__(
        self, model: AbstractDenoiser, weaker: AbstractDenoiser, scale: Scalar, interval: Interval = None
    ) -> None:
        for one in (model, weaker):
            require_denoiser(one, asker="AutoGuided", do="make the score a denoiser, by as_denoiser")
        self.model = model
        self.weaker = weaker.with_process(model.process)
        self.scale = scale
        self.interval = interval

    def __check_init__(self) -> None:
        _check_free(self.model)
        _check_free(self.weaker)
        _check_scale(self.scale)
        _check_interval(self.interval)

    def _around(self, model: AbstractDenoiser) -> "AutoGuided":  # pyright: ignore[reportIncompatibleMethodOverride]  a denoiser stays one
        return AutoGuided(model, self.weaker, self.scale, self.interval)

    def given(self, evidence: Evidence) -> "AutoGuided":
        return AutoGuided(self.model.given(evidence), self.weaker.given(evidence), self.scale, self.interval)

    def predict_at(
        self, level: Level, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Prediction:
        def own() -> Prediction:
            return self.model.predict_at(level, x, condition, key=key)

        def guided() -> Prediction:
            weak = self.weaker.predict_at(level, x, condition, key=key)
            return jax.tree.map(lambda a, b: b + self.scale * (a - b), own(), weak)

        return _within(self.interval, level, guided, own)


def _check_free(model: AbstractScoreModel) -> None:
    """Refuse a model that is given evidence already: both branches would be told it, and rows would be made without it."""
    if isinstance(model, Given):
        raise TypeError(
            explain(
                expected="a model that is given nothing yet",
                got="a Given",
                do="guide the model inside, and give the guided one the evidence",
            )
        )


def _check_interval(interval: Interval) -> None:
    if interval is not None and not (len(interval) == 2 and 0 <= interval[0] < interval[1]):
        raise ValueError(
            explain(
                expected="interval as two noise-to-signal ratios, 0 <= low < high",
                got=f"{interval}",
                do="pass (0.2, 2.0), say, or None for every level",
            )
        )


def _within(
    interval: Interval, level: Level, guided: Callable[[], Prediction], outside: Callable[[], Prediction]
) -> Prediction:
    """The guided prediction between two noise-to-signal ratios; of the two only one is computed where rows share the level."""
    if interval is None:
        return guided()
    low, high = interval
    inside = (level.sigma >= low * level.alpha) & (level.sigma <= high * level.alpha)
    return jax.lax.cond(inside, guided, outside)


def _check_scale(scale: Scalar) -> None:
    if isinstance(scale, float | int) and not math.isfinite(scale):
        raise ValueError(explain(expected="a finite scale", got=f"{scale}", do="pass 1 for the conditional model"))


def _mixed(scale: Scalar, condition: Condition, branch: Callable[[Condition], Branch]) -> Branch:
    """``branch(None) + scale (branch(condition) - branch(None))``, with no evaluation that has the weight zero."""
    known = isinstance(scale, float | int)
    if condition is None or (known and scale == 0):
        return branch(None)
    conditional = branch(condition)
    if known and scale == 1:
        return conditional
    return jax.tree.map(lambda c, u: u + scale * (c - u), conditional, branch(None))
