"""A fitted table: the field, the way between file units and its own, and everything one asks of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from scorax._errors import InputError, explain
from scorax._mixed_rows import MixedRows
from scorax._rows import map_rows
from scorax._text import listing, quote, suggest
from scorax._trees import cast
from scorax._types import Key
from scorax.likelihood import AbstractDivergence, DataLogProb, LogProb, data_log_prob
from scorax.models import Denoiser, Evidence, Pullback, category_log_posteriors
from scorax.samplers import AbstractSampler, AdamsBashforth, CategoryDraw, Stop, sample, sample_path
from scorax.tables._config import ResolvedConfig
from scorax.tables._coordinates import Coordinates
from scorax.tables._densities import CODED_TOLERANCE, state_log_prob
from scorax.tables._divergences import divergence_of_rows
from scorax.tables._filling import drawn
from scorax.tables._model import Blueprint
from scorax.tables._precision import in_own_precision
from scorax.tables._sampling import sampler_of
from scorax.tables._scorable import require_masks, require_scorable, require_seen, require_targets
from scorax.tables.columns import AbstractLevels


@dataclass(frozen=True)
class FittedTable:
    """A trained model of a table with the cut-off chosen; rows are in file units and in all columns of the schema.

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
    def sampler(self) -> AbstractSampler:
        """The sampler of the configuration; ``auto`` is measured once."""
        sampling = self.config.sampling
        return sampler_of(self.model, self.blueprint.starts, sampling.sampler, sampling.evaluations)[0]

    @cached_property
    def divergence(self) -> AbstractDivergence:
        """The divergence of the log-density of a row; beyond a hundred columns it is measured once."""
        return divergence_of_rows(self.model, self.dimension)

    @in_own_precision
    def dequantised(self, values: Float[np.ndarray, "n columns"], seed: int) -> Float[np.ndarray, "n columns"]:
        """The rows with noise inside the cells of their rounded columns, which is what densities are of."""
        return self.coordinates.invert(self.coordinates.states(values, seed).z)

    @in_own_precision
    def compared(self, values: Float[np.ndarray, "n columns"], seed: int) -> Float[np.ndarray, "n d"] | MixedRows:
        """Rows as baselines see them, in file units: dequantised numbers, or numbers beside categories and holes.

        What the model says of levels that were never seen stands beside them, so that baselines have the same smoothing.
        """
        schema = self.coordinates.schema
        if not self.mixed:
            return self.dequantised(values, seed)[:, schema.free]
        encoded = schema.encode(values)
        owners = [(j, column) for j, column in enumerate(schema.columns) if column.widths]
        numbers = np.where(np.isnan(encoded.numbers), np.nan, values[:, [j for j, _ in owners]])
        sizes, ordered = tuple(own.size for own in schema.codes), tuple(own.ordered for own in schema.codes)
        steps = tuple(column.step or 0.0 for _, column in owners)
        return MixedRows(numbers, encoded.levels, sizes, steps, ordered, schema.log_mass(values))

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
            divergence: :attr:`divergence` where it is ``None``.
            estimate_error: whether to estimate errors.
            draws: of noisy codes a row, where there are categories.
            seed: of noise, draws and probes; ``None`` leaves rounded values where they are.
            given: columns that are known: the density is that of the others given them. All cells of a row may be missing but
                one that is asked for.

        Raises:
            InputError: a row has a hole and those of the fit had none, or a value that is none of the column's; or columns are
                given and the model was not trained under masks, or has not seen one of their values, or none is asked for.
        """
        self.require_scorable(values, "the rows")
        known = None if not given else self._known(values, given)
        if known is not None:
            require_targets(values, known, self.coordinates.schema)
        tolerance = self.config.sampling.tolerance if tolerance is None else tolerance
        if tolerance is None and self.coded:
            tolerance = CODED_TOLERANCE
        exact = jax.default_backend() == "cpu" and not self.coded
        double = precision == "float64" or (precision == "auto" and exact)
        states = self.coordinates.states(values, seed, known)
        with jax.enable_x64(double):
            answer = state_log_prob(
                self.model,
                states,
                draws=draws,
                divergence=self.divergence if divergence is None else divergence,
                tolerance=tolerance,
                estimate_error=estimate_error,
                key=jax.random.key(seed or 0),
            )
            answer = jax.tree.map(np.asarray, answer)
        return answer._replace(value=answer.value.astype(np.float64) + states.log_weight)

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
        """
        numbers = range(start, start + count)
        if known is not None:
            return self.completed(np.tile(known, (count, 1)), seed, numbers=numbers, sampler=sampler)
        end = CategoryDraw() if self.coded else Stop()
        x = sample(self.model, sampler or self.sampler, numbers, key=jax.random.key(seed), end=end)
        alpha = float(self.model.process.alpha(jnp.asarray(self.model.process.t0)))
        return self.coordinates.decode(np.asarray(x, np.float64) / alpha)

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
        require_seen(values, self.coordinates.schema, where="the rows")
        holed = np.isnan(values)[:, self.coordinates.schema.free].any(axis=1)
        # Of a row that is whole all is drawn, and put back: so every row has the draw of its own number.
        asked = np.where(holed[:, None], values, np.nan)
        states = self.coordinates.states(asked, None, ~np.isnan(asked))
        z = states.z.copy()
        if states.present is not None:
            key = jax.random.key(seed)
            z[~states.present] = drawn(self.model, states, sampler or self.sampler, key=key, numbers=numbers)
        return np.where(np.isnan(values), self.coordinates.decode(z), values)

    @in_own_precision
    def log_probabilities(
        self, values: Float[np.ndarray, "n columns"], target: str, given: Sequence[str]
    ) -> Float[np.ndarray, "n levels"]:
        r"""$\log P(k | x_{given})$ of the levels of a column, given other columns and with the rest summed over.

        One look of the network at ``t1``, where the noisy code says nothing: probabilities that sum to one, with no solve and no
        bound. They are those of the levels that the fit saw. The sampler's own law is that of its flow: where the field is
        inexact the two differ.

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
        states = self.coordinates.states(values, None, self._known(values, given))
        assert states.known is not None
        own = np.broadcast_to(self.coordinates.columns == schema.names.index(target), states.z.shape)
        told = Evidence(np.where(states.known, states.z, 0).astype(np.float32), states.known, own)
        ask = eqx.Partial(_far, self.model, schema.code_names.index(target))
        return np.asarray(map_rows(ask, told, shape=states.z.shape[1:]), np.float64)

    @in_own_precision
    def sample_path(
        self, count: int, num_frames: int, seed: int
    ) -> tuple[Float[np.ndarray, " frames"], Float[np.ndarray, "frames count columns"]]:
        """Noise levels and states of ``count`` rows on their way from noise to data, in file units."""
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
            InputError: a row has a hole and those of the fit had none, or a value that is none of the column's.
        """
        require_scorable(values, self.coordinates.schema, holes=self.config.network.masks, where=where)

    def _known(self, values: Float[np.ndarray, "n columns"], given: Sequence[str]) -> Bool[np.ndarray, "n columns"]:
        """Which cells are known where these columns are given.

        Raises:
            InputError: the model was not trained under masks, or describes no such column, or has not seen a value of one.
        """
        require_masks(self.config)
        free = [self.coordinates.schema.names[j] for j in self.coordinates.schema.free]
        for name in given:
            if name not in free:
                got = f"{quote(name)}{suggest(name, free)}"
                raise InputError(
                    explain(expected="a column that the model describes", got=got, do=f"give {listing(free)}")
                )
        known = np.isin(self.coordinates.schema.names, list(given)) & ~np.isnan(values)
        require_seen(np.where(known, values, np.nan), self.coordinates.schema, where="the given cells")
        return known

    def _require_plain(self, what: str, do: str) -> None:
        """Refuse what is only defined where every number is the value of its column."""
        columns = self.coordinates.schema.columns
        other = [c.name for c in columns if c.codes or c.mapped]
        if other:
            expected = f"columns of numbers as they are for {what}"
            raise InputError(explain(expected=expected, got=f"a category or a map in {listing(other)}", do=do))


def _far(model: Denoiser, code: int, told: Evidence, key: Key | None) -> Float[Array, " levels"]:
    t1 = jnp.asarray(model.process.t1, told.value.dtype)
    return category_log_posteriors(model, t1, jnp.zeros_like(told.value), told)[code]


def _score(pullback: Pullback, row: Float[Array, " d"], key: Key | None) -> Float[Array, " d"]:
    return pullback(pullback.process.t0, row)
