"""The training of pictures: what it is made of, and how it advances."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import numpy as np
import optax
from jaxtyping import Int

from scorax._errors import DivergedError
from scorax._events import AbstractAdvance
from scorax._types import Key
from scorax.data import Pictures
from scorax.models import Denoiser
from scorax.objectives import (
    AbstractObjective,
    DenoisingScoreMatching,
    EDMWeighting,
    GridQuestions,
    LogNormalTimes,
    MaskedMatching,
)
from scorax.pictures._config import ResolvedPictureConfig
from scorax.pictures._model import PictureBlueprint
from scorax.pictures._schema import PictureSchema
from scorax.training import (
    FitOptions,
    PowerAverages,
    Rows,
    TrainState,
    Validation,
    adamw,
    fit,
    initial_state,
    learning_rates,
)

_HELD = 256
"""Pictures whose loss is measured, and draws of noise on them, at most and at least."""


@dataclass(frozen=True)
class PictureSplit:
    """Which pictures are trained on, and which are held out: a function of the pictures, the configuration and the seed."""

    train: Int[np.ndarray, " n"]
    held: Int[np.ndarray, " m"]

    @staticmethod
    def of(distinct: Int[np.ndarray, " n"], holdout: float, seed: int) -> "PictureSplit":
        """At least two are held out, which have a covariance, and at least one trained on; copies are on one side.

        ``distinct`` is that of the :class:`~scorax.data.Pictures`.
        """
        copies = np.bincount(distinct)
        order = np.random.default_rng([seed, len(distinct)]).permutation(len(copies))
        held = max(2, round(holdout * len(distinct)))
        last = min(np.searchsorted(np.cumsum(copies[order]), held), len(copies) - 2)
        is_held = np.isin(distinct, order[: last + 1])
        return PictureSplit(np.flatnonzero(~is_held), np.flatnonzero(is_held))


@dataclass(frozen=True)
class PictureFit:
    """A training that is ready to start, a function of pictures, configuration and seed.

    Attributes:
        blueprint: what the model is built in.
        model: untrained.
        pictures: those that are trained on and those held out.
        split: which are which.
        key: root key of training.
    """

    blueprint: PictureBlueprint
    model: Denoiser
    pictures: Pictures
    split: PictureSplit
    key: Key

    @staticmethod
    def of(pictures: Pictures, schema: PictureSchema, config: ResolvedPictureConfig, *, seed: int) -> "PictureFit":
        """The training on pictures."""
        split = PictureSplit.of(pictures.distinct, config.training.holdout, seed)
        network_key, train_key = jax.random.split(jax.random.key(seed))
        blueprint = PictureBlueprint.of(pictures.images[split.train], schema, config)
        return PictureFit(blueprint, blueprint.untrained(key=network_key), pictures, split, train_key)

    @property
    def config(self) -> ResolvedPictureConfig:
        """Resolved configuration."""
        return self.blueprint.config

    @functools.cached_property
    def rows(self) -> Rows:
        """All pictures, with their classes where the model is told them."""
        labels = self.pictures.labels if self.blueprint.conditional else None
        told = None if labels is None else labels.astype(np.int32)
        return Rows(self.blueprint.encode(self.pictures.images), told, self.blueprint.visit)

    def states(self, state: TrainState | None) -> Iterator[TrainState]:
        """States of the training, from its start or after ``state``.

        Raises:
            DivergedError: a number is not finite; the line has the learning rate.
        """
        try:
            yield from self._states(state)
        except DivergedError as error:
            if error.fault is None:
                raise
            training = self.config.training
            rates = learning_rates(training.learning_rate, num_steps=training.max_steps)
            rate = float(np.asarray(rates(error.fault.step)))
            raise DivergedError(error.fault.line(learning_rate=rate), error.fault) from error

    def _states(self, state: TrainState | None) -> Iterator[TrainState]:
        training = self.config.training
        held = self.split.held[np.linspace(0, len(self.split.held) - 1, min(len(self.split.held), _HELD)).astype(int)]
        return fit(
            self.model,
            self._loss,
            self.rows,
            optimizer(self.config),
            key=self.key,
            num_steps=training.max_steps,
            options=FitOptions(
                batch_size=training.batch_size,
                ema_decay=training.ema_decay,
                accumulate=training.accumulate,
                nan=training.nan,
                validation=Validation(
                    (held,),
                    every=training.validate_every,
                    patience=training.max_steps + 1,
                    num_draws=2 * _HELD,
                    objective=self._matching,
                ),
                member_rows=[self.split.train],
                averages=self.averages,
            ),
            state=state,
        )

    @property
    def like(self) -> TrainState:
        """A state of the shapes of this training."""
        return initial_state(self.model, optimizer(self.config), self.averages, self.config.training.nan)

    @property
    def averages(self) -> PowerAverages | None:
        """The averages that are kept along the training, if any are."""
        return PowerAverages() if self.config.training.snapshots else None

    @property
    def _matching(self) -> DenoisingScoreMatching:
        noise = self.config.noise
        return DenoisingScoreMatching(EDMWeighting(noise.mean, noise.sd), LogNormalTimes(noise.mean, noise.sd))

    @property
    def _loss(self) -> AbstractObjective:
        share = self.config.training.masks
        if not share:
            return self._matching
        matching = self._matching
        return MaskedMatching(questions=GridQuestions(share), weighting=matching.weighting, times=matching.times)


@dataclass(frozen=True, eq=False)
class PictureAdvance(AbstractAdvance):
    """A state that training has reached."""

    training: PictureFit
    state: TrainState

    @property
    def step(self) -> int:
        """Optimiser steps taken."""
        return int(self.state.step)

    @property
    def max_steps(self) -> int:
        """Optimiser steps in all."""
        return self.training.config.training.max_steps

    @property
    def loss(self) -> float:
        """Training loss; NaN before the first step."""
        return float(self.state.loss[0])

    @property
    def held_out_nats(self) -> None:
        """Not known: the weighting of the loss is not that of the likelihood."""

    @property
    def validation_loss(self) -> float:
        """Held-out loss."""
        return float(self.state.validation_loss[0])

    @property
    def active(self) -> int:
        """One network."""
        return 1

    @property
    def members(self) -> int:
        """One network."""
        return 1

    @property
    def skipped(self) -> int:
        """Steps that were skipped since they were not finite."""
        return 0 if self.state.skipped is None else int(self.state.skipped[0, 0])

    @property
    def stops_early(self) -> bool:
        """All steps are taken."""
        return False

    @property
    def validated(self) -> bool:
        """Whether the held-out loss is new, and recorded."""
        return self.step % self.training.config.training.validate_every == 0 or self.step >= self.max_steps

    @property
    def kept(self) -> bool:
        """Whether a snapshot of the averages is kept: evenly over the training, and at its end."""
        training = self.training.config.training
        count, every = training.snapshots, training.validate_every
        before = (self.step - 1) // every * every
        return (
            self.step > 0 and self.validated and self.step * count // self.max_steps > before * count // self.max_steps
        )

    @property
    def shown(self) -> bool:
        """Whether a sheet of draws is kept: after a first measurement, and then at steps that double."""
        training = self.training.config.training
        measured = -(-self.max_steps // training.validate_every)
        places = {round(measured ** (k / max(training.sheets - 1, 1))) for k in range(training.sheets)}
        place = -(-self.step // training.validate_every)
        return self.validated and self.step > 0 and place in places


@functools.cache  # new closures would be a new program to jit: a second fit of the same shapes shall not compile again
def optimizer(config: ResolvedPictureConfig) -> optax.GradientTransformation:
    """The optimiser of a resolved configuration."""
    training = config.training
    return adamw(
        training.learning_rate,
        num_steps=training.max_steps,
        weight_decay=training.weight_decay,
        clip_norm=training.clip_norm,
    )


def best_model(training: PictureFit, state: TrainState) -> Denoiser:
    """The model at the best held-out loss so far."""
    return state.model(training.model)


def averaged_model(training: PictureFit, state: TrainState) -> Denoiser:
    """The model of the moving average at a state."""
    return state.model(training.model, "ema")
