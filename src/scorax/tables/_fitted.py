"""A fitted table: the field, the way between file units and its own, and everything one asks of it."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from scorax._errors import InputError, explain
from scorax._mixed_rows import MixedRows
from scorax._rows import map_rows
from scorax._text import listing, quote
from scorax._trees import cast
from scorax._types import Key
from scorax.likelihood import AbstractDivergence, DataLogProb, ExactDivergence, LogProb, data_log_prob
from scorax.models import Pullback
from scorax.samplers import AbstractSampler, AdamsBashforth, CategoryDraw, Stop, sample, sample_path
from scorax.tables._answers import AbstractAnswers
from scorax.tables._densities import CODED_TOLERANCE, MEAN_TOLERANCE, state_log_prob
from scorax.tables._divergences import divergence_of_rows
from scorax.tables._precision import in_own_precision
from scorax.tables._scorable import require_known, require_scorable, require_targets, require_whole_rows

Precision = Literal["auto", "float32", "float64"]
"""Arithmetic of log-densities."""


@dataclass(frozen=True)
class FittedTable(AbstractAnswers):
    """A trained model of a table with the cut-off chosen; rows are in file units and in all columns of the schema.

    Attributes:
        blueprint: what the model is built in.
        model: the field, stopped at the chosen ``sigma_min``.
    """

    @property
    def dimension(self) -> int:
        """Number of coordinates the model describes."""
        return self.coordinates.dimension

    @property
    def coded(self) -> bool:
        """Whether there are discrete quantities."""
        return len(self.coordinates.codebooks) > 0

    @property
    def mixed(self) -> bool:
        """Whether rows are more than numbers that are all there: with categories, or with missing cells."""
        return self.coded or self.config.network.masks

    @cached_property
    def divergence(self) -> AbstractDivergence:
        """The divergence of the log-density of a row; beyond a hundred columns it is measured once."""
        return divergence_of_rows(self.model, self.dimension)

    def compared(self, values: Float[np.ndarray, "n columns"], seed: int) -> Float[np.ndarray, "n d"] | MixedRows:
        """Rows as baselines see them, in file units: dequantised numbers, or numbers beside categories and holes.

        Rows that are alike have noise of their own inside their cells: held-out ones would else lie on those of the fit. What the
        model says of levels that were never seen stands beside the rows, so that baselines have the same smoothing.
        """
        schema = self.coordinates.schema
        encoded = schema.encode(values)
        random = np.random.default_rng([seed, zlib.crc32(np.ascontiguousarray(values).tobytes())])
        inside = encoded.numbers + encoded.widths * random.uniform(-0.5, 0.5, encoded.numbers.shape)
        inside = schema.invert(encoded._replace(numbers=inside))
        if not self.mixed:
            return inside[:, schema.free]
        owners = [(j, column) for j, column in enumerate(schema.columns) if column.widths]
        # Of cells that are all alike baselines are told the width; others are no points of a density either.
        uneven = [column.step is None and bool(np.isnan(column.widths).any()) for _, column in owners]
        places = [j for j, _ in owners]
        numbers = np.where(uneven, inside[:, places], schema.own(values)[:, places])
        numbers = np.where(np.isnan(encoded.numbers), np.nan, numbers)
        sizes, ordered = tuple(own.size for own in schema.codes), tuple(own.ordered for own in schema.codes)
        # Under a map a cell is a step wide in the unit of the file.
        cells = tuple((column.step or 0.0) if np.isnan(column.widths[0]) else column.widths[0] for _, column in owners)
        return MixedRows(numbers, encoded.levels, sizes, cells, ordered, schema.log_mass(values))

    @in_own_precision
    def log_prob(
        self,
        values: Float[np.ndarray, "n columns"],
        *,
        tolerance: float | None = None,
        precision: str = "auto",
        divergence: AbstractDivergence | None = None,
        estimate_error: bool = True,
        draws: int = 1,
        seed: int | None = 0,
        given: Sequence[str] = (),
    ) -> LogProb | DataLogProb:
        r"""Log-density of rows, per unit of the file's columns, with noise inside the cells of rounded columns.

        The density of data smoothed by ``sigma_min``: $\log p_{t_0}(\alpha_0 z) + d \log \alpha_0$ and the log-weight of
        the columns; with categories, their log-probability and the density of the numbers
        (:func:`~scorax.likelihood.coded_log_prob`). Cells that are missing are summed over.

        A level that was never seen has the mass $1 / (2 (n + K))$, with n rows of the fit that have a value and K levels, and
        the rest of its row is scored with that cell summed over by the draws: take more of them for such rows. The levels of
        the fit have together what is left of one.

        Args:
            values: rows.
            tolerance: wanted error of the solve; that of the configuration where it is ``None``, and with categories
                :data:`CODED_TOLERANCE` where that leaves it out too.
            precision: ``auto`` is float64 on CPU and float32 elsewhere; float32 everywhere for rows with categories.
            divergence: where it is ``None``, :attr:`divergence`, and of several draws of noisy codes the exact one.
            estimate_error: whether to estimate errors.
            draws: of noisy codes a row, where there are categories.
            seed: of noise, draws and probes; ``None`` leaves rounded values where they are.
            given: columns that are known: the density is that of the others given them, with what is known in the middle of its
                cells as for draws. All cells of a row may be missing but one that is asked for. Where columns of levels alone are
                asked for it is a probability by looks of the network (:meth:`log_probabilities`), which has no error of a solve:
                of the first given what is known, of the next given that one too, and so on. It sums to one over the levels, and
                is another law than the sampler's; :meth:`distance_of_looks` says by how much.

        Raises:
            InputError: another precision; a row lacks a cell that those of the fit have, or has a value that is none of the
                column's; or columns are given and the model was not trained under masks, or has not seen one of their values, or
                none is asked for.
        """
        if precision not in get_args(Precision):
            got, do = quote(precision, 20), "leave it at auto"
            raise InputError(explain(expected=f"precision among {', '.join(get_args(Precision))}", got=got, do=do))
        self.require_scorable(values, "the rows")
        known = self.known(values, given) if given else require_whole_rows(self.config)
        if known is not None:
            require_targets(values, known, self.coordinates.schema)
            levels = self.levels_asked(given)
            if levels:
                return self.by_looks(values, levels, given)
        return self._of_flow(
            values,
            known,
            tolerance=tolerance,
            precision=precision,
            divergence=divergence,
            estimate_error=estimate_error,
            draws=draws,
            seed=seed,
        )

    def _of_flow(
        self,
        values: Float[np.ndarray, "n columns"],
        known: Bool[np.ndarray, "n columns"] | None,
        *,
        tolerance: float | None,
        precision: str = "auto",
        divergence: AbstractDivergence | None = None,
        estimate_error: bool = True,
        draws: int,
        seed: int | None,
    ) -> LogProb | DataLogProb:
        tolerance = self.config.sampling.tolerance if tolerance is None else tolerance
        if tolerance is None and self.coded:
            tolerance = CODED_TOLERANCE
        if divergence is None:
            # The noise of probes would raise the mean weight of several draws above the truth.
            divergence = ExactDivergence() if self.coded and draws > 1 else self.divergence
        exact = jax.default_backend() == "cpu" and not self.coded
        double = precision == "float64" or (precision == "auto" and exact)
        states = self.coordinates.states(values, seed, known)
        if states.present is None and self.config.network.masks:
            # Rows without a hole are asked as those with one are: the bits of a row must not depend on the rows beside it.
            states = replace(states, present=np.ones(states.z.shape, bool))
        if states.known is not None:
            middles = self.coordinates.states(values, None, known).z
            states = replace(states, z=np.where(states.known, middles, states.z))
        with jax.enable_x64(double):
            answer = state_log_prob(
                self.model,
                states,
                draws=draws,
                divergence=divergence,
                tolerance=tolerance,
                estimate_error=estimate_error,
                key=jax.random.key(seed or 0),
            )
            answer = jax.tree.map(np.asarray, answer)
        return answer._replace(value=answer.value.astype(np.float64) + states.log_weight)

    @in_own_precision
    def distance_of_looks(
        self, values: Float[np.ndarray, "n columns"], given: Sequence[str], *, draws: int = 4
    ) -> Float[np.ndarray, " n"]:
        """Distance in nats of :meth:`by_looks` from the sampler's law, which ``draws`` of noisy codes a row tell, row by row.

        Raises:
            InputError: other columns than those of levels are asked for; or as in :meth:`log_prob`.
        """
        levels = self.levels_asked(given)
        if not levels:
            raise InputError(explain(expected="columns of levels beside those given", got="others", do="ask log_prob"))
        self.require_scorable(values, "the rows")
        known = self.known(values, given)
        require_targets(values, known, self.coordinates.schema)
        flow = self._of_flow(values, known, tolerance=MEAN_TOLERANCE, estimate_error=False, draws=draws, seed=None)
        return np.abs(self.by_looks(values, levels, given).value - np.asarray(flow.value, np.float64))

    def inconsistency(
        self, values: Float[np.ndarray, "n columns"], given: Sequence[str], *, draws: int = 4
    ) -> Float[np.ndarray, " n"]:
        r"""$|\log p(a, b) - \log p(a) - \log p(b | a)|$ of rows, with a the cells of the given columns and b the others.

        Each is an answer of the one network to a question of its own; a law answers with zero. It is what is wrong with a
        conditional density beside the errors of its solve, seen from within: a model can be consistent and wrong.

        Args:
            values: rows; rounded values stay where they are.
            given: columns that are known.
            draws: of noisy codes a row, where there are categories.

        Raises:
            InputError: as in :meth:`log_prob`.
        """
        inside = np.isin(self.coordinates.schema.names, list(given))
        part = np.where(inside, values, np.nan)

        def ask(rows: Float[np.ndarray, "n columns"], given: Sequence[str] = ()) -> np.ndarray:
            answer = self.log_prob(
                rows, tolerance=MEAN_TOLERANCE, estimate_error=False, draws=draws, seed=None, given=given
            )
            return np.asarray(answer.value, np.float64)

        first, some = np.zeros(len(values)), ~np.isnan(part)[:, self.coordinates.schema.free].all(axis=1)
        if some.any():
            first[some] = ask(part[some])
        return np.abs(ask(values) - first - ask(values, given))

    @in_own_precision
    def log_probability(
        self,
        values: Float[np.ndarray, "n columns"],
        *,
        draws: int,
        importance: bool,
        tolerance: float | None,
        seed: int,
    ) -> DataLogProb:
        """Lower bound on the log-probability of the rows as they stand in the file, bins and all."""
        widths = self.coordinates.schema.widths
        require_whole_rows(self.config)
        self._require_plain("log_probability", "use log_prob")
        if not np.any(widths > 0):
            raise InputError(
                explain(
                    expected="a rounded or integer column",
                    got="continuous columns only",
                    do="use log_prob: their log-density needs no bound",
                )
            )
        tolerance = self.config.sampling.tolerance if tolerance is None else tolerance
        with jax.enable_x64(jax.default_backend() == "cpu"):
            return data_log_prob(
                self.model,
                self.coordinates.standardize,
                self.coordinates.schema.encode(values).numbers,
                widths=widths,
                draws=draws,
                importance=importance,
                divergence=None if importance else self.divergence,
                tolerance=tolerance,
                key=jax.random.key(seed),
            )

    @in_own_precision
    def grad_log_density(self, values: Float[np.ndarray, "n columns"]) -> Float[np.ndarray, "n columns"]:
        """Gradient of the log-density per unit of each column; zero in constant columns, where there is none."""
        require_whole_rows(self.config)
        self._require_plain("the gradient", "ask model_, in the coordinates of the model")
        pullback = Pullback(model=self.model, transform=self.coordinates.standardize)
        gradient = np.zeros_like(values, dtype=np.float64)
        free = self.coordinates.schema.free
        with jax.enable_x64(True):
            rows = self.coordinates.schema.encode(values).numbers
            score = eqx.Partial(_score, cast(pullback, jnp.float64))
            gradient[:, free] = np.asarray(map_rows(score, rows, shape=rows.shape[1:]))
        return gradient

    @in_own_precision
    def sample_rows(
        self,
        start: int,
        count: int,
        seed: int,
        *,
        sampler: AbstractSampler | None = None,
        known: Float[np.ndarray, " columns"] | None = None,
    ) -> Float[np.ndarray, "count columns"]:
        """Rows ``start`` to ``start + count`` of the endless table that the seed stands for, rounded as the file is.

        Given the cells of ``known`` that are no NaN, where it is said (:meth:`completed`).

        Raises:
            InputError: cells of ``known`` have no density together; or as in :meth:`completed`.
        """
        numbers = range(start, start + count)
        if known is not None:
            require_known(known, self.coordinates.schema, where="what is known")
            return self.completed(np.tile(known, (count, 1)), seed, numbers=numbers, sampler=sampler)
        require_whole_rows(self.config)
        end = CategoryDraw() if self.coded else Stop()
        x = sample(self.model, sampler or self.sampler, numbers, key=jax.random.key(seed), end=end)
        alpha = float(self.model.process.alpha(jnp.asarray(self.model.process.t0)))
        return self.coordinates.decode(np.asarray(x, np.float64) / alpha)

    @in_own_precision
    def sample_path(
        self, count: int, num_frames: int, seed: int
    ) -> tuple[Float[np.ndarray, " frames"], Float[np.ndarray, "frames count columns"]]:
        """Noise levels and states of ``count`` rows on their way from noise to data, in file units."""
        require_whole_rows(self.config)
        sampler = AdamsBashforth(self.config.sampling.evaluations)
        times, states = sample_path(self.model, sampler, count, key=jax.random.key(seed))
        picked = np.unique(np.linspace(0, sampler.num_steps, num_frames).round().astype(int))
        levels = np.exp(np.asarray(jax.vmap(self.model.process.log_ratio)(times)))
        alphas = np.asarray(jax.vmap(self.model.process.alpha)(times))
        frames = [self.coordinates.invert(np.asarray(states[:, i], np.float64) / alphas[i]) for i in picked]
        return levels[picked], np.stack(frames)

    def require_scorable(self, values: Float[np.ndarray, "n columns"], where: str) -> None:
        """Refuse rows that have no density here; ``where`` begins the message.

        Raises:
            InputError: a row lacks a cell that those of the fit have, or has a value that is none of the column's.
        """
        require_scorable(values, self.coordinates.schema, self.config, where=where)

    def _require_plain(self, what: str, do: str) -> None:
        """Refuse what is only defined where every number is the value of its column."""
        columns = self.coordinates.schema.columns
        other = [c.name for c in columns if c.codes or c.mapped]
        if other:
            expected = f"columns of numbers as they are for {what}"
            raise InputError(explain(expected=expected, got=f"a category or a map in {listing(other)}", do=do))


def _score(pullback: Pullback, row: Float[Array, " d"], key: Key | None) -> Float[Array, " d"]:
    return pullback(pullback.process.t0, row)
