"""A fitted table: the field, the way between file units and its own, and everything one asks of it."""

from dataclasses import dataclass
from functools import cached_property

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scorax._errors import InputError, explain
from scorax._rows import map_rows
from scorax._trees import cast
from scorax._types import Key
from scorax.likelihood import AbstractDivergence, DataLogProb, LogProb, data_log_prob, smoothed_log_prob
from scorax.models import Denoiser, Pullback
from scorax.samplers import AbstractSampler, AdamsBashforth, sample, sample_path
from scorax.tables._config import ResolvedConfig
from scorax.tables._coordinates import Coordinates
from scorax.tables._divergences import divergence_of_rows
from scorax.tables._precision import in_own_precision
from scorax.tables._sampling import sampler_of
from scorax.targets import GaussianMixture


@dataclass(frozen=True)
class FittedTable:
    """A trained model of a table with the cut-off chosen; rows are in file units and in all columns of the schema.

    Attributes:
        config: resolved configuration.
        coordinates: the way between file and model.
        starts: the laws that its members start from, stacked.
        model: the field, stopped at the chosen ``sigma_min``.
    """

    config: ResolvedConfig
    coordinates: Coordinates
    starts: GaussianMixture
    model: Denoiser

    @property
    def dimension(self) -> int:
        """Number of coordinates the model describes."""
        return self.coordinates.schema.dimension

    @cached_property
    def sampler(self) -> AbstractSampler:
        """The sampler of the configuration; ``auto`` is measured once."""
        sampling = self.config.sampling
        return sampler_of(self.model, self.starts, sampling.sampler, sampling.evaluations)[0]

    @cached_property
    def divergence(self) -> AbstractDivergence:
        """The divergence of the log-density of a row; beyond a hundred columns it is measured once."""
        return divergence_of_rows(self.model, self.dimension)

    @in_own_precision
    def dequantised(self, values: Float[np.ndarray, "n columns"], seed: int) -> Float[np.ndarray, "n columns"]:
        """The rows with bin noise in their rounded columns, which is what densities are of."""
        return self.coordinates.invert(self.coordinates.encode(values, seed))

    @in_own_precision
    def log_prob(
        self,
        values: Float[np.ndarray, "n columns"],
        *,
        tolerance: float | None = None,
        precision: str = "auto",
        divergence: AbstractDivergence | None = None,
        estimate_error: bool = True,
        seed: int = 0,
    ) -> LogProb:
        r"""Log-density of rows as they stand (dequantise rounded columns first), per unit of the file's columns.

        The density of data smoothed by ``sigma_min``: $\log p_{t_0}(\alpha_0 z) + d \log \alpha_0 - \sum_j \log scale_j$.
        ``precision`` ``auto`` is float64 on CPU and float32 elsewhere. ``divergence`` ``None`` is :attr:`divergence`; ``seed``
        decides its probes.
        """
        z = self.coordinates.standardise(values)
        tolerance = self.config.sampling.tolerance if tolerance is None else tolerance
        divergence = self.divergence if divergence is None else divergence
        double = precision == "float64" or (precision == "auto" and jax.default_backend() == "cpu")
        with jax.enable_x64(double):
            answer = smoothed_log_prob(
                self.model,
                jnp.asarray(z, jnp.float64 if double else jnp.float32),
                divergence=divergence,
                tolerance=tolerance,
                estimate_error=estimate_error,
                key=jax.random.key(seed),
            )
            answer = jax.tree.map(np.asarray, answer)
        return answer._replace(value=answer.value.astype(np.float64) + self.coordinates.log_weight(values))

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
        self, start: int, count: int, seed: int, *, sampler: AbstractSampler | None = None
    ) -> Float[np.ndarray, "count columns"]:
        """Rows ``start`` to ``start + count`` of the endless table that the seed stands for, rounded as the file is."""
        numbers = range(start, start + count)
        x = sample(self.model, sampler or self.sampler, numbers, key=jax.random.key(seed))
        alpha = float(self.model.process.alpha(jnp.asarray(self.model.process.t0)))
        return self.coordinates.decode(np.asarray(x, np.float64) / alpha)

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


def _score(pullback: Pullback, row: Float[Array, " d"], key: Key | None) -> Float[Array, " d"]:
    return pullback(pullback.process.t0, row)
