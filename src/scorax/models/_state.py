"""The state that a model is asked about: its shape and precision, known before anything is computed."""

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from scorax._checked import require_kind, require_shape, shown
from scorax._errors import explain
from scorax._shapes import shapes_of
from scorax._types import Condition
from scorax.models._given import bound
from scorax.models._score_model import AbstractScoreModel
from scorax.processes import require_equation


def require_state(
    model: AbstractScoreModel,
    shape: tuple[int, ...],
    dtype: DTypeLike,
    condition: Condition = None,
    *,
    precise: bool = True,
) -> tuple[tuple[int, ...], jnp.dtype]:
    """Shape and precision of a state that ``model`` has a score of the same kind for; only shapes are computed.

    Where ``precise`` is false the precision of the score may be another: an integration brings it to that of its state.

    Raises:
        TypeError: no score model, no shape, no floating-point precision, or an equation of another kind.
        ValueError: float64 where JAX has none, or a score, a drift or a diffusion of another shape or precision.
    """
    require_kind(model, AbstractScoreModel, what="model")
    shape = require_shape(shape)
    kind = jnp.dtype(dtype)
    if not jnp.issubdtype(kind, jnp.floating):
        raise TypeError(explain(expected="a state of floating-point numbers", got=kind.name, do="pass jnp.float32"))
    if jax.dtypes.canonicalize_dtype(kind) != kind:
        raise ValueError(
            explain(
                expected="a precision that JAX has now", got=kind.name, do="set jax_enable_x64, or pass jnp.float32"
            )
        )
    state = jax.ShapeDtypeStruct(shape, kind)
    asked, told = bound(model, condition)
    score = shapes_of(_score, asked, state, told)
    if not isinstance(score, jax.ShapeDtypeStruct) or score.shape != state.shape or (precise and score.dtype != kind):
        got = f"{score.dtype}{list(score.shape)}" if isinstance(score, jax.ShapeDtypeStruct) else shown(score)
        raise ValueError(
            explain(
                expected=f"a score like its state, {kind}{list(state.shape)}, from {type(model).__name__}",
                got=got,
                do="build the model for such states, and with arrays of their precision",
            )
        )
    require_equation(model.process, state.shape, kind, precise=precise)
    return state.shape, kind


def _score(model: AbstractScoreModel, x: Float[Array, "*shape"], condition: Condition) -> Float[Array, "*shape"]:
    return model(jnp.asarray(model.process.t1, x.dtype), x, condition)
