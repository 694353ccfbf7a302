"""Objectives side by side: the Fisher divergence each stands for, and how well and how dearly it gives its gradient."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

from scorax._checked import require_count
from scorax._trees import trainable
from scorax._types import Key, Keys
from scorax.models import AbstractNetworkModel, AbstractScoreModel
from scorax.objectives import (
    AbstractObjective,
    EnergyDifferenceScoreMatching,
    ExplicitScoreMatching,
    FiniteDifferenceScoreMatching,
)

CHUNK = 64
"""Examples whose gradients are held at once."""


class ObjectiveComparison(NamedTuple):
    r"""One objective beside the explicit one of the same weighting and times, on the same noisy states.

    Attributes:
        value: the objective of the model.
        standard_error: of ``value``.
        constant: minus the objective of the exact score: what is added to get the Fisher divergence. For the implicit
            family it is $\tfrac12 E\,\lambda |s|^2$, for denoising minus the floor $\tfrac12 E\,\lambda |s + noise/\sigma|^2$,
            each with the bias of its finite differences, if any.
        fisher: ``value + constant``, from the differences on equal draws.
        fisher_error: its standard error.
        explicit: the explicit objective: what ``fisher`` estimates.
        explicit_error: its standard error.
        cosine: between the mean gradient in the parameters of the network and that of the explicit objective.
        difference: distance of the two mean gradients over the length of the explicit one.
        difference_error: what sampling alone would give for ``difference``.
        gradient_variance: total variance of the gradient of one example over the squared length of the explicit mean.
        evaluations: evaluations of the model per example and loss; directional derivatives count as one.
    """

    value: float
    standard_error: float
    constant: float
    fisher: float
    fisher_error: float
    explicit: float
    explicit_error: float
    cosine: float
    difference: float
    difference_error: float
    gradient_variance: float
    evaluations: int


def compare_objectives(
    model: AbstractNetworkModel,
    objectives: Mapping[str, AbstractObjective],
    target: AbstractScoreModel,
    rows: Float[Array, "n *shape"] | Float[np.ndarray, "n *shape"],
    *,
    key: Key,
    num_draws: int = 4096,
) -> dict[str, ObjectiveComparison]:
    """Compare objectives at one model whose exact score is known.

    Every objective sees the same rows, times and noises. Objectives that minimise the same divergence have cosine one and a
    difference of the size of its error; they differ in the variance of their gradient and in their cost.
    :class:`~scorax.objectives.GeneralizedScoreMatching` minimises another, weighted divergence and is not of them.

    Args:
        model: a model with a network; dropout is off.
        objectives: by the name of their row.
        target: the exact score under the process of the model.
        rows: draws of the clean data.
        key: root of the randomness.
        num_draws: examples, rounded up to whole chunks of 64; rows are visited in turn.

    Returns:
        A record for each name.

    Raises:
        ValueError: no rows or no draws, or a target under another process.
    """
    require_count(len(rows), "the number of rows")
    num_draws = require_count(num_draws, "num_draws")
    chunks = -(-num_draws // CHUNK)
    count = chunks * CHUNK
    offset_key, order_key, draw_key = jax.random.split(key, 3)
    data = jnp.asarray(rows)
    x0 = data[jnp.arange(count) % len(data)]
    u = (jnp.arange(count, dtype=data.dtype) + jax.random.uniform(offset_key, (count,), data.dtype)) / count
    u = jax.random.permutation(order_key, u)  # rows may come in an order
    keys = jax.random.split(draw_key, count)
    split = jax.tree.map(lambda a: a.reshape(chunks, CHUNK, *a.shape[1:]), (x0, u, keys))
    return {name: _compared(model, objective, target, *split) for name, objective in objectives.items()}


def _compared(
    model: AbstractNetworkModel,
    objective: AbstractObjective,
    target: AbstractScoreModel,
    x0: Array,
    u: Array,
    keys: Keys,
) -> ObjectiveComparison:
    explicit = ExplicitScoreMatching(target=target, weighting=objective.weighting, times=objective.times)
    sums, values = _sums(model, (objective, explicit, _of_scores(objective)), target, x0, u, keys)
    value, reference, truth = (np.asarray(part, np.float64).reshape(-1) for part in values)
    ours, theirs, square, gap = (np.asarray(part, np.float64) / value.size for part in sums)
    length = np.linalg.norm(theirs)

    def error(draws: np.ndarray) -> float:
        return float(draws.std(ddof=1) / np.sqrt(draws.size))

    return ObjectiveComparison(
        value=float(value.mean()),
        standard_error=error(value),
        constant=float(-truth.mean()),
        fisher=float((value - truth).mean()),
        fisher_error=error(value - truth),
        explicit=float(reference.mean()),
        explicit_error=error(reference),
        cosine=float(ours @ theirs / (np.linalg.norm(ours) * length)),
        difference=float(np.linalg.norm(ours - theirs) / length),
        difference_error=float(np.sqrt((gap - np.sum((ours - theirs) ** 2)).clip(0) / value.size) / length),
        gradient_variance=float((square - np.sum(ours**2)) / length**2),
        evaluations=objective.evaluations(int(np.prod(x0.shape[2:]))),
    )


def _of_scores(objective: AbstractObjective) -> AbstractObjective:
    """The objective in a form that any score has: the exact score comes without its energy."""
    if not isinstance(objective, EnergyDifferenceScoreMatching):
        return objective
    return FiniteDifferenceScoreMatching(
        probe=objective.probe, num_probes=objective.num_probes, weighting=objective.weighting, times=objective.times
    )


@eqx.filter_jit
def _sums(
    model: AbstractNetworkModel,
    objectives: tuple[AbstractObjective, AbstractObjective, AbstractObjective],
    target: AbstractScoreModel,
    x0: Array,
    u: Array,
    keys: Keys,
) -> tuple[Any, Any]:
    """Sums of both gradients, of the squared length of the first and of their distance; and the values per example."""
    ours, explicit, of_scores = objectives
    weights, rest = eqx.partition(model, trainable(model))

    def one(x: Array, v: Array, k: Key) -> tuple[Any, Any]:
        def gradient(objective: AbstractObjective) -> tuple[Array, Array]:
            def loss(arrays: PyTree) -> Array:
                return objective(eqx.combine(arrays, rest), x, v, key=k, training=False)

            value, tree = jax.value_and_grad(loss)(weights)
            return value, ravel_pytree(tree)[0]

        (value, g), (reference, e) = gradient(ours), gradient(explicit)
        truth = of_scores(target, x, v, key=k, training=False)
        return (g, e, jnp.sum(g**2), jnp.sum((g - e) ** 2)), (value, reference, truth)

    def chunk(total: Any, draws: Any) -> tuple[Any, Any]:
        parts, values = jax.vmap(one)(*draws)
        return jax.tree.map(lambda t, p: t + jnp.sum(p, axis=0), total, parts), values

    start = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(one, x0[0, 0], u[0, 0], keys[0, 0])[0])
    return jax.lax.scan(chunk, start, (x0, u, keys))
