"""Checks of likelihoods."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from scorax.checks._record import Answer, mixture
from scorax.likelihood import Hutchinson, log_prob
from scorax.models import AbstractScoreModel, ScoreFunction
from scorax.processes import EDM, VP, AbstractGaussianProcess
from scorax.targets import ExactDenoiser, gaussian

FAR = VP(t1=1.5)
"""A clock so long that the law at its end is Gaussian to rounding: what is left is the error of the method."""


def density(model: AbstractScoreModel, dtype: type, tolerance: float) -> Answer:
    """Worst log-density of a mixture at t0, in nats, over points of the law and an outlier."""
    points, truth = _points(model)
    got = np.asarray(log_prob(model, points.astype(dtype)).value, np.float64)
    gaps = np.abs(got - truth)
    place = int(np.argmax(np.where(np.isnan(gaps), np.inf, gaps)))
    return Answer(truth[place], got[place], tolerance)


def gaussian_density(process: AbstractGaussianProcess, scale: float, tolerance: float) -> Answer:
    """Log-density of N(1, scale^2) at its mean plus a half standard deviation of the noisy law."""
    law = gaussian(np.ones(1), np.array([[scale**2]]))
    noisy = law.at(process.level(jnp.asarray(process.t0)))
    x = noisy.components.mean + 0.5 * jnp.sqrt(noisy.components.variances)
    return Answer(noisy.log_density(x[0]), log_prob(ExactDenoiser.create(law, process), x).value[0], tolerance)


def probed_density(model: AbstractScoreModel) -> Answer:
    """Log-density of a mixture by 16 probes, at the row of 8 that is farthest off in standard errors; within 5 of them.

    With 15 degrees of freedom one of 8 rows is that far off with probability 0.0013; the key is fixed.
    """
    points, truth = _points(model)
    answer = log_prob(model, points[:8].astype(jnp.float32), divergence=Hutchinson(16), key=jax.random.key(0))
    got, error = np.asarray(answer.value, np.float64), np.asarray(answer.total_error, np.float64)
    place = int(np.argmax(np.abs(got - truth[:8]) / error))
    return Answer(truth[place], got[place], 5 * error[place])


def error_bound(model: AbstractScoreModel) -> Answer:
    """Share of rows whose error lies within the printed one."""
    points, truth = _points(model)
    answer = log_prob(model, points)
    return Answer(1.0, np.mean(np.abs(np.asarray(answer.value) - truth) <= np.asarray(answer.total_error)), 0.0)


def _points(model: AbstractScoreModel) -> tuple[Array, np.ndarray]:
    """Thirty-one points of the mixture and an outlier, with their log-densities at t0."""
    process = model.process
    assert isinstance(process, AbstractGaussianProcess)  # the process is Gaussian
    noisy = mixture().at(process.level(jnp.asarray(process.t0)))
    points = jax.vmap(lambda key: noisy.sample(key=key))(jax.random.split(jax.random.key(6), 31))
    points = jnp.concatenate([points, jnp.full((1, 2), 3.0)])
    return points, np.asarray(jax.vmap(noisy.log_density)(points))


def _function(process: AbstractGaussianProcess) -> ScoreFunction:
    exact = ExactDenoiser.create(mixture(), process)
    return ScoreFunction(fn=lambda t, x, condition: exact(t, x), process=process, moments=exact.moments)


CHECKS = {
    "log_prob of a mixture, float64": lambda: density(ExactDenoiser.create(mixture(), FAR), jnp.float64, 1e-5),
    "log_prob of a mixture, float32": lambda: density(ExactDenoiser.create(mixture(), FAR), jnp.float32, 1e-2),
    "log_prob of a mixture, 16 probes": lambda: probed_density(ExactDenoiser.create(mixture(), FAR)),
    "log_prob of a mixture, error within the bound": lambda: error_bound(ExactDenoiser.create(mixture(), VP())),
    "log_prob of a score function, float64": lambda: density(_function(FAR), jnp.float64, 1e-5),
    **{
        f"log_prob of a Gaussian, largest noise {t1:g}": lambda t1=t1: gaussian_density(EDM(t1=t1), 0.5, 1e-5)
        for t1 in (1.0, 10.0, 80.0)
    },
    **{
        f"log_prob of a narrow Gaussian, scale {scale:g}": lambda scale=scale: gaussian_density(VP(), scale, 1e-3)
        for scale in (1.0, 0.1, 0.01, 0.001)
    },
}
