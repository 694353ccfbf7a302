"""Held-out loss on fixed, stratified draws, and the stop it decides."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from scorax._checked import require_count, require_kind
from scorax._errors import explain
from scorax._rows import over_rows
from scorax._trees import rows_at
from scorax._types import Key, Keys
from scorax.models import AbstractNetworkModel
from scorax.objectives import AbstractObjective
from scorax.training._rows import Examples, visited
from scorax.transforms import AbstractTransform


@dataclass(frozen=True)
class Validation:
    """What is held out from each member, and when training stops.

    Attributes:
        rows: for every member the indices of its held-out rows.
        every: steps between validations; rounded up to whole calls.
        patience: validations in a row without improvement after which a member stops.
        min_improvement: improvement in nats that counts.
        num_draws: noisy draws per validation and member; at least one per row.
        objective: what is compared, ``None`` for that of the training.
    """

    rows: tuple[np.ndarray, ...]
    every: int = 100
    patience: int = 10
    min_improvement: float = 0.0
    num_draws: int = 8192
    objective: AbstractObjective | None = None

    def __post_init__(self) -> None:
        for name in ("every", "patience", "num_draws"):
            require_count(getattr(self, name), f"{name} of Validation")
        require_kind(self.min_improvement, float, what="min_improvement of Validation")
        require_kind(self.objective, AbstractObjective | None, what="objective of Validation")


class FixedDraws(eqx.Module):
    """Rows, quantiles and keys of a validation, drawn once: two validations differ by the model alone.

    Every row is visited equally often, and each visit in turn takes the next stratum of ``u``, so the levels are
    stratified over rows and visits together.
    """

    rows: Int[Array, "members draws"]
    u: Float[Array, "members draws"]
    keys: Keys
    weight: Float[Array, "members draws"]

    @staticmethod
    def create(validation: Validation, *, key: Key) -> "FixedDraws":
        """Draws for every member; members with fewer rows are padded at weight zero."""
        empty = [index for index, rows in enumerate(validation.rows) if len(rows) == 0]
        if empty:
            raise ValueError(
                explain(
                    expected="held-out rows for every member", got=f"none for member {empty[0]}", do="hold rows out"
                )
            )
        longest = max(len(rows) for rows in validation.rows)
        visits = max(1, validation.num_draws // longest)
        total = longest * visits
        rows = np.zeros((len(validation.rows), total), np.int32)
        u = np.zeros((len(validation.rows), total), np.float32)
        weight = np.zeros((len(validation.rows), total), np.float32)
        generator = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        for member, held in enumerate(validation.rows):
            count = len(held) * visits
            strata = (np.arange(count) + generator.uniform(size=count)) / count
            # Visit j of row i takes stratum j * len + (a shuffled i): each visit sweeps its own band of levels.
            order = np.concatenate([generator.permutation(len(held)) + j * len(held) for j in range(visits)])
            rows[member, :count] = np.tile(held, visits)
            u[member, :count] = np.minimum(strata[order], np.float32(1 - 1e-6))
            weight[member, :count] = 1 / count
        keys = jax.random.split(key, rows.shape)
        return FixedDraws(jnp.asarray(rows), jnp.asarray(u), keys, jnp.asarray(weight))


def draws_loss(
    model: AbstractNetworkModel,
    objective: AbstractObjective,
    held: Examples,
    draws: FixedDraws,
    visit: AbstractTransform | None = None,
) -> Float[Array, ""]:
    """Weighted mean of the objective over one member's draws (no leading member axis); no condition is dropped.

    Args:
        model: the model.
        objective: loss of one example.
        held: the rows that the draws count, and their conditions.
        draws: rows, quantiles and keys.
        visit: transform drawn anew at each visit.
    """

    def one(row: Int[Array, ""], u: Float[Array, ""], key: Key) -> Float[Array, ""]:
        bin_key, noise_key = jax.random.split(key)
        x0 = visited(visit, held.x0[row], bin_key)
        return objective(model, x0, u, rows_at(held.condition, row), key=noise_key, training=False)

    return jnp.sum(over_rows(one, draws.rows, draws.u, draws.keys) * draws.weight)
