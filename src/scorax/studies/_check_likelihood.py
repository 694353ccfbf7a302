"""Checks of likelihoods."""

import jax
import jax.numpy as jnp
import numpy as np

from scorax.likelihood import log_prob
from scorax.models import AbstractScoreModel, ScoreFunction
from scorax.processes import EDM, VP, AbstractGaussianProcess
from scorax.studies._check_record import Answer, mixture
from scorax.targets import ExactDenoiser, gaussian

FAR = VP(t1=1.5)
"""A clock so long that the law at its end is Gaussian to rounding: what is left is the error of the method."""


def density(model: AbstractScoreModel, dtype: type, tolerance: float) -> Answer:
    """Worst log-density of a mixture at t0, in nats, over points of the law and an outlier."""
    process = model.process
    assert isinstance(process, AbstractGaussianProcess)  # the process is Gaussian
    noisy = mixture().at(process.level(jnp.asarray(process.t0)))
    points = jax.vmap(lambda key: noisy.sample(key=key))(jax.random.split(jax.random.key(6), 31))
    points = jnp.concatenate([points, jnp.full((1, 2), 3.0)])
    truth = np.asarray(jax.vmap(noisy.log_density)(points))
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


def _function(process: AbstractGaussianProcess) -> ScoreFunction:
    exact = ExactDenoiser.create(mixture(), process)
    return ScoreFunction(fn=lambda t, x, condition: exact(t, x), process=process, moments=exact.moments)


CHECKS = {
    "log_prob of a mixture, float64": lambda: density(ExactDenoiser.create(mixture(), FAR), jnp.float64, 1e-5),
    "log_prob of a mixture, float32": lambda: density(ExactDenoiser.create(mixture(), FAR), jnp.float32, 1e-2),
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
