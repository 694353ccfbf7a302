"""Classifier-free guidance: a conditional and the unconditional score mixed into one field."""

import math
from collections.abc import Callable
from typing import TypeVar

import jax
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._types import Condition, Key, Scalar
from scorax.models._prediction import Prediction
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel
from scorax.models._terminal import require_denoiser, require_noisy_state
from scorax.models._wrapper import AbstractWrapper
from scorax.processes import Level

Branch = TypeVar("Branch", Array, Prediction)


class GuidedScore(AbstractWrapper):
    r"""Guidance of any score model, $s_w(t, x \mid c) = s(t, x) + w\,(s(t, x \mid c) - s(t, x))$.

    For scores that are no denoisers; :class:`Guided` says what the field is and what it is not.

    Args:
        model: a score model that takes the condition, and ``None`` for none.
        scale: w.

    Raises:
        TypeError: the score is not that of a noisy state.
        ValueError: the scale is not finite.
    """

    model: AbstractScoreModel
    scale: Scalar

    def __init__(self, model: AbstractScoreModel, scale: Scalar) -> None:
        self.model = model
        self.scale = scale

    def __check_init__(self) -> None:
        require_noisy_state(self.model)
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

    Raises:
        TypeError: the model is no denoiser.
        ValueError: the scale is not finite.

    Reference: Ho and Salimans (2022), *Classifier-free diffusion guidance*; Bradley and Nakkiran (2024),
    *Classifier-free guidance is a predictor-corrector*, on what is not sampled.
    """

    model: AbstractDenoiser
    scale: Scalar

    def __init__(self, model: AbstractDenoiser, scale: Scalar) -> None:
        require_denoiser(model, asker="Guided", do="use GuidedScore for other scores")
        self.model = model
        self.scale = scale

    def __check_init__(self) -> None:
        _check_scale(self.scale)

    def predict_at(
        self, level: Level, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Prediction:
        return _mixed(self.scale, condition, lambda told: self.model.predict_at(level, x, told, key=key))


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
