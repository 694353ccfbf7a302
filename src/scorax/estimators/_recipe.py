"""The table recipe, once: from standardised rows and a configuration to a trained, calibrated field."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float, Int

from scorax._types import Key
from scorax.estimators._config import FitConfig
from scorax.likelihood import log_prob
from scorax.models import Denoiser, Karras
from scorax.networks import Ensemble, ResMLP
from scorax.objectives import (
    DenoisingScoreMatching,
    EDMWeighting,
    LikelihoodTimes,
    LikelihoodWeighting,
    LogNormalTimes,
    UniformTimes,
)
from scorax.processes import EDM, GaussianLaw
from scorax.training import TrainState, Validation, adamw, fit
from scorax.transforms import Dequantize

SMALL_TABLE = 2000
"""Rows up to which a table is fitted by five cross-validation members of a small network."""

_TIMES = {"likelihood": LikelihoodTimes(), "lognormal": LogNormalTimes(), "uniform": UniformTimes()}
_WEIGHTINGS = {"likelihood": LikelihoodWeighting(), "edm": EDMWeighting()}


def resolved(config: FitConfig, num_rows: int, dimension: int) -> FitConfig:
    """The configuration with every value that was left to choose filled in from the size of the table."""
    small = num_rows <= SMALL_TABLE
    network, training, ensemble = config.network, config.training, config.ensemble
    folds = ensemble.folds or (min(5, num_rows) if small else 1)
    return dataclasses.replace(
        config,
        network=dataclasses.replace(
            network,
            width=network.width or (64 if small else 128),
            depth=network.depth or (2 if small else 3),
            dropout=network.dropout if network.dropout >= 0 else (0.1 if small else 0.0),
        ),
        training=dataclasses.replace(
            training,
            max_steps=training.max_steps or 5000,
            batch_size=training.batch_size or (256 if small else 512),
            learning_rate=training.learning_rate or (1e-3 if small else 2e-3),
        ),
        ensemble=dataclasses.replace(ensemble, folds=folds),
    )


@dataclass(frozen=True)
class Plan:
    """A fit that is ready to start: everything :func:`~scorax.training.fit` needs, as a function of data, config and seed.

    Attributes:
        config: resolved configuration.
        model: untrained model in standardised coordinates.
        data: standardised rows, float32.
        dequantize: bin noise in standardised units, or ``None`` where no column is rounded.
        fold: number of the member that does not train on a row; ``-1`` for rows that all members train on.
        key: root key of training.
    """

    config: FitConfig
    model: Denoiser
    data: Float[np.ndarray, "n d"]
    dequantize: Dequantize | None
    fold: Int[np.ndarray, " n"]
    key: Key

    @property
    def members(self) -> int:
        """Number of networks trained side by side."""
        return self.config.ensemble.folds

    def held_out(self, member: int) -> Int[np.ndarray, " rows"]:
        """Rows that ``member`` never trains on."""
        return np.flatnonzero(self.fold == member)


def blank_model(config: FitConfig, moments: GaussianLaw, *, key: Key) -> Denoiser:
    """Untrained model of a resolved configuration; its arrays have the shapes that a checkpoint must have."""
    dimension = moments.mean.shape[0]

    def build(member_key: Key) -> ResMLP:
        shape = config.network
        return ResMLP(
            dimension,
            width=shape.width,
            depth=shape.depth,
            dropout=shape.dropout,
            num_frequencies=shape.num_frequencies,
            key=member_key,
        )

    network = Ensemble.create(build, config.ensemble.folds, key=key) if config.ensemble.folds > 1 else build(key)
    return Denoiser(network, EDM(config.noise.sigma_min, config.noise.sigma_max), Karras(), moments)


def plan(
    z: Float[np.ndarray, "n d"], widths: Float[np.ndarray, " d"], moments: GaussianLaw, config: FitConfig, *, seed: int
) -> Plan:
    """A fit of standardised rows ``z`` whose columns have bins of ``widths`` (0 where continuous), in the same units."""
    config = resolved(config, *z.shape)
    root = jax.random.key(seed)
    network_key, train_key = jax.random.split(root)
    folds = config.ensemble.folds
    order = np.random.default_rng([seed, len(z)]).permutation(len(z))
    fold = np.full(len(z), -1)
    if folds > 1:
        fold[order] = np.arange(len(z)) % folds
    else:
        fold[order[: max(1, round(config.ensemble.holdout * len(z)))]] = 0
    return Plan(
        config,
        blank_model(config, moments, key=network_key),
        z.astype(np.float32),
        Dequantize(widths.astype(np.float32)) if np.any(widths > 0) else None,
        fold,
        train_key,
    )


def objective(config: FitConfig) -> DenoisingScoreMatching:
    """The training objective of a configuration."""
    return DenoisingScoreMatching(_WEIGHTINGS[config.training.weighting], _TIMES[config.training.times])


def optimizer(config: FitConfig) -> optax.GradientTransformation:
    """The optimiser of a resolved configuration."""
    training = config.training
    return adamw(
        training.learning_rate,
        num_steps=training.max_steps,
        weight_decay=training.weight_decay,
        clip_norm=training.clip_norm,
    )


def train(job: Plan, state: TrainState | None = None) -> Iterator[TrainState]:
    """States of the training run, from the start or from ``state``."""
    training = job.config.training
    return fit(
        job.model,
        objective(job.config),
        job.data,
        optimizer(job.config),
        key=job.key,
        num_steps=training.max_steps,
        batch_size=training.batch_size,
        ema_decay=training.ema_decay,
        validation=Validation(
            tuple(job.held_out(member) for member in range(job.members)),
            every=training.validate_every,
            patience=training.patience,
        ),
        member_rows=[np.flatnonzero(job.fold != member) for member in range(job.members)],
        dequantize=job.dequantize,
        state=state,
    )


def member_models(model: Denoiser) -> list[Denoiser]:
    """One model per member of the ensemble, or the model itself."""
    network = model.network
    if not isinstance(network, Ensemble):
        return [model]
    return [dataclasses.replace(model, network=network.member(i)) for i in range(network.num_members)]


def cut_at(model: Denoiser, sigma: float) -> Denoiser:
    """The same field with its cut-off at ``sigma``, in standardised units."""
    return model.with_process(dataclasses.replace(model.process, t0=sigma))


def held_out_rows(fold: Int[np.ndarray, " n"], limit: int) -> Int[np.ndarray, " rows"]:
    """Rows that some member never saw: all of them, or ``limit`` drawn once and for all."""
    rows = np.flatnonzero(fold >= 0)
    if len(rows) <= limit:
        return rows
    return np.sort(np.random.default_rng([len(rows), limit]).choice(rows, limit, replace=False))


def out_of_fold(
    job: Plan,
    model: Denoiser,
    z: Float[np.ndarray, "n d"],
    sigma: float,
    rows: Int[np.ndarray, " rows"],
    *,
    tolerance: float,
) -> Float[np.ndarray, " rows"]:
    """Log-density, in standardised units, of rows by the member that never saw them; smoothed at ``sigma``."""
    values = np.full(len(rows), np.nan)
    for member, own in enumerate(member_models(model)):
        mine = np.flatnonzero(job.fold[rows] == member)
        if mine.size:
            cut = cut_at(own, sigma)
            answer = log_prob(
                cut, jnp.asarray(z[rows[mine]], jnp.float32), rtol=tolerance, atol=tolerance, estimate_error=False
            )
            values[mine] = np.asarray(answer.value)
    return values


def choose_sigma_min(job: Plan, model: Denoiser, z: Float[np.ndarray, "n d"]) -> tuple[float, dict[float, float]]:
    """The cut-off under which held-out rows are likeliest, and the mean held-out log-density of each candidate.

    The cut-off acts as the width of a kernel on the training rows: too small a one keeps the field's overfitting at low
    noise. The mean is over at most ``choose_rows`` held-out rows, each scored by the member that never saw it.
    """
    noise = job.config.noise
    held = held_out_rows(job.fold, noise.choose_rows)
    table = {}
    for sigma in (c for c in noise.candidates if noise.sigma_min <= c < noise.sigma_max):
        values = out_of_fold(job, model, z, sigma, held, tolerance=1e-3)
        table[sigma] = float(np.mean(values)) if np.all(np.isfinite(values)) else float("-inf")
    return max(table, key=table.__getitem__), table
