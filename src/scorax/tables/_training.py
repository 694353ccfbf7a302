"""The training of a table: what it is made of, and how it advances."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import numpy as np
import optax
from jaxtyping import Float, Int

from scorax._events import AbstractAdvance
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
from scorax.tables._coordinates import Coordinates, States
from scorax.tables._model import Blueprint
from scorax.tables._settings import num_held_out, num_members
from scorax.tables._starts import member_laws, moments_of
from scorax.training import FitOptions, Rows, TrainState, Validation, adamw, fit

_TIMES = {"likelihood": LikelihoodTimes(), "lognormal": LogNormalTimes(), "uniform": UniformTimes()}
_WEIGHTINGS = {"likelihood": LikelihoodWeighting(), "edm": EDMWeighting()}


@dataclass(frozen=True)
class Training:
    """A training that is ready to start: everything :func:`~scorax.training.fit` needs, a function of rows, config and seed.

    Attributes:
        blueprint: what the model is built in.
        model: untrained model of states.
        rows: encoded rows, float32, visited with noise inside their cells.
        scored: rows with noise fixed by content and seed: those that densities are compared on.
        fold: the fold of a row, which the members of that fold do not train on; ``-1`` for rows that all train on.
        key: root key of training.
    """

    blueprint: Blueprint
    model: Denoiser
    rows: Rows
    scored: States
    fold: Int[np.ndarray, " n"]
    key: Key

    @staticmethod
    def of(
        values: Float[np.ndarray, "n columns"], coordinates: Coordinates, config: ResolvedConfig, *, seed: int
    ) -> "Training":
        """The training on rows in all columns of the schema."""
        states, fold = coordinates.states(values, seed), _folds(len(values), config, seed)
        network_key, train_key = jax.random.split(jax.random.key(seed))
        sizes = [len(book) for book in coordinates.codebooks]
        numbers = states.z[:, : coordinates.num_numbers]
        starts = member_laws(numbers, states.categories, sizes, fold, config, seed=seed)
        blueprint = Blueprint(config, coordinates, moments_of(states.z), starts)
        return Training(
            blueprint,
            blueprint.untrained(key=network_key),
            _visited_rows(coordinates, values, states),
            states,
            fold,
            train_key,
        )

    @property
    def config(self) -> ResolvedConfig:
        """Resolved configuration."""
        return self.blueprint.config

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
        values, starts = [], self.blueprint.starts
        with jax.enable_x64(True):
            for member in range(self.members):
                held = self.scored.take(self.held_out(member))
                values.append(starts.mean_log_density(member, held) + float(np.mean(held.log_weight)))
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


def _visited_rows(coordinates: Coordinates, values: Float[np.ndarray, "n columns"], states: States) -> Rows:
    """What is trained on: rows whose noise is drawn at every visit, or as they are where there is nothing to draw."""
    rows, numbers = coordinates.encode(values), coordinates.num_numbers
    drawn = np.isnan(rows).any() or np.any(rows[:, numbers : 2 * numbers])
    data = rows if drawn else states.z
    return Rows(data.astype(np.float32), states.evidence, coordinates.visit if drawn else None)
