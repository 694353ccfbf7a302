"""The table recipe, once: from standardised rows and a configuration to a trained, calibrated field."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import numpy as np
import optax
from jaxtyping import Float, Int

from scorax._types import Key
from scorax.models import Denoiser
from scorax.objectives import (
    DenoisingScoreMatching,
    EDMWeighting,
    LikelihoodTimes,
    LikelihoodWeighting,
    LogNormalTimes,
    UniformTimes,
)
from scorax.tables._config import FitConfig, ResolvedConfig
from scorax.tables._model import Laws, initial_model
from scorax.tables._settings import num_held_out, num_members, resolved
from scorax.training import FitOptions, Rows, TrainState, Validation, adamw, fit
from scorax.transforms import Dequantize

_TIMES = {"likelihood": LikelihoodTimes(), "lognormal": LogNormalTimes(), "uniform": UniformTimes()}
_WEIGHTINGS = {"likelihood": LikelihoodWeighting(), "edm": EDMWeighting()}


@dataclass(frozen=True)
class Plan:
    """A fit that is ready to start: everything :func:`~scorax.training.fit` needs, as a function of data, config and seed.

    Attributes:
        config: resolved configuration.
        laws: laws the model is built around.
        model: untrained model in standardised coordinates.
        rows: standardised rows, float32, visited with bin noise in standardised units where a column is rounded.
        fold: the fold of a row, which the members of that fold do not train on; ``-1`` for rows that all train on.
        key: root key of training.
    """

    config: ResolvedConfig
    laws: Laws
    model: Denoiser
    rows: Rows
    fold: Int[np.ndarray, " n"]
    key: Key

    @property
    def members(self) -> int:
        """Number of networks trained side by side."""
        return num_members(self.config)

    def held_out(self, member: int) -> Int[np.ndarray, " rows"]:
        """Rows that ``member`` never trains on."""
        return np.flatnonzero(self.fold == member % self.config.ensemble.folds)

    def trained_on(self, member: int) -> Int[np.ndarray, " rows"]:
        """Rows that ``member`` trains on."""
        return np.flatnonzero(self.fold != member % self.config.ensemble.folds)


def plan(z: Float[np.ndarray, "n d"], widths: Float[np.ndarray, " d"], config: FitConfig, *, seed: int) -> Plan:
    """A fit of standardised rows ``z`` whose columns have bins of ``widths`` (0 where continuous), in the same units."""
    settings = resolved(config, *z.shape)
    network_key, train_key = jax.random.split(jax.random.key(seed))
    folds = settings.ensemble.folds
    order = np.random.default_rng([seed, len(z)]).permutation(len(z))
    fold = np.full(len(z), -1)
    if folds > 1:
        fold[order] = np.arange(len(z)) % folds
    else:
        fold[order[: num_held_out(settings.ensemble.holdout, len(z))]] = 0
    visit = Dequantize(widths.astype(np.float32)) if np.any(widths > 0) else None
    rows = Rows(z.astype(np.float32), visit=visit)
    laws = Laws.of(z, widths, fold, settings, seed=seed)
    return Plan(
        settings,
        laws,
        initial_model(settings, laws, key=network_key),
        rows,
        fold,
        train_key,
    )


def objective(config: ResolvedConfig) -> DenoisingScoreMatching:
    """The training objective of a configuration."""
    return DenoisingScoreMatching(_WEIGHTINGS[config.training.weighting], _TIMES[config.training.times])


@functools.cache  # new closures would be a new program to jit: a second fit of the same shapes shall not compile again
def optimizer(config: ResolvedConfig) -> optax.GradientTransformation:
    """The optimiser of a resolved configuration."""
    training = config.training
    return adamw(
        training.learning_rate,
        num_steps=training.max_steps,
        weight_decay=training.weight_decay,
        clip_norm=training.clip_norm,
    )


def train(job: Plan, state: TrainState | None = None) -> Iterator[TrainState]:
    """States of the training run, from the start or from ``state``."""
    training = job.config.training
    return fit(
        job.model,
        objective(job.config),
        job.rows,
        optimizer(job.config),
        key=job.key,
        num_steps=training.max_steps,
        options=FitOptions(
            batch_size=training.batch_size,
            ema_decay=training.ema_decay,
            validation=Validation(
                tuple(job.held_out(member) for member in range(job.members)),
                every=training.validate_every,
                patience=training.patience,
            ),
            member_rows=[job.trained_on(member) for member in range(job.members)],
        ),
        state=state,
    )
