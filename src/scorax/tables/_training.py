"""The training of a table: what it is made of, and how it advances."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from scorax._errors import DivergedError
from scorax._types import Key
from scorax.models import Denoiser
from scorax.objectives import (
    AbstractObjective,
    DenoisingScoreMatching,
    FixedQuestion,
    MaskedMatching,
    MissingQuestions,
    RandomQuestions,
)
from scorax.samplers import AdamsBashforth
from scorax.tables._bootstrap import trained_on
from scorax.tables._config import ResolvedConfig
from scorax.tables._coordinates import Coordinates, States, question_of
from scorax.tables._filling import Round, drawn
from scorax.tables._folds import folds_of
from scorax.tables._model import Blueprint, member_models
from scorax.tables._optimizer import diverged, objective, optimizer
from scorax.tables._repeats import distinct_rows
from scorax.tables._scorable import given_cells
from scorax.tables._settings import num_members, round_steps
from scorax.tables._starts import member_laws, moments_of
from scorax.tables._stored import StoredRows
from scorax.training import AbstractRows, FitOptions, Rows, TrainState, Validation, fit, initial_state

_FILLING = 0x66696C6C
"""Sets the draws of missing cells apart from the randomness of training."""

_REST = 0.5
"""Share of the visits of a round that ask for the cells that are drawn after it."""

BOUND = DenoisingScoreMatching()
"""Up to a constant the negative evidence bound: what members stop by, whatever they train on."""


@dataclass(frozen=True)
class Training:
    """A training that is ready to start: everything :func:`~scorax.training.fit` needs, a function of rows, config and seed.

    Attributes:
        blueprint: what the model is built in.
        model: untrained model of states.
        values: rows in all columns of the schema.
        round: the round of filling, and what it fills.
        scored: rows with noise fixed by content and seed: those that densities are compared on.
        fold: the fold of a row, which the members of that fold do not train on; ``-1`` for rows that all train on.
        own: rows that the members of each fold train on; of a bootstrap as often as their weights have it.
        key: root key of training.
        stored: all rows of a table that is fitted from its files, of which ``values`` are the sample.
    """

    blueprint: Blueprint
    model: Denoiser
    values: Float[np.ndarray, "n columns"]
    round: Round
    scored: States
    fold: Int[np.ndarray, " n"]
    own: tuple[Int[np.ndarray, " m"], ...]
    key: Key
    stored: StoredRows | None = None

    @staticmethod
    def of(
        values: Float[np.ndarray, "n columns"],
        coordinates: Coordinates,
        config: ResolvedConfig,
        *,
        seed: int,
        stored: StoredRows | None = None,
    ) -> "Training":
        """The training on rows in all columns of the schema; ``stored`` are all rows where these are a sample."""
        states = coordinates.states(values, seed, given_cells(values, coordinates.schema, config))
        fold = folds_of(distinct_rows(values, coordinates.schema.columns), config, seed)
        network_key, train_key = jax.random.split(jax.random.key(seed))
        none = [np.zeros(len(book), np.int64) for book in coordinates.codebooks]
        own = trained_on(fold, config, seed)
        starts = member_laws(states, none if stored is None else stored.table.levels, own, config, seed=seed)
        blueprint = Blueprint(config, coordinates, moments_of(states.z), starts)
        return Training(
            blueprint,
            blueprint.untrained(key=network_key),
            values,
            Round.first(num_members(config), states),
            states,
            fold,
            own,
            train_key,
            stored,
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
        return self.own[member % self.config.ensemble.folds]

    @property
    def num_missing(self) -> int:
        """Missing cells of the columns that the model describes."""
        if self.stored is not None:
            return self.stored.table.missing
        return int(np.count_nonzero(np.isnan(self.values[:, self.blueprint.coordinates.schema.free])))

    @functools.cached_property
    def holed(self) -> Int[np.ndarray, " rows"]:
        """Rows with a missing cell that rounds fill; none where there is one round."""
        if self.config.training.filling_rounds == 1 or self.scored.present is None:
            return np.zeros(0, np.int64)
        return np.flatnonzero(~self.scored.present.all(axis=1))

    def filled(self, member: int, rows: Int[np.ndarray, " m"]) -> Float[np.ndarray, "m columns"]:
        """Values of rows as ``member`` sees them in this round."""
        values, present = self.values[rows], self.scored.present
        if self.round.number == 1 or present is None:
            return values
        z = np.zeros(present.shape)
        z[~present] = self.round.draws[member]
        return self.blueprint.coordinates.decode(z[rows], values)

    @functools.cached_property
    def rows(self) -> AbstractRows:
        """What is trained and validated on, encoded and visited with noise inside cells.

        First all rows as they are; then, for every member, those with a missing cell as it sees them. They are there in the
        first round too, not filled yet: rounds have the same shapes, and share their programs.
        """
        if self.stored is not None:
            return self.stored
        coordinates, present, numbers = self.blueprint.coordinates, self.scored.present, self.blueprint.size.numbers
        parts, told = [coordinates.encode(self.values)], self.scored.evidence
        if present is not None and len(self.holed):
            own = present[self.holed] | (self.round.number > 1)
            parts += [coordinates.encode(self.filled(member, self.holed)) for member in range(self.members)]
            told = question_of(np.concatenate([present, *[own] * self.members]))
        rows = np.concatenate(parts)
        random = np.isnan(rows).any() or np.any(rows[:, numbers : 2 * numbers])
        if not random:
            rows = np.delete(rows, np.s_[numbers : 2 * numbers], axis=1)
        return Rows(rows.astype(np.float32), told, coordinates.visit if random else None)

    def places(self, member: int, rows: Int[np.ndarray, " m"]) -> Int[np.ndarray, " m"]:
        """Where among :attr:`rows` those stand that ``member`` sees."""
        if self.stored is not None:
            return self.stored.places(member, rows)
        places = np.arange(len(self.fold))
        places[self.holed] = len(self.fold) + member * len(self.holed) + np.arange(len(self.holed))
        return places[rows]

    def visited(self, member: int) -> Int[np.ndarray, " m"]:
        """Where among :attr:`rows` those stand that ``member`` trains on, with all rows outside of a sample."""
        own = self.trained_on(member)
        return self.places(member, own) if self.stored is None else self.stored.visited(member, own)

    def states(self, state: TrainState | None) -> Iterator[TrainState]:
        """States of the round, from the untrained model or after ``state``; their steps count from the start of the round.

        Raises:
            DivergedError: a number is not finite; the line has the learning rate and the columns that are farthest off.
        """
        try:
            yield from self._states(state)
        except DivergedError as error:
            raise diverged(error, self.config, self.rows, self.blueprint.coordinates) from error

    def _states(self, state: TrainState | None) -> Iterator[TrainState]:
        training, number = self.config.training, self.round.number
        members = range(self.members)
        return fit(
            self.model,
            self._loss,
            self.rows,
            optimizer(self.config),
            key=self.key if number == 1 else jax.random.fold_in(self.key, number),
            num_steps=round_steps(training),
            options=FitOptions(
                batch_size=training.batch_size,
                ema_decay=training.ema_decay,
                accumulate=training.accumulate,
                nan=training.nan,
                validation=Validation(
                    tuple(self.places(member, self.held_out(member)) for member in members),
                    every=training.validate_every,
                    patience=training.patience,
                    objective=BOUND,
                ),
                member_rows=[self.visited(member) for member in members],
            ),
            state=state,
        )

    @property
    def _loss(self) -> AbstractObjective:
        """With masks where columns are given, where rounds fill, and where any question shall be answered.

        Only a model that fills has to know what rows lack given what they have.
        """
        training, loss, present = self.config.training, objective(self.config), self.scored.present
        questions = None
        if present is not None and len(self.holed):
            rest = _REST if self.round.number < training.filling_rounds else 0.0
            questions = MissingQuestions(jnp.asarray(present), jnp.asarray(present[self.holed]), jnp.asarray(rest))
        if self.scored.known is not None:
            schema = self.blueprint.coordinates.schema
            places = np.flatnonzero(np.isin(schema.names, training.given))
            told = jnp.asarray(np.isin(self.blueprint.coordinates.columns, places))
            questions = FixedQuestion(told, training.far)
        if training.masks:
            columns, groups = np.unique(self.blueprint.coordinates.columns, return_inverse=True)
            questions = RandomQuestions(
                jnp.asarray(groups), len(columns), training.masks, training.far, otherwise=questions
            )
        return (
            loss
            if questions is None
            else MaskedMatching(questions=questions, weighting=loss.weighting, times=loss.times)
        )

    def next_round(
        self, state: TrainState, on_rows: Callable[[int, int], None] = lambda done, total: None
    ) -> tuple["Training", TrainState]:
        """The round after this one, which ends in ``state``, and its first state.

        Every member draws the missing cells of all rows given the cells that are there, for itself, and goes on from its best
        weights with a fresh optimiser. ``on_rows`` hears how many rows of a table in its files are filled, and of how many.
        """
        model = state.model(self.model)
        number, start = self.round.number + 1, self.round.start + int(state.step)
        if self.stored is not None:
            return self.begun(Round(number, start, self.round.draws, model), on_rows), self.state_of(model)
        draws = [
            drawn(
                own, self.scored.take(self.holed), self._filler, key=jax.random.fold_in(self._filling(number), member)
            )
            for member, own in enumerate(member_models(model))
        ]
        return dataclasses.replace(self, round=Round(number, start, np.stack(draws))), self.state_of(model)

    def begun(self, own: Round, on_rows: Callable[[int, int], None] = lambda done, total: None) -> "Training":
        """The training in a round, by the draws of the round, or those of its model where the rows are in a file."""
        if self.stored is None or own.model is None:
            return dataclasses.replace(self, round=own)
        stored, draws = self.stored.refilled(
            member_models(own.model), self._filler, key=self._filling(own.number), on_rows=on_rows
        )
        return dataclasses.replace(self, round=dataclasses.replace(own, draws=draws), stored=stored)

    @property
    def _filler(self) -> AdamsBashforth:
        return AdamsBashforth(self.config.sampling.evaluations)

    def _filling(self, number: int) -> Key:
        """Key of the draws that the round of this number begins with."""
        return jax.random.fold_in(jax.random.fold_in(self.key, _FILLING), number - 1)

    def state_of(self, model: Denoiser | None = None) -> TrainState:
        """The state before the first step of a round that begins with a model, by default the untrained one."""
        return initial_state(model or self.model, optimizer(self.config), nan=self.config.training.nan)

    @functools.cached_property
    def start_nats(self) -> Float[np.ndarray, " members"]:
        """Mean log-density of every member's held-out rows under the law it starts from, in file units."""
        values, starts = [], self.blueprint.starts
        with jax.enable_x64(True):
            for member in range(self.members):
                rows = self.held_out(member)
                held = self.scored.take(rows)
                if self.round.number > 1:
                    held = self.blueprint.coordinates.states(self.filled(member, rows), 0)
                nats = starts.mean_log_density(member, held, held.known) + float(np.mean(held.log_weight))
                if held.known is not None:
                    nats -= starts.mean_log_density(member, self.blueprint.coordinates.told(held), held.known)
                values.append(nats)
        return np.array(values)
