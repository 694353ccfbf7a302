"""Many draws: one key per row."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jaxtyping import Array, Float

from scorax._checked import require_count, require_key, require_kind, require_shape
from scorax._errors import explain
from scorax._rows import RowKeys, condition_rows, map_rows
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, bound, check_told, row_of
from scorax.samplers._abstract import AbstractSampler
from scorax.samplers._ends import STOP, AbstractEnd

_END = 0x656E64
"""Sets the randomness of the end rule apart from that of the sampler."""


def sample(
    model: AbstractScoreModel,
    sampler: AbstractSampler,
    num_samples: int,
    *,
    key: Key,
    shape: tuple[int, ...] | None = None,
    condition: Condition = None,
    start: int = 0,
    end: AbstractEnd = STOP,
    mesh: Mesh | None = None,
) -> Float[Array, "num_samples *shape"]:
    """Draws of the law of ``model`` at ``t0``. Row ``k`` depends on ``key``, ``start + k`` and its condition only, in any batch.

    Args:
        model: any score model the sampler accepts.
        sampler: the method.
        num_samples: how many rows.
        key: root key; row ``k`` uses ``fold_in(key, start + k)``.
        shape: shape of one draw; taken from the prior of the process or the model's moments where there are any.
        condition: what the network is told: a PyTree of arrays with a leading axis of 1, the same for all rows, or of n.
            Where it is :class:`~scorax.models.Evidence` a row is drawn given its own: known values as they are, NaN where absent.
        start: number of the first row.
        end: what becomes of the state at ``t0``; returned as it is by default.
        mesh: devices to share the rows; a row is the same on one and on many.

    Raises:
        TypeError: the sampler or the end rule refuses the model, or an argument is of another kind.
        ValueError: the shape of a draw is not known, not that of the law at ``t1`` or not one the model has scores for; or
            the condition is for another number of rows or unknown to the network's embedder.
    """
    require_kind(sampler, AbstractSampler, what="sampler")
    require_kind(end, AbstractEnd, what="end")
    num_samples, start = require_count(num_samples, "num_samples", least=0), require_count(start, "start", least=0)
    require_key(key)
    sampler.check(model)
    end.check(model)
    like = sampler.example(model, key=key)
    if shape is None:
        shape = None if like is None else like.shape
    if shape is None:
        raise ValueError(explain(expected="the shape of one draw", got="none", do="pass shape=(d,)"))
    shape = require_shape(shape)
    if like is not None and shape != like.shape:
        raise ValueError(
            explain(expected=f"shape {like.shape}, that of the law at t1", got=f"{shape}", do="leave shape out")
        )
    check_told(model, condition, shape)
    dtype = jnp.result_type(float) if like is None else like.dtype
    numbers = range(start, start + num_samples)
    drawn = eqx.Partial(_drawn, model, sampler, end, shape, jnp.dtype(dtype))
    return map_rows(drawn, condition_rows(condition, num_samples), RowKeys(key, numbers), shape=shape, mesh=mesh)


def _drawn(
    model: AbstractScoreModel,
    sampler: AbstractSampler,
    end: AbstractEnd,
    shape: tuple[int, ...],
    dtype: jnp.dtype,
    condition: Condition,
    key: Key,
) -> Float[Array, "*shape"]:
    model, condition = bound(model, condition)
    x = sampler.draw(model, shape, dtype, condition, key=key)
    return row_of(model, end(model, x, condition, key=jax.random.fold_in(key, _END)))
