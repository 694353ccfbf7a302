"""The energy of a model that has one: minus its log-density up to a constant."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import shown
from scorax._errors import explain
from scorax._types import Condition, Scalar
from scorax.models._score_model import AbstractScoreModel, DensityGradient, ScoreFunction
from scorax.models._score_network import EnergyScore


def require_energy(model: AbstractScoreModel) -> None:
    """Refuse a model that has a score and no density.

    Raises:
        TypeError: it is neither an :class:`EnergyScore` nor made by :meth:`ScoreFunction.of_density`.
    """
    of_density = isinstance(model, ScoreFunction) and isinstance(model.fn, DensityGradient)
    if not of_density and not isinstance(model, EnergyScore):
        raise TypeError(
            explain(
                expected="a model with a density",
                got=shown(model),
                do="use an EnergyScore or ScoreFunction.of_density, or Langevin, which needs the score alone",
            )
        )


def energy(
    model: AbstractScoreModel, t: Scalar, x: Float[Array, "*shape"], condition: Condition = None
) -> Float[Array, ""]:
    """Energy of a model that :func:`require_energy` accepts; its score is minus the gradient."""
    if isinstance(model, EnergyScore):
        return model.energy(t, x, condition)
    assert isinstance(model, ScoreFunction)  # `require_energy` refuses others by name
    assert isinstance(model.fn, DensityGradient)
    return -jnp.asarray(model.fn.log_density(x))
