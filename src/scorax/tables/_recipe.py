"""The recipe for tables: from rows and a configuration to a fitted table with its cut-off chosen."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from scorax._events import Event, Note, Phase
from scorax._progress import Rate, duration
from scorax.tables._advance import Advance
from scorax.tables._config import FitConfig
from scorax.tables._coordinates import Coordinates
from scorax.tables._filling import Round
from scorax.tables._fitted import FittedTable
from scorax.tables._model import cut_at, restricted
from scorax.tables._precision import in_own_precision
from scorax.tables._rows import FitRows
from scorax.tables._selection import Choice, choose, held_out_rows, out_of_fold
from scorax.tables._settings import num_members, round_steps
from scorax.tables._stored import stored_rows
from scorax.tables._training import Training
from scorax.training import TrainState

SCORED_ROWS = 1000
"""Held-out rows whose log-density is recorded, at most."""


class Resumed(NamedTuple):
    """Where a training goes on: the state it had, its members' held-out losses at step 0, and the round it was in."""

    state: TrainState
    start_loss: Float[np.ndarray, " members"]
    round: Round


class RoundEnded(NamedTuple):
    """A round of the training is over, and what follows may take long: cells are filled, or a cut-off is chosen."""

    last: Advance


@dataclass(frozen=True)
class Fit:
    """A finished fit.

    Attributes:
        fitted: the model with its cut-off.
        last: the end of the training.
        choice: what held-out rows decided.
        fold: member that never saw a row, for the rows in ``out_of_fold``; -1 elsewhere.
        out_of_fold: log-density of rows by the member that never saw them, in file units; NaN where there is none.
    """

    fitted: FittedTable
    last: Advance
    choice: Choice
    fold: Int[np.ndarray, " n"]
    out_of_fold: Float[np.ndarray, " n"]

    @property
    def steps(self) -> int:
        """Optimiser steps taken."""
        return self.last.step

    @property
    def best_steps(self) -> tuple[int, ...]:
        """Step of the weights kept, per member."""
        return tuple((self.last.training.round.start + np.asarray(self.last.state.best_step)).tolist())

    @property
    def improving(self) -> bool:
        """Whether most members were best in the last twentieth of the steps of the last round."""
        steps = round_steps(self.last.training.config.training)
        return bool(np.mean(np.asarray(self.last.state.best_step) > 0.95 * steps) > 0.5)

    @property
    def held_out_nats(self) -> float:
        """Mean log-density of rows by the member that never saw them, per row in file units."""
        return float(np.nanmean(self.out_of_fold))


def _fresh(training: Training) -> Resumed | None:
    """Every training begins at its start."""


@dataclass(frozen=True)
class Recipe:
    """How a table is fitted.

    Attributes:
        config: configuration; what it leaves out is chosen from the size of the table.
        seed: root of all randomness.
    """

    config: FitConfig
    seed: int

    @in_own_precision
    def fit(
        self,
        rows: FitRows,
        on_event: Callable[[Event | RoundEnded], None] = lambda event: None,
        begin: Callable[[Training], Resumed | None] = _fresh,
    ) -> Fit:
        """Fit a table.

        Args:
            rows: the table; rows held out of it for a report are left alone.
            on_event: hears what is done and every state of the training between compiled calls. What it raises ends the fit.
            begin: sees the training before it starts, and says where it goes on; ``None`` at its start.

        Raises:
            InputError: the table cannot be fitted.
            EnvironmentFailure: the model does not fit into the memory of this machine.
            DivergedError: training left the finite numbers.
        """
        split = rows.split(self.config, self.seed)
        if "mixture" in split.settings.ensemble.starts:
            on_event(Phase("fitting the mixtures that members start from"))
        coordinates = Coordinates.fit(split.train, split.schema)
        stored = None
        if rows.streamed is not None and split.numbers is not None:
            on_event(Phase(f"encoding {rows.count:,} rows"))
            holes = bool(np.isnan(split.train[:, split.schema.free]).any())
            filled = holes and split.settings.training.filling_rounds > 1
            copies = num_members(split.settings) if filled else 0
            stored = stored_rows(rows.streamed, coordinates, split.numbers, holes=holes, copies=copies, seed=self.seed)
        training = Training.of(split.train, coordinates, split.settings, seed=self.seed, stored=stored)
        for line in _on_holes(training):
            on_event(Note(line))
        resumed = begin(training)
        on_event(Phase("compiling the training step"))
        last = _trained(training, resumed, on_event)
        on_event(Phase("choosing start and sigma_min on held-out rows"))
        return _finished(last)


def _trained(training: Training, resumed: Resumed | None, on_event: Callable[[Event | RoundEnded], None]) -> Advance:
    """The end of a training; one that has ended already has no further states."""
    last = None
    if resumed is not None:
        training = training.begun(resumed.round, _Filling(training, resumed.round.number, on_event))
        last = Advance(training, resumed.state, resumed.start_loss)
    while True:
        for state in training.states(None if last is None else last.state):
            start_loss = np.asarray(state.validation_loss, np.float64) if last is None else last.start_loss
            last = Advance(training, state, start_loss)
            on_event(last)
        assert last is not None  # a training without a state to go on from yields one at step 0
        on_event(RoundEnded(last))
        number, rounds = training.round.number, training.config.training.filling_rounds
        if number == rounds:
            return last
        on_event(Phase(f"round {number + 1} of {rounds}: filling {training.num_missing:,} cells"))
        training, state = training.next_round(last.state, _Filling(training, number + 1, on_event))
        untrained = next(training.states(None))
        last = Advance(training, state, np.asarray(untrained.validation_loss, np.float64))
        on_event(Phase("training on filled rows"))


class _Filling:
    """Says how far the filling of a table in its files is, which may take long."""

    def __init__(self, training: Training, number: int, on_event: Callable[[Phase], None]) -> None:
        self._what = f"round {number} of {training.config.training.filling_rounds}"
        self._rate, self._on_event = Rate(time.monotonic), on_event

    def __call__(self, done: int, total: int) -> None:
        left = self._rate.seconds_left(done, total)
        if left:
            self._on_event(Phase(f"{self._what}: {done:,} of {total:,} rows filled, about {duration(left)} left"))


def _on_holes(training: Training) -> Iterator[str]:
    """What a fit says of missing cells before it begins."""
    if training.num_missing:
        rounds = training.config.training.filling_rounds
        right = "cells are missing completely at random"
        how = "what is learned is the law given which cells are missing"
        if rounds > 1:
            right = "the cells that are there decide whether another is missing"
            how = f"{rounds} rounds share the steps, and between them draws given the other cells of the row fill them"
        yield (
            f"{training.num_missing:,} cells are missing: {how}; right where {right}, and nothing is promised where "
            "the missing value itself decides"
        )


def _finished(last: Advance) -> Fit:
    """The start and the cut-off chosen, and the held-out rows scored."""
    training = last.training
    model = last.state.model(training.model)
    choice = choose(training, model)
    blueprint, model = restricted(training.blueprint, model, choice.start)
    rows = held_out_rows(training.fold, SCORED_ROWS)
    values = np.full(len(training.fold), np.nan)
    values[rows] = out_of_fold(training, model, choice.sigma_min, rows)
    fold = np.full(len(training.fold), -1)
    fold[rows] = training.fold[rows]
    fitted = FittedTable(blueprint, cut_at(model, choice.sigma_min))
    return Fit(fitted, last, choice, fold, values)
