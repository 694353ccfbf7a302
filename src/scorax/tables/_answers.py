"""Answers of a fitted table to questions: cells drawn given others, and probabilities of levels given columns."""

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from scorax._errors import InputError, explain
from scorax._rows import map_rows
from scorax._text import listing, quote, suggest
from scorax._types import Key
from scorax.likelihood import LogProb
from scorax.models import Denoiser, Evidence, category_log_posteriors
from scorax.samplers import AbstractSampler
from scorax.tables._config import ResolvedConfig
from scorax.tables._coordinates import Coordinates
from scorax.tables._filling import drawn
from scorax.tables._model import Blueprint
from scorax.tables._precision import in_own_precision
from scorax.tables._sampling import sampler_of
from scorax.tables._scorable import require_bounds, require_masks, require_told, without_unseen
from scorax.tables.columns import AbstractLevels

_LOOK = 3.0
"""Noise, in standard deviations, at which probabilities are read: high, but at a level that training draws often enough."""


@dataclass(frozen=True)
class AbstractAnswers(ABC):
    """A trained model of a table that is asked about columns given others.

    Attributes:
        blueprint: what the model is built in.
        model: the field, stopped at the chosen ``sigma_min``.
    """

    blueprint: Blueprint
    model: Denoiser

    @property
    def config(self) -> ResolvedConfig:
        """Resolved configuration."""
        return self.blueprint.config

    @property
    def coordinates(self) -> Coordinates:
        """The way between file and model."""
        return self.blueprint.coordinates

    @cached_property
    def sampler(self) -> AbstractSampler:
        """The sampler of the configuration; ``auto`` is measured once."""
        sampling = self.config.sampling
        return sampler_of(self.model, self.blueprint.starts, sampling.sampler, sampling.evaluations)[0]

    @in_own_precision
    def completed(
        self,
        values: Float[np.ndarray, "n columns"],
        seed: int,
        *,
        numbers: range | None = None,
        sampler: AbstractSampler | None = None,
    ) -> Float[np.ndarray, "n columns"]:
        """Rows with a draw of their missing cells given the others, which stay as they are.

        Args:
            values: rows; what is missing is NaN.
            seed: of the draws.
            numbers: which draws of the seed the rows have: row k depends on its cells, the seed and ``numbers[k]`` alone. 0, 1,
                ... where it is ``None``.
            sampler: that of the configuration where it is ``None``.

        Raises:
            InputError: the model was not trained under masks, or has not seen a value of a row.
        """
        require_masks(self.config)
        require_told(values, self.coordinates.schema, where="the rows")
        holed = np.asarray(np.isnan(values)[:, self.coordinates.schema.free].any(axis=1))
        # Whole rows are drawn too and put back, so that every row has the draw of its own number.
        asked = np.where(holed[:, None], values, np.nan)
        states = self.coordinates.states(asked, None, ~np.isnan(asked))
        z = states.z.copy()
        if states.present is not None:
            key = jax.random.key(seed)
            z[~states.present] = drawn(self.model, states, sampler or self.sampler, key=key, numbers=numbers)
        return self.coordinates.decode(z, values)

    @in_own_precision
    def log_probabilities(
        self, values: Float[np.ndarray, "n columns"], target: str, given: Sequence[str]
    ) -> Float[np.ndarray, "n levels"]:
        r"""$\log P(k | x_{given})$ of the levels of a column, given other columns and with the rest summed over.

        With $r_k$ the posterior of a level at the noisy code 0, at high noise, and $c_k$ its point,
        $P(k) \propto r_k \exp(|\alpha c_k|^2 / 2 \sigma^2)$: one look of the network, with no solve and no bound, and
        probabilities that sum to one. They are those of the levels that the fit saw. The sampler's own law is that of its flow:
        where the field is inexact the two differ.

        Args:
            values: rows; cells of given columns may be missing.
            target: a column that is one discrete quantity and no number.
            given: columns that are known.

        Raises:
            InputError: another column than that, or one that is given too; the model was not trained under masks, or has not
                seen a value that is given.
        """
        schema = self.coordinates.schema
        column = next((own for own in schema.columns if own.name == target), None)
        if not isinstance(column, AbstractLevels) or target in given:
            got = quote(target) + (
                "" if column is None else " that is given" if target in given else f" of kind {column.kind}"
            )
            raise InputError(
                explain(expected="a column of levels that is not given", got=got, do="ask log_prob for a density")
            )
        states = self.coordinates.states(values, None, self.known(values, given))
        told = states.asked(self.coordinates.columns == schema.names.index(target))
        ask = eqx.Partial(_far, self.model, schema.code_names.index(target))
        return np.asarray(map_rows(ask, told, shape=states.z.shape[1:]), np.float64)

    def by_looks(self, values: Float[np.ndarray, "n columns"], targets: Sequence[str], given: Sequence[str]) -> LogProb:
        r"""Log-probabilities of the levels that rows have in some columns, by one look of the network for each.

        $\sum_k \log P(c_k | given, c_1, ..., c_{k-1})$, each as :meth:`log_probabilities` has it; of a level that was never seen
        its mass, and what follows is told nothing of it. Missing cells are summed over.
        """
        schema, rows = self.coordinates.schema, np.arange(len(values))
        seen, total = without_unseen(values, schema), np.zeros(len(values))
        for k, target in enumerate(targets):
            j = schema.names.index(target)
            column, own = schema.columns[j], values[:, j]
            places = column.encode(own).levels[:, 0]
            found = self.log_probabilities(seen, target, (*given, *targets[:k]))[rows, np.maximum(places, 0)]
            total += np.where(places < 0, 0.0, found) + column.log_weight(own)
        none, counts = np.zeros(len(values)), np.zeros(len(values), int)
        return LogProb(total, none, none, none, none, counts, np.ones(len(values), bool), counts)

    def levels_asked(self, given: Sequence[str]) -> tuple[str, ...]:
        """The columns that are not given, in their order, where each is one of levels and a look of the network answers for it.

        For several of them it takes a model that is trained under masks: each but the first is asked given others too.
        """
        schema = self.coordinates.schema
        asked = [schema.columns[j] for j in schema.free if schema.columns[j].name not in given]
        if not all(isinstance(column, AbstractLevels) for column in asked):
            return ()
        return tuple(column.name for column in asked) if len(asked) == 1 or self.config.training.masks else ()

    def known(self, values: Float[np.ndarray, "n columns"], given: Sequence[str]) -> Bool[np.ndarray, "n columns"]:
        """Which cells are known where these columns are given.

        Raises:
            InputError: the model was not trained under masks, or describes no such column, or has not seen a value of one.
        """
        require_masks(self.config, given)
        free = [self.coordinates.schema.names[j] for j in self.coordinates.schema.free]
        for name in given:
            if name not in free:
                got = f"{quote(name)}{suggest(name, free)}"
                raise InputError(
                    explain(expected="a column that the model describes", got=got, do=f"give {listing(free)}")
                )
        require_bounds(self.coordinates.schema, given)
        known = np.isin(self.coordinates.schema.names, list(given)) & ~np.isnan(values)
        require_told(np.where(known, values, np.nan), self.coordinates.schema, where="the given cells")
        return known


def _far(model: Denoiser, code: int, told: Evidence, key: Key | None) -> Float[Array, " levels"]:
    """Log-probabilities of levels from the posterior at the noisy code 0, less what that code says."""
    zero = jnp.zeros_like(told.value)
    t = model.process.time_of(jnp.log(jnp.asarray(_LOOK, zero.dtype)))
    posterior = category_log_posteriors(model, t, zero, told)[code]
    alpha, sigma = model.process.level(t)
    points = model.network.codebooks[code].astype(zero.dtype)
    return jax.nn.log_softmax(posterior + 0.5 * jnp.sum((alpha * points / sigma) ** 2, axis=-1))
