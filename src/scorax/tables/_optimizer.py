"""What the networks of a table are trained with, and what is said where a training does not stay finite."""

import functools

import numpy as np
import optax

from scorax._errors import DivergedError
from scorax._text import quote
from scorax.objectives import (
    DenoisingScoreMatching,
    EDMWeighting,
    LikelihoodTimes,
    LikelihoodWeighting,
    LogNormalTimes,
    UniformTimes,
)
from scorax.tables._config import ResolvedConfig
from scorax.tables._coordinates import Coordinates
from scorax.tables._settings import round_steps
from scorax.training import AbstractRows, adamw, learning_rates

_TIMES = {"likelihood": LikelihoodTimes(), "lognormal": LogNormalTimes(), "uniform": UniformTimes()}
_WEIGHTINGS = {"likelihood": LikelihoodWeighting(), "edm": EDMWeighting()}

_FARTHEST = 3
"""Columns that are named where a training is not finite."""


def objective(config: ResolvedConfig) -> DenoisingScoreMatching:
    """The training objective of a configuration."""
    return DenoisingScoreMatching(_WEIGHTINGS[config.training.weighting], _TIMES[config.training.times])


@functools.cache  # new closures would be a new program to jit: a second fit of the same shapes shall not compile again
def optimizer(config: ResolvedConfig) -> optax.GradientTransformation:
    """The optimiser of a resolved configuration."""
    training = config.training
    return adamw(
        training.learning_rate,
        num_steps=round_steps(training),
        weight_decay=training.weight_decay,
        clip_norm=training.clip_norm,
    )


def diverged(
    error: DivergedError, config: ResolvedConfig, rows: AbstractRows, coordinates: Coordinates
) -> DivergedError:
    """The error with the learning rate of its step and the columns that are farthest off in the rows of its batch."""
    fault = error.fault
    if fault is None:
        return error
    rates = learning_rates(config.training.learning_rate, num_steps=round_steps(config.training))
    names = _farthest(np.array(fault.rows, int), rows, coordinates)
    return DivergedError(fault.line(learning_rate=float(np.asarray(rates(fault.step))), columns=names), fault)


def _farthest(numbers: np.ndarray, rows: AbstractRows, coordinates: Coordinates) -> list[str]:
    """Columns whose standardised numbers in these rows are farthest off, and how far."""
    columns = coordinates.columns[: sum(len(column.widths) for column in coordinates.schema.columns)]
    size = np.abs(np.asarray(rows.take(numbers).x0[:, : len(columns)], np.float64))
    if not size.size:
        return []
    largest = np.max(np.nan_to_num(size, nan=0.0, posinf=np.inf), axis=0)
    places = np.argsort(-largest, kind="stable")[:_FARTHEST]
    return [f"{quote(coordinates.schema.names[columns[j]])} by {largest[j]:.3g}" for j in places]
