"""A state that the training of a table has reached."""

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from scorax._events import AbstractAdvance
from scorax.tables._settings import round_steps
from scorax.tables._training import Training
from scorax.training import TrainState


@dataclass(frozen=True, eq=False)
class Advance(AbstractAdvance):
    """A state that training has reached.

    Attributes:
        training: of which it is one.
        state: weights, their averages and what the optimiser knows.
        start_loss: held-out loss of every member's untrained network, on the rows of the round.
    """

    training: Training
    state: TrainState
    start_loss: Float[np.ndarray, " members"]

    @property
    def step(self) -> int:
        """Optimiser steps taken, in all rounds."""
        return self.training.round.start + int(self.state.step)

    @property
    def max_steps(self) -> int:
        """Optimiser steps at most."""
        training = self.training.config.training
        return training.filling_rounds * round_steps(training)

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
    def skipped(self) -> int:
        """Steps of the round that were skipped since they were not finite, of all members."""
        return 0 if self.state.skipped is None else int(np.sum(np.asarray(self.state.skipped)[:, 0]))

    @property
    def validated(self) -> bool:
        """Whether the held-out loss is new, and recorded."""
        training, step = self.training.config.training, int(self.state.step)
        return step % training.validate_every == 0 or step >= round_steps(training)

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
