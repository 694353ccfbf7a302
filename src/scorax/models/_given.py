"""A model given what is known of a row, and the one place where a condition that is evidence becomes one."""

import math
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import require_kind
from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.models._evidence import Evidence, require_evidence
from scorax.models._prediction import Prediction
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel
from scorax.models._wrapper import AbstractWrapper
from scorax.networks import check_conditions
from scorax.processes import Level

Model = TypeVar("Model", bound=AbstractScoreModel)
SelfGiven = TypeVar("SelfGiven", bound="Given")


class Given(AbstractWrapper, AbstractDenoiser):  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]  the wrapper is first
    r"""The law of the target coordinates of a row given the known ones: ``sample`` and ``log_prob`` answer for it.

    **The state** has the shape of a row. Coordinates that are not asked for are dummies: clean data $N(0, 1)$, independent of
    all else. Under every Gaussian process their score is exact, the deterministic flow leaves them where they are in units of
    $R$, and its divergence there is zero, so that no sampler and no likelihood needs a mask. A log-density is that of the
    state less that of the dummies at zero, $-\log R - \tfrac12 \log 2\pi$ for each.

    The known values are those of clean data. What is drawn, and what has a density, is the noisy target at ``t0``.

    Args:
        model: a denoiser that reads evidence (:meth:`AbstractScoreModel.given`).
        evidence: what is known of one row, and what is asked for.

    Raises:
        TypeError: the model reads no evidence, or is given some already.
        ValueError: the evidence is for rows of another shape.
    """

    model: AbstractDenoiser
    evidence: Evidence

    def __init__(self, model: AbstractScoreModel, evidence: Evidence) -> None:
        require_kind(model, AbstractScoreModel, what="model")
        require_kind(evidence, Evidence, what="evidence")
        self.model = model.given(evidence)  # pyright: ignore[reportAttributeAccessIssue]  a model that is no denoiser refuses
        self.evidence = jax.tree.map(jnp.asarray, evidence)

    def predict_at(
        self, level: Level, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Prediction:
        return self.model.predict_at(level, x, self._told(condition), key=key)

    def angular_velocity(
        self, level: Level, x: Float[Array, "*shape"], condition: Condition = None
    ) -> Float[Array, "*shape"]:
        return self.model.angular_velocity(level, x, self._told(condition))

    def given(self: SelfGiven, evidence: Evidence) -> SelfGiven:
        raise TypeError(
            explain(
                expected="a model that is given nothing yet",
                got="a Given",
                do="put all that is known and all that is asked for into one Evidence",
            )
        )

    def _told(self, condition: Condition) -> Condition:
        return self.evidence.condition if condition is None else condition

    def on_targets(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """``x`` at the targets and zero at the dummies."""
        return jnp.where(self.evidence.target, x, jnp.zeros_like(x))

    def row(self, state: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """The row that a state stands for: known values as they are given, NaN where a coordinate is absent."""
        own = self.evidence
        rest = jnp.where(own.known, own.value.astype(state.dtype), jnp.nan)
        return jnp.where(own.target, state, rest)

    def log_density_of_dummies(self, level: Level) -> Float[Array, ""]:
        """What the dummies of a state, which are zero, add to its log-density at a level."""
        count = jnp.sum(~self.evidence.target)
        return -count * (jnp.log(jnp.hypot(*level)) + 0.5 * math.log(2 * math.pi))


def bound(model: Model, condition: Condition) -> tuple[Model | Given, Condition]:
    """The model to ask about one row, and what to tell it: given the evidence where the condition is some."""
    if isinstance(condition, Evidence):
        return Given(model, condition), None
    return model, condition


def on_targets(model: AbstractScoreModel, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """``x`` where something is asked for and zero elsewhere: the state that a row is, or the part of it that counts."""
    return model.on_targets(x) if isinstance(model, Given) else x


def row_of(model: AbstractScoreModel, state: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The row that a state of a model is: the state itself unless some of it is given."""
    return model.row(state) if isinstance(model, Given) else state


def num_targets(model: AbstractScoreModel, condition: Condition, shape: tuple[int, ...]) -> Array | int:
    """How many coordinates of a row, or of each of many, are asked for: all of them without evidence."""
    evidence = model.evidence if isinstance(model, Given) else condition
    if not isinstance(evidence, Evidence):
        return math.prod(shape)
    axes = tuple(range(evidence.target.ndim - len(shape), evidence.target.ndim))
    return jnp.sum(evidence.target, axis=axes)


def check_told(model: AbstractScoreModel, condition: Condition, shape: tuple[int, ...]) -> None:
    """Look on the host at what many rows of a shape are told, before it is traced.

    Raises:
        TypeError: evidence for a model that reads none, or a condition of a kind that an embedder refuses.
        ValueError: evidence of another shape or with nothing asked for, or a value that an embedder refuses.
    """
    if isinstance(condition, Evidence):
        require_evidence(condition, shape)
        jax.eval_shape(lambda told: _reads(model, told), jax.tree.map(lambda leaf: leaf[0], condition))
        condition = condition.condition
    check_conditions(model, condition)


def _reads(model: AbstractScoreModel, evidence: Evidence) -> None:
    model.given(evidence)
