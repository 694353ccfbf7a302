"""Many draws: one key per row, one compiled block of rows."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree, UInt32

from scorax._checked import require_count, require_key, require_kind, require_shape
from scorax._errors import explain
from scorax._trees import require_conditions, rows_at
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel
from scorax.networks import check_conditions
from scorax.samplers._abstract import AbstractSampler
from scorax.samplers._ends import STOP, AbstractEnd

BLOCK = 1024
"""Rows of one compiled block. A constant of the library: a row's bits must not depend on how many are asked for."""

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
    conditions: PyTree = None,
    start: int = 0,
    end: AbstractEnd = STOP,
) -> Float[Array, "num_samples *shape"]:
    """Draws of the law of ``model`` at ``t0``. Row ``k`` depends on ``key``, ``start + k`` and its condition only, in any batch.

    Args:
        model: any score model the sampler accepts.
        sampler: the method.
        num_samples: how many rows.
        key: root key; row ``k`` uses ``fold_in(key, start + k)``.
        shape: shape of one draw; taken from the prior of the process or the model's moments where there are any.
        condition: what the network is told, the same for all rows.
        conditions: or PyTree of arrays with ``num_samples`` rows: what it is told of each.
        start: number of the first row.
        end: what becomes of the state at ``t0``; returned as it is by default.

    Raises:
        TypeError: the sampler or the end rule refuses the model, or an argument is of another kind.
        ValueError: the shape of a draw is not known, not that of the law at ``t1`` or not one the model has scores for; or there
            are conditions of both kinds, for another number of rows or unknown to the network's embedder.
    """
    require_kind(sampler, AbstractSampler, what="sampler")
    require_kind(end, AbstractEnd, what="end")
    num_samples, start = require_count(num_samples, "num_samples", least=0), require_count(start, "start", least=0)
    require_key(key)
    sampler.check(model)
    end.check(model)
    require_conditions(condition, conditions, num_samples)
    check_conditions(model, condition if conditions is None else conditions)
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
    dtype = jnp.result_type(float) if like is None else like.dtype
    # Taken apart once and not by ``filter_jit``, which does it for every block and waits for the block before: together as
    # long as a few steps of a small network.
    arrays, rest = eqx.partition((model, sampler, end, condition), eqx.is_array)
    leaves, tree = jax.tree.flatten(rest)
    static = (tuple(leaves), tree, shape, jnp.dtype(dtype))
    parts = []
    for first in range(0, num_samples, BLOCK):
        told = rows_at(conditions, np.minimum(first + np.arange(BLOCK), num_samples - 1))
        parts.append(_block(static, arrays, told, key, np.uint32((start + first) % 2**32)))
    return jnp.concatenate(parts)[:num_samples] if parts else jnp.zeros((0, *shape), dtype)


@functools.partial(jax.jit, static_argnums=0)
def _block(
    static: tuple[tuple[Any, ...], Any, tuple[int, ...], jnp.dtype],
    arrays: PyTree,
    conditions: PyTree,
    key: Key,
    first: UInt32[Array, ""],
) -> Float[Array, "block *shape"]:
    """Rows ``first`` to ``first + BLOCK``; ``static`` and ``arrays`` are the two parts of what they are drawn by."""
    leaves, tree, shape, dtype = static
    model, sampler, end, condition = eqx.combine(arrays, jax.tree.unflatten(tree, leaves))
    rows = first + jnp.arange(BLOCK, dtype=jnp.uint32)
    keys = jax.vmap(lambda row: jax.random.fold_in(key, row))(rows)

    def one(k: Key, own: PyTree) -> Float[Array, "*shape"]:
        told = condition if own is None else own
        x = sampler.draw(model, shape, dtype, told, key=k)
        return end(model, x, told, key=jax.random.fold_in(k, _END))

    return jax.vmap(one)(keys, conditions)
