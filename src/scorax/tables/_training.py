"""From rows to a fitted table: what the estimator and the command line share, with or without a run folder."""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from scorax._rows import over_rows
from scorax._trees import cast
from scorax.tables._config import FitConfig, Start
from scorax.tables._coordinates import Coordinates
from scorax.tables._fitted import FittedTable
from scorax.tables._model import cut_at, restricted
from scorax.tables._recipe import Plan, plan
from scorax.tables._schema import Schema
from scorax.tables._selection import choose, held_out_rows, out_of_fold
from scorax.targets import GaussianMixture
from scorax.training import TrainState

SCORED_ROWS = 2000
"""Held-out rows whose log-density is recorded, at most."""


@dataclass(frozen=True)
class Job:
    """A fit that is ready to start.

    Attributes:
        coordinates: the way between file and model.
        plan: the training.
        z: standardised training rows with bin noise fixed by content and seed: the rows that densities are compared on.
        log_weight: what turns their log-densities into those of rows in file units.
    """

    coordinates: Coordinates
    plan: Plan
    z: Float[np.ndarray, "n d"]
    log_weight: Float[np.ndarray, " n"]

    def held_out_nats(
        self, state: TrainState, start_loss: Float[np.ndarray, " members"]
    ) -> Float[np.ndarray, " members"]:
        """Evidence bound on the held-out rows of every member, in nats per row and file units.

        At step 0 the field is exactly that of the law a member starts from, whose log-density is known; the loss is a
        negative bound up to a constant and on fixed draws, so the difference to step 0 gives the bound (a lower bound on the
        density of the reverse SDE, close to that of the flow).
        """
        gain = start_loss - np.asarray(state.validation_loss, np.float64)
        return self._start_nats + gain

    def validated(self, step: int) -> bool:
        """Whether the held-out loss of a state at ``step`` is new, and recorded."""
        training = self.plan.config.training
        return step % training.validate_every == 0 or step >= training.max_steps

    def progress(self, state: TrainState, nats: Float[np.ndarray, " members"]) -> dict[str, Any]:
        """The event that tells how far training is; ``nats`` of the members' held-out rows."""
        return {
            "kind": "progress",
            "step": int(state.step),
            "max_steps": self.plan.config.training.max_steps,
            "loss": float(np.mean(np.asarray(state.loss))),
            "held_out_nats": self.best_start_nats(nats),
            "active": int(np.sum(np.asarray(state.active))),
            "members": self.plan.members,
        }

    def best_start_nats(self, nats: Float[np.ndarray, " members"]) -> float:
        """Mean over the folds of the start that is ahead."""
        return float(np.max(nats.reshape(-1, self.plan.config.ensemble.folds).mean(axis=1)))

    @functools.cached_property
    def _start_nats(self) -> Float[np.ndarray, " members"]:
        """Mean log-density of every member's held-out rows under the law it starts from, in file units."""
        values = []
        with jax.enable_x64(True):
            for member in range(self.plan.members):
                held = self.plan.held_out(member)
                rows = jnp.asarray(self.z[held], jnp.float64)
                nats = _mean_log_density(self.plan.laws.members, jnp.asarray(member), rows)
                values.append(float(nats) + float(np.mean(self.log_weight[held])))
        return np.array(values)


def validation_loss(state: TrainState) -> float:
    """Held-out loss, mean over members, in nats up to a constant."""
    return float(np.mean(np.asarray(state.validation_loss)))


@jax.jit
def _mean_log_density(laws: GaussianMixture, member: Int[Array, ""], rows: Float[Array, "n d"]) -> Float[Array, ""]:
    law = cast(jax.tree.map(lambda leaf: leaf[member], laws), rows.dtype)
    return jnp.mean(over_rows(law.log_density, rows))


@dataclass(frozen=True)
class Outcome:
    """A finished fit.

    Attributes:
        fitted: the model with its cut-off.
        candidates: mean held-out log-density, in file units, of every start and cut-off that was tried.
        fold: member that never saw a row, for the rows in ``out_of_fold``; -1 elsewhere.
        out_of_fold: log-density of rows by the member that never saw them, in file units; NaN where there is none.
    """

    fitted: FittedTable
    candidates: dict[Start, dict[float, float]]
    fold: np.ndarray
    out_of_fold: np.ndarray


def prepare(values: Float[np.ndarray, "n columns"], schema: Schema, config: FitConfig, *, seed: int) -> Job:
    """The job of fitting rows that :func:`~scorax.tables._rows.require_fittable` accepts."""
    coordinates = Coordinates.fit(values, schema)
    job = plan(coordinates.standardise(values), coordinates.widths, config, seed=seed)
    return Job(coordinates, job, coordinates.encode(values, seed), coordinates.log_weight(values))


def finish(job: Job, state: TrainState) -> Outcome:
    """Choose the start and the cut-off of the trained field, and score the held-out rows."""
    model = state.model(job.plan.model)
    choice = choose(job.plan, model, job.z, job.log_weight)
    config, laws, model = restricted(job.plan.config, job.plan.laws, model, choice.start)
    rows = held_out_rows(job.plan.fold, SCORED_ROWS)
    values = np.full(len(job.z), np.nan)
    nats = out_of_fold(job.plan, model, job.z, choice.sigma_min, rows, tolerance=1e-4)
    values[rows] = nats + job.log_weight[rows]
    fold = np.full(len(job.z), -1)
    fold[rows] = job.plan.fold[rows]
    fitted = FittedTable(config, job.coordinates, laws, cut_at(model, choice.sigma_min))
    return Outcome(fitted, choice.candidates, fold, values)
