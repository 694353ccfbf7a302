"""The training of a table: what it is made of, and how it advances."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from scorax._events import AbstractAdvance
from scorax._rows import over_rows
from scorax._trees import cast
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
from scorax.tables._config import ResolvedConfig
from scorax.tables._coordinates import Coordinates
from scorax.tables._model import initial_model
from scorax.tables._settings import num_held_out, num_members
from scorax.tables._starts import member_laws, moments_of
from scorax.targets import GaussianMixture
from scorax.training import FitOptions, Rows, TrainState, Validation, adamw, fit
from scorax.transforms import Dequantize

_TIMES = {"likelihood": LikelihoodTimes(), "lognormal": LogNormalTimes(), "uniform": UniformTimes()}
_WEIGHTINGS = {"likelihood": LikelihoodWeighting(), "edm": EDMWeighting()}


@dataclass(frozen=True)
class Training:
    """A training that is ready to start: everything :func:`~scorax.training.fit` needs, a function of rows, config and seed.

    Attributes:
        config: resolved configuration.
        coordinates: the way between file and model.
        starts: the law that each member starts from, stacked: the folds of the first start, then those of the next.
        model: untrained model of standardised rows.
        rows: standardised rows, float32, visited with bin noise in standardised units where a column is rounded.
        z: standardised rows with bin noise fixed by content and seed: the rows that densities are compared on.
        log_weight: what turns their log-densities into those of rows in file units.
        fold: the fold of a row, which the members of that fold do not train on; ``-1`` for rows that all train on.
        key: root key of training.
    """

    config: ResolvedConfig
    coordinates: Coordinates
    starts: GaussianMixture
    model: Denoiser
    rows: Rows
    z: Float[np.ndarray, "n d"]
    log_weight: Float[np.ndarray, " n"]
    fold: Int[np.ndarray, " n"]
    key: Key

    @staticmethod
    def of(
        values: Float[np.ndarray, "n columns"], coordinates: Coordinates, config: ResolvedConfig, *, seed: int
    ) -> "Training":
        """The training on rows in all columns of the schema."""
        z, widths = coordinates.standardise(values), coordinates.widths
        fold = _folds(len(z), config, seed)
        network_key, train_key = jax.random.split(jax.random.key(seed))
        visit = Dequantize(widths.astype(np.float32)) if np.any(widths > 0) else None
        starts = member_laws(z, widths, fold, config, seed=seed)
        return Training(
            config,
            coordinates,
            starts,
            initial_model(config, moments_of(z, widths), starts, key=network_key),
            Rows(z.astype(np.float32), visit=visit),
            coordinates.encode(values, seed),
            coordinates.log_weight(values),
            fold,
            train_key,
        )

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

    def states(self, state: TrainState | None) -> Iterator[TrainState]:
        """States of the training, from the start or after ``state``."""
        training = self.config.training
        members = range(self.members)
        return fit(
            self.model,
            objective(self.config),
            self.rows,
            optimizer(self.config),
            key=self.key,
            num_steps=training.max_steps,
            options=FitOptions(
                batch_size=training.batch_size,
                ema_decay=training.ema_decay,
                validation=Validation(
                    tuple(self.held_out(member) for member in members),
                    every=training.validate_every,
                    patience=training.patience,
                ),
                member_rows=[self.trained_on(member) for member in members],
            ),
            state=state,
        )

    @functools.cached_property
    def start_nats(self) -> Float[np.ndarray, " members"]:
        """Mean log-density of every member's held-out rows under the law it starts from, in file units."""
        values = []
        with jax.enable_x64(True):
            for member in range(self.members):
                held = self.held_out(member)
                rows = jnp.asarray(self.z[held], jnp.float64)
                nats = _mean_log_density(self.starts, jnp.asarray(member), rows)
                values.append(float(nats) + float(np.mean(self.log_weight[held])))
        return np.array(values)


@dataclass(frozen=True, eq=False)
class Advance(AbstractAdvance):
    """A state that training has reached.

    Attributes:
        training: of which it is one.
        state: weights, their averages and what the optimiser knows.
        start_loss: held-out loss of every member at step 0.
    """

    training: Training
    state: TrainState
    start_loss: Float[np.ndarray, " members"]

    @property
    def step(self) -> int:
        """Optimiser steps taken."""
        return int(self.state.step)

    @property
    def max_steps(self) -> int:
        """Optimiser steps at most."""
        return self.training.config.training.max_steps

    @property
    def loss(self) -> float:
        """Training loss, mean over members; NaN before the first step."""
        return float(np.mean(np.asarray(self.state.loss)))

    @property
    def active(self) -> int:
        """Members that still train."""
        return int(np.sum(np.asarray(self.state.active)))

    @property
    def members(self) -> int:
        """All members."""
        return self.training.members

    @property
    def validated(self) -> bool:
        """Whether the held-out loss is new, and recorded."""
        return self.step % self.training.config.training.validate_every == 0 or self.step >= self.max_steps

    @property
    def validation_loss(self) -> float:
        """Held-out loss, mean over members, in nats up to a constant."""
        return float(np.mean(np.asarray(self.state.validation_loss)))

    @functools.cached_property
    def member_nats(self) -> Float[np.ndarray, " members"]:
        """Evidence bound on the held-out rows of every member, in nats per row and file units.

        At step 0 the field is exactly that of the law a member starts from, whose log-density is known; the loss is a
        negative bound up to a constant and on fixed draws, so the difference to step 0 gives the bound (a lower bound on the
        density of the reverse SDE, close to that of the flow).
        """
        return self.training.start_nats + (self.start_loss - np.asarray(self.state.validation_loss, np.float64))

    @property
    def held_out_nats(self) -> float:
        """Evidence bound on held-out rows: mean over the folds of the start that is ahead."""
        return float(np.max(self.member_nats.reshape(-1, self.training.config.ensemble.folds).mean(axis=1)))


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


def _folds(num_rows: int, config: ResolvedConfig, seed: int) -> Int[np.ndarray, " n"]:
    folds = config.ensemble.folds
    order = np.random.default_rng([seed, num_rows]).permutation(num_rows)
    fold = np.full(num_rows, -1)
    if folds > 1:
        fold[order] = np.arange(num_rows) % folds
    else:
        fold[order[: num_held_out(config.ensemble.holdout, num_rows)]] = 0
    return fold


@jax.jit
def _mean_log_density(laws: GaussianMixture, member: Int[Array, ""], rows: Float[Array, "n d"]) -> Float[Array, ""]:
    law = cast(jax.tree.map(lambda leaf: leaf[member], laws), rows.dtype)
    return jnp.mean(over_rows(law.log_density, rows))
