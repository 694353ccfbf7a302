"""The table recipe, once: from standardised rows and a configuration to a trained, calibrated field."""

import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import numpy as np
import optax
from jaxtyping import Float, Int

from scorax._types import Key
from scorax.estimators._config import FitConfig, Start
from scorax.estimators._model import Laws, initial_model, num_members
from scorax.models import Denoiser
from scorax.objectives import (
    DenoisingScoreMatching,
    EDMWeighting,
    LikelihoodTimes,
    LikelihoodWeighting,
    LogNormalTimes,
    UniformTimes,
)
from scorax.training import TrainState, Validation, adamw, fit
from scorax.transforms import Dequantize

SMALL_TABLE = 2000
"""Rows up to which a table is fitted by five cross-validation members of a small network."""

MOST_COLUMNS = 16
"""Columns up to which members start from laws fitted to their rows. Measured on the tuning splits: the Gaussian gained 0 to
0.25 nats at 4 to 13 columns and lost 1 at 30, where the mixture lost 0.8 and 1.5 and took twice as long."""

FEW_COLUMNS = 3
"""Columns up to which a large table is fitted with waves and from a mixture too; measured in two and three."""

_TIMES = {"likelihood": LikelihoodTimes(), "lognormal": LogNormalTimes(), "uniform": UniformTimes()}
_WEIGHTINGS = {"likelihood": LikelihoodWeighting(), "edm": EDMWeighting()}


def resolved(config: FitConfig, num_rows: int, dimension: int) -> FitConfig:
    """The configuration with every value that was left to choose filled in from the size of the table."""
    small = num_rows <= SMALL_TABLE
    flat = not small and dimension <= FEW_COLUMNS
    network, training, ensemble = config.network, config.training, config.ensemble
    folds = ensemble.folds or (min(5, num_rows) if small else 1)
    return dataclasses.replace(
        config,
        network=dataclasses.replace(
            network,
            width=network.width or (64 if small else 128),
            depth=network.depth or 2,
            dropout=network.dropout if network.dropout >= 0 else (0.1 if small else 0.0),
            # 32 radians a standard deviation resolve an edge to a thirtieth of it: about what 5,000 rows tell.
            waves=network.waves if network.waves >= 0 else (6 if flat else 0),
        ),
        training=dataclasses.replace(
            training,
            max_steps=training.max_steps or (3000 if flat else 5000),
            batch_size=training.batch_size or (256 if small or flat else 512),
            learning_rate=training.learning_rate or (1e-3 if small else 2e-3),
            # A large table hardly overfits: its held-out loss is noise around a slope until the schedule has decayed.
            patience=training.patience or (8 if small else 25),
        ),
        ensemble=dataclasses.replace(
            ensemble,
            folds=folds,
            starts=ensemble.starts or _starts(small or flat, dimension),
            components=ensemble.components or (20 if flat else 8),
        ),
    )


def _starts(mixture: bool, dimension: int) -> tuple[Start, ...]:
    """Where to start from. In many dimensions the narrow directions of a fitted law make a field that is hard to correct.

    Few rows: a mixture is often most of what can be learned (wine gains half a nat), and sometimes a bad start (diabetes
    loses as much), so both are trained and held-out rows decide. Few columns: a mixture is the better start for a smooth
    law, and the worse one for a law with edges, which are learned on top of it far more slowly.
    """
    if dimension > MOST_COLUMNS:
        return ("normal",)
    return ("gaussian", "mixture") if mixture else ("gaussian",)


@dataclass(frozen=True)
class Plan:
    """A fit that is ready to start: everything :func:`~scorax.training.fit` needs, as a function of data, config and seed.

    Attributes:
        config: resolved configuration.
        laws: laws the model is built around.
        model: untrained model in standardised coordinates.
        data: standardised rows, float32.
        dequantize: bin noise in standardised units, or ``None`` where no column is rounded.
        fold: the fold of a row, which the members of that fold do not train on; ``-1`` for rows that all train on.
        key: root key of training.
    """

    config: FitConfig
    laws: Laws
    model: Denoiser
    data: Float[np.ndarray, "n d"]
    dequantize: Dequantize | None
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
    config = resolved(config, *z.shape)
    network_key, train_key = jax.random.split(jax.random.key(seed))
    folds = config.ensemble.folds
    order = np.random.default_rng([seed, len(z)]).permutation(len(z))
    fold = np.full(len(z), -1)
    if folds > 1:
        fold[order] = np.arange(len(z)) % folds
    else:
        fold[order[: max(1, round(config.ensemble.holdout * len(z)))]] = 0
    laws = Laws.of(z, widths, fold, config, seed=seed)
    return Plan(
        config,
        laws,
        initial_model(config, laws, key=network_key),
        z.astype(np.float32),
        Dequantize(widths.astype(np.float32)) if np.any(widths > 0) else None,
        fold,
        train_key,
    )


def objective(config: FitConfig) -> DenoisingScoreMatching:
    """The training objective of a configuration."""
    return DenoisingScoreMatching(_WEIGHTINGS[config.training.weighting], _TIMES[config.training.times])


@functools.cache  # new closures would be a new program to jit: a second fit of the same shapes shall not compile again
def optimizer(config: FitConfig) -> optax.GradientTransformation:
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
        job.data,
        optimizer(job.config),
        key=job.key,
        num_steps=training.max_steps,
        batch_size=training.batch_size,
        ema_decay=training.ema_decay,
        validation=Validation(
            tuple(job.held_out(member) for member in range(job.members)),
            every=training.validate_every,
            patience=training.patience,
        ),
        member_rows=[job.trained_on(member) for member in range(job.members)],
        dequantize=job.dequantize,
        state=state,
    )
