"""What a model says of the last column of its table given the others: probabilities of levels, and quantiles of a number."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import ndtri

from scorax._rows import map_rows
from scorax._types import Key
from scorax.models import Denoiser, Evidence, Given
from scorax.samplers import AdamsBashforth, States, sample
from scorax.tables._fitted import FittedTable
from scorax.tables._precision import in_own_precision

_AT_ONCE = 2**16
"""Solves of one call: what they are told and where they begin are held together."""


@dataclass(frozen=True)
class LastColumn:
    """What a model says of the last column of its table given the others.

    Attributes:
        fitted: a model trained with the others given.
    """

    fitted: FittedTable

    @property
    def target(self) -> str:
        """The name of the column."""
        return self.fitted.coordinates.schema.names[-1]

    @property
    def given(self) -> tuple[str, ...]:
        """The columns that are given."""
        return self.fitted.config.training.given

    def log_prob(self, values: Float[np.ndarray, "n columns"], seed: int) -> Float[np.ndarray, " n"]:
        """Log-density of the number of every row given the others, per unit of the column, or log-probability of its level."""
        return np.asarray(self.fitted.log_prob(values, given=self.given, seed=seed).value)

    def log_probabilities(self, values: Float[np.ndarray, "n columns"]) -> Float[np.ndarray, "n levels"]:
        """Log-probabilities of the levels, in the order of the column: one look of the network."""
        return self.fitted.log_probabilities(values, self.target, self.given)

    def quantiles(
        self, values: Float[np.ndarray, "n columns"], levels: Float[np.ndarray, "n k"], *, rounded: bool = False
    ) -> Float[np.ndarray, "n k"]:
        r"""Quantiles of the number of every row given the others.

        The flow of one number keeps order, so that it takes the quantile of the law at ``t1``, $m + \sigma \Phi^{-1}(q)$ with m
        the mean of the number that the model sees there, to that of the number: one solve a level and no draws.

        Args:
            values: rows; the last cell is not looked at.
            levels: of each row its own, above 0 and below 1.
            rounded: as the file has the number; else with the noise inside its cells.
        """
        count = max(1, _AT_ONCE // levels.shape[1])
        starts = range(0, len(values), count)
        parts = [self._quantiles(values[i : i + count], levels[i : i + count], rounded) for i in starts]
        return np.concatenate([np.zeros((0, levels.shape[1])), *parts])

    @in_own_precision
    def _quantiles(
        self, values: Float[np.ndarray, "n columns"], levels: Float[np.ndarray, "n k"], rounded: bool
    ) -> Float[np.ndarray, "n k"]:
        fitted, (rows, each) = self.fitted, levels.shape
        place = fitted.coordinates.num_numbers - 1
        told = self._told(values)
        means = map_rows(eqx.Partial(_mean, fitted.model), told, shape=told.value.shape[1:])[:, place]
        x = np.zeros((rows * each, told.value.shape[1]), np.float32)
        x[:, place] = (np.asarray(means)[:, None] + fitted.model.process.t1 * ndtri(levels)).reshape(-1)
        many = jax.tree.map(lambda leaf: np.repeat(leaf, each, axis=0), told)
        sampler = AdamsBashforth(fitted.config.sampling.evaluations)
        key = jax.random.key(0)  # nothing of it is random
        found = sample(fitted.model, sampler, len(x), key=key, condition=many, start=States(jnp.asarray(x)))
        z = np.nan_to_num(np.asarray(found, np.float64))
        way = fitted.coordinates.decode if rounded else fitted.coordinates.invert
        return way(z)[:, -1].reshape(rows, each)

    def _told(self, values: Float[np.ndarray, "n columns"]) -> Evidence:
        coordinates = self.fitted.coordinates
        states = coordinates.states(values, None, self.fitted.known(values, self.given))
        return states.asked(coordinates.columns == len(coordinates.schema.columns) - 1)


def _mean(model: Denoiser, told: Evidence, key: Key | None) -> Float[Array, " d"]:
    """Mean of what is asked for, which is what a model sees where the noisy target says nothing."""
    t1 = jnp.asarray(model.process.t1, told.value.dtype)
    return Given(model, told).predict(t1, jnp.zeros_like(told.value)).x0
