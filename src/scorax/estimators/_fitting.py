"""From rows to a fitted table: what the estimator and the command line share, with or without a run folder."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from scorax._errors import InputError, explain
from scorax.data import Schema
from scorax.estimators._config import FitConfig
from scorax.estimators._fitted import Coordinates, FittedTable
from scorax.estimators._model import cut_at
from scorax.estimators._recipe import Plan, plan
from scorax.estimators._selection import choose_sigma_min, held_out_rows, out_of_fold
from scorax.training import TrainState

FEWEST_ROWS = 10
SCORED_ROWS = 2000
"""Held-out rows whose log-density is recorded, at most."""


@dataclass(frozen=True)
class Job:
    """A fit that is ready to start.

    Attributes:
        coordinates: the way between file and model.
        plan: the training.
        z: standardised training rows with bin noise fixed by content and seed: the rows that densities are compared on.
    """

    coordinates: Coordinates
    plan: Plan
    z: Float[np.ndarray, "n d"]

    def held_out_nats(
        self, state: TrainState, start_loss: Float[np.ndarray, " members"]
    ) -> Float[np.ndarray, " members"]:
        """Evidence bound on the held-out rows of every member, in nats per row and file units.

        At step 0 the field is exactly that of a Gaussian, whose log-density is known; the loss is a negative bound up to a
        constant and on fixed draws, so the difference to step 0 gives the bound (a lower bound on the density of the
        reverse SDE, close to that of the flow).
        """
        start = [self._start_nats(member) for member in range(self.plan.members)]
        gain = start_loss - np.asarray(state.validation_loss, np.float64)
        return np.array(start) + gain + self.coordinates.log_weight

    def _start_nats(self, member: int) -> float:
        """Mean log-density of a member's held-out rows, bin noise included, under the Gaussian it starts from."""
        rows = self.plan.data[self.plan.held_out(member)].astype(np.float64)
        d = rows.shape[1]
        mean, precision, log_determinant = np.zeros(d), np.eye(d), 0.0
        if self.plan.config.network.gaussian_skip == "always":
            law = self.plan.laws.members
            basis, variances = np.asarray(law.basis[member], np.float64), np.asarray(law.variances[member], np.float64)
            mean, precision = np.asarray(law.mean[member], np.float64), (basis / variances) @ basis.T
            log_determinant = float(np.sum(np.log(variances)))
        bins = np.zeros(d) if self.plan.dequantize is None else np.square(self.plan.dequantize.widths) / 12
        square = np.einsum("ni,ij,nj->n", rows - mean, precision, rows - mean).mean() + bins @ np.diag(precision)
        return float(-0.5 * (square + log_determinant + d * np.log(2 * np.pi)))


@dataclass(frozen=True)
class Outcome:
    """A finished fit.

    Attributes:
        fitted: the model with its cut-off.
        candidates: mean held-out log-density, in file units, of every cut-off that was tried.
        fold: member that never saw a row, for the rows in ``out_of_fold``; -1 elsewhere.
        out_of_fold: log-density of rows by the member that never saw them, in file units; NaN where there is none.
    """

    fitted: FittedTable
    candidates: dict[float, float]
    fold: np.ndarray
    out_of_fold: np.ndarray


def prepare(values: Float[np.ndarray, "n columns"], schema: Schema, config: FitConfig, *, seed: int) -> Job:
    """The job of fitting rows given in all columns of ``schema``.

    Raises:
        InputError: too few rows, or no column that varies.
    """
    if len(values) < FEWEST_ROWS:
        raise InputError(explain(expected=f"at least {FEWEST_ROWS} rows", got=str(len(values)), do="bring more data"))
    if len(schema.free) == 0:
        raise InputError(
            explain(
                expected="a column with different values", got="constant columns only", do="nothing is left to model"
            )
        )
    coordinates = Coordinates.fit(values, schema)
    standardised = coordinates.standardise(values)
    widths = coordinates.widths / coordinates.standardize.scale
    job = plan(standardised, widths, config, seed=seed)
    return Job(coordinates, job, coordinates.encode(values, seed))


def finish(job: Job, state: TrainState, *, sigma_min: float | None = None) -> Outcome:
    """Choose the cut-off of the trained field (unless it is known) and score the held-out rows."""
    model = state.model(job.plan.model)
    weight = job.coordinates.log_weight
    candidates: dict[float, float] = {}
    if sigma_min is None:
        sigma_min, candidates = choose_sigma_min(job.plan, model, job.z)
    rows = held_out_rows(job.plan.fold, SCORED_ROWS)
    values = np.full(len(job.z), np.nan)
    values[rows] = weight + out_of_fold(job.plan, model, job.z, sigma_min, rows, tolerance=1e-4)
    fold = np.full(len(job.z), -1)
    fold[rows] = job.plan.fold[rows]
    fitted = FittedTable(job.plan.config, job.coordinates, job.plan.laws, cut_at(model, sigma_min))
    return Outcome(fitted, {sigma: value + weight for sigma, value in candidates.items()}, fold, values)
