"""What a fitted table says of the parameters of a simulator given what was observed."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from scorax.likelihood import DataLogProb, LogProb
from scorax.models import Evidence
from scorax.samplers import sample
from scorax.tables._densities import MEAN_TOLERANCE
from scorax.tables._fitted import FittedTable
from scorax.tables._precision import in_own_precision

_AT_ONCE = 2**16
"""Draws of one call: what they are told is held together."""

_TRIED = 128
"""Draws among which the search for the mode begins."""

_TIES = 0x74696573
"""Sets the draw among equal values apart from other randomness of a seed."""

_STEP = 0.05
"""Of finite differences of the log-density, in standard deviations of the draws: far above the error of a solve."""


@dataclass(frozen=True)
class Posterior:
    """The law of parameters given observations, of a model trained with these given.

    Attributes:
        fitted: the model.
    """

    fitted: FittedTable

    @property
    def given(self) -> tuple[str, ...]:
        """The columns of an observation."""
        return self.fitted.config.training.given

    @property
    def parameters(self) -> tuple[str, ...]:
        """The columns that are asked for."""
        schema = self.fitted.coordinates.schema
        return tuple(name for j in schema.free if (name := schema.names[j]) not in self.given)

    @property
    def places(self) -> Int[np.ndarray, " p"]:
        """Where they stand among the columns."""
        return np.array([self.fitted.coordinates.schema.names.index(name) for name in self.parameters])

    def draws(self, values: Float[np.ndarray, "n columns"], each: int, seed: int) -> Float[np.ndarray, "n each p"]:
        """Parameters given every row, whose own are not looked at; draw k of row i is draw ``each`` i + k of the seed."""
        told, total = self._told(values), len(values) * each
        parts = [np.zeros((0, len(self.parameters)))]
        for start in range(0, total, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, total))
            rows = np.arange(numbers.start, numbers.stop) // each
            parts.append(self._drawn(jax.tree.map(lambda leaf, rows=rows: leaf[rows], told), numbers, seed))
        return np.concatenate(parts).reshape(len(values), each, -1)

    @in_own_precision
    def _drawn(self, told: Evidence, numbers: range, seed: int) -> Float[np.ndarray, "m p"]:
        fitted = self.fitted
        x = sample(fitted.model, fitted.sampler, numbers, key=jax.random.key(seed), condition=told)
        alpha = float(fitted.model.process.alpha(jnp.asarray(fitted.model.process.t0)))
        absent = ~np.asarray(told.known | told.target)  # a coordinate of a draw that failed stays NaN
        z = np.where(absent, 0.0, np.asarray(x, np.float64) / alpha)
        return fitted.coordinates.decode(z)[:, self.places]

    def log_prob(self, values: Float[np.ndarray, "n columns"]) -> LogProb | DataLogProb:
        """Log-density of the parameters of every row given its observation, per unit of each, with its error.

        What was observed stands in the middle of its cells, as where draws are given it.
        """
        return self.fitted.log_prob(values, given=self.given, seed=None)

    def mode(self, row: Float[np.ndarray, " columns"], seed: int) -> Float[np.ndarray, " p"]:
        """The parameters of the largest density given an observation: the best of draws, and from there uphill (L-BFGS).

        The search goes in the coordinates of the model, where nothing has an end; the density is that of the parameters.
        """
        from scipy.optimize import minimize

        drawn = self.draws(row[None], _TRIED, seed)[0]
        rows = np.tile(row, (_TRIED, 1))
        rows[:, self.places] = drawn
        start = int(np.argmax(self._heights(rows)))
        z = self.fitted.coordinates.schema.encode(rows).numbers
        own = np.isin(self.fitted.coordinates.schema.coordinate_names, self.parameters)
        spread, size = z[:, own].std(axis=0), int(own.sum())
        away = np.concatenate([np.zeros((1, size)), np.eye(size), -np.eye(size)]) * _STEP

        def values_at(offsets: np.ndarray) -> np.ndarray:
            encoded = self.fitted.coordinates.schema.encode(np.tile(rows[start], (len(offsets), 1)))
            encoded.numbers[:, own] = z[start, own] + offsets * spread
            return self.fitted.coordinates.schema.invert(encoded)

        def loss(offset: np.ndarray) -> tuple[float, np.ndarray]:
            value = self._heights(values_at(offset + away))
            return -float(value[0]), (value[size + 1 :] - value[1 : size + 1]) / (2 * _STEP)

        found = minimize(
            loss, np.zeros(size), jac=True, method="L-BFGS-B", options={"maxiter": 50, "ftol": 1e-6, "gtol": 5e-3}
        )
        return values_at(found.x[None])[0, self.places]

    def _heights(self, values: Float[np.ndarray, "n columns"]) -> Float[np.ndarray, " n"]:
        """Log-densities that are compared: single precision and a loose solve differ by 1e-3, and take a tenth of the time."""
        loose = {"tolerance": MEAN_TOLERANCE, "precision": "float32", "estimate_error": False}
        return np.asarray(self.fitted.log_prob(values, given=self.given, seed=None, **loose).value, np.float64)

    def ranks(self, values: Float[np.ndarray, "n columns"], each: int, seed: int) -> Int[np.ndarray, "m p"]:
        """How many of the draws given every row's observation lie below its own parameters.

        Of draws that equal them, as there are on a grid, any number may: without that ranks of the right law are not uniform.
        Rows of which a draw is not finite have no rank and are left out.
        """
        drawn, own = self.draws(values, each, seed), values[:, None, self.places]
        ties = np.sum(drawn == own, axis=1)
        found = np.sum(drawn < own, axis=1) + np.random.default_rng([seed, _TIES]).integers(0, ties, endpoint=True)
        return found[np.isfinite(drawn).all(axis=(1, 2))]

    def _told(self, values: Float[np.ndarray, "n columns"]) -> Evidence:
        coordinates, schema = self.fitted.coordinates, self.fitted.coordinates.schema
        blank = values.copy()
        blank[:, self.places] = np.nan
        states = coordinates.states(blank, None, self.fitted.known(blank, self.given))
        return states.asked(np.isin(np.array(schema.names)[coordinates.columns], self.parameters))
