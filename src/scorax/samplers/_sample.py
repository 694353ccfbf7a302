"""Many draws, or their whole paths: a key for each row."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jaxtyping import Array, Float, PyTree

from scorax._checked import require_count, require_key, require_kind
from scorax._errors import explain
from scorax._rows import RowKeys, map_rows, one_or_each
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, bound, check_told, on_targets, row_of
from scorax.samplers._abstract import AbstractSampler, Path
from scorax.samplers._ends import STOP, AbstractEnd
from scorax.samplers._starts import States, Terminal

_END = 0x656E64
"""Sets the randomness of the end rule apart from that of the sampler."""


def sample(
    model: AbstractScoreModel,
    sampler: AbstractSampler,
    num_samples: int | range,
    *,
    key: Key,
    condition: Condition = None,
    start: Terminal | States | None = None,
    end: AbstractEnd = STOP,
    mesh: Mesh | None = None,
) -> Float[Array, "n *shape"]:
    """Draws of the law of ``model`` at ``t0``. Row ``k`` depends on ``key``, ``k``, its condition and its start only.

    Args:
        model: any score model the sampler accepts.
        sampler: the method.
        num_samples: how many rows; ``range(a, b)`` for the rows ``a`` to ``b`` of the same request.
        key: root key; row ``k`` uses ``fold_in(key, k)``.
        condition: what the network is told: a PyTree of arrays with a leading axis of 1, the same for all rows, or of n.
            Where it is :class:`~scorax.models.Evidence` a row is drawn given its own: known values as they are, NaN where absent.
        start: where rows begin: by default at a draw of the law at ``t1``; :class:`Terminal` with its shape, where neither the
            prior of the process nor the moments of the model say it, as of images, whose moments say only how many numbers they
            have; or :class:`States`.
        end: what becomes of the state at ``t0``; returned as it is by default.
        mesh: devices to share the rows; a row is the same on one and on many.

    Raises:
        TypeError: the sampler or the end rule refuses the model, the process has no law at ``t1`` and there are no states, or an
            argument is of another kind.
        ValueError: the shape of a draw is not known, not of the size of the law at ``t1`` or not one the model has scores for;
            states of a time outside the clock; states or a condition for another number of rows, or a condition unknown to the
            network's embedder.
    """
    return _requested(model, sampler, num_samples, key, condition, start, end, mesh, whole=False)


def sample_path(
    model: AbstractScoreModel,
    sampler: AbstractSampler,
    num_samples: int | range,
    *,
    key: Key,
    condition: Condition = None,
    start: Terminal | States | None = None,
    end: AbstractEnd = STOP,
    mesh: Mesh | None = None,
) -> Path:
    """Paths of the draws of :func:`sample`: the same arguments, the same rows and the same errors.

    The first state of a row is where it begins, and the last is its draw, which ``end`` makes of the state at ``t0``.

    Returns:
        Times ``(nodes,)`` of the process, decreasing to ``t0``, and states ``(n, nodes, *shape)`` of the process. A sampler on
        a grid has one at each node, an adaptive one at ``num_nodes`` of its solve, and a chain, which stays at ``t0``, one
        after each step.
    """
    paths = _requested(model, sampler, num_samples, key, condition, start, end, mesh, whole=True)
    return Path(paths.times[0], paths.states)


class _Row(eqx.Module):
    """How a row is drawn: its path where ``whole``, else its draw."""

    model: AbstractScoreModel
    sampler: AbstractSampler
    end: AbstractEnd
    like: jax.ShapeDtypeStruct
    t: float | None
    whole: bool

    def __call__(self, row: tuple[Condition, Float[Array, "*shape"] | None], key: Key) -> PyTree:
        told, x = row
        model, condition = bound(self.model, told)
        first, rest = jax.random.split(key)
        if x is None:
            x = self.sampler.initial(model, self.like.shape, self.like.dtype, key=first)
        x = on_targets(model, x)  # states may be rows, with nothing where a coordinate is absent

        def ended(state: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
            return row_of(model, self.end(model, state, condition, key=jax.random.fold_in(key, _END)))

        if not self.whole:
            return ended(self.sampler.draw(model, x, condition, t=self.t, key=rest))
        times, states = self.sampler.path(model, x, condition, t=self.t, key=rest)
        return Path(times, states.at[-1].set(ended(states[-1])))


def _requested(
    model: AbstractScoreModel,
    sampler: AbstractSampler,
    num_samples: int | range,
    key: Key,
    condition: Condition,
    start: Terminal | States | None,
    end: AbstractEnd,
    mesh: Mesh | None,
    *,
    whole: bool,
) -> PyTree:
    require_kind(sampler, AbstractSampler, what="sampler")
    require_kind(start, Terminal | States | None, what="start")
    require_kind(end, AbstractEnd, what="end")
    require_kind(mesh, Mesh | None, what="mesh")
    require_key(key)
    numbers = _numbers(num_samples, least=1 if whole else 0)
    sampler.check(model)
    end.check(model)
    told = one_or_each(condition, len(numbers))
    if isinstance(start, States):
        states, t = one_or_each(start.x, len(numbers), what="states"), start.t
        like = jax.ShapeDtypeStruct(start.x.shape[1:], start.x.dtype)
    else:
        states, t, like = None, None, _like(sampler.example(model, key=key), start)
    check_told(model, condition, like.shape)
    row = _Row(model, sampler, end, like, t, whole)
    return map_rows(row, (told, states), RowKeys(key, numbers), shape=like.shape, mesh=mesh)


def _numbers(num_samples: int | range, *, least: int) -> range:
    """Numbers of the rows that are asked for."""
    if not isinstance(num_samples, range):
        return range(require_count(num_samples, "num_samples", least=least))
    if num_samples.step != 1 or num_samples.start < 0 or len(num_samples) < least:
        raise ValueError(
            explain(
                expected="a range of row numbers from 0 on, in steps of one",
                got=repr(num_samples),
                do="pass range(1000, 2000) for the second thousand, say",
            )
        )
    return num_samples


def _like(known: jax.ShapeDtypeStruct | None, start: Terminal | None) -> jax.ShapeDtypeStruct:
    """Shape and precision of a draw: as the law at ``t1`` has them, else as ``start`` says."""
    if known is None:
        if start is None:
            raise ValueError(
                explain(expected="the shape of one draw", got="none", do="pass start=Terminal((d,)), or States(x)")
            )
        return jax.ShapeDtypeStruct(start.shape, jnp.result_type(float))
    if start is None:
        return known
    if math.prod(start.shape) != math.prod(known.shape):
        raise ValueError(
            explain(
                expected=f"a shape of {math.prod(known.shape)} numbers, as the law at t1 has",
                got=f"{start.shape}",
                do=f"leave start out for {known.shape}, or give the shape of one example",
            )
        )
    return jax.ShapeDtypeStruct(start.shape, known.dtype)
