"""Checks of samplers and likelihoods."""

import jax
import jax.numpy as jnp
import numpy as np

from scorax.likelihood import log_prob
from scorax.models import AbstractScoreModel, ScoreFunction
from scorax.processes import EDM, VE, VP, AbstractGaussianProcess
from scorax.samplers import (
    DDIM,
    AbstractGridSampler,
    AbstractSampler,
    EulerMaruyama,
    Heun,
    ProbabilityFlow,
    nodes,
    sample,
)
from scorax.studies._check_record import Answer, centred, mean_of, mixture, worst
from scorax.targets import ExactDenoiser, gaussian

VARIANCE = 0.25
FAR = VP(t1=1.5)
"""A clock so long that the law at its end is Gaussian to rounding: what is left is the error of the method."""


def _levels(sampler: AbstractGridSampler, process: AbstractGaussianProcess) -> tuple[np.ndarray, ...]:
    """Time, alpha, sigma and the variance of the noisy N(0, VARIANCE) at the nodes of the sampler's grid."""
    grid = nodes(sampler.grid, process, sampler.num_steps, jnp.dtype(jnp.float64))
    assert grid.level is not None  # the process is Gaussian
    t, alpha, sigma = np.asarray(grid.t), np.asarray(grid.level.alpha), np.asarray(grid.level.sigma)
    return t, alpha, sigma, alpha**2 * VARIANCE + sigma**2


def ddim_factor(sampler: DDIM, process: AbstractGaussianProcess) -> float:
    """Factor from the first to the last state: the product of (alpha_s alpha_t v + sigma_s sigma_t) / V_t."""
    _, alpha, sigma, total = _levels(sampler, process)
    return float(np.prod((alpha[1:] * alpha[:-1] * VARIANCE + sigma[1:] * sigma[:-1]) / total[:-1]))


def heun_factor(sampler: Heun, process: AbstractGaussianProcess) -> float:
    """The same for the trapezoidal mean of the noise at both ends of a step."""
    _, alpha, sigma, total = _levels(sampler, process)
    predicted = (alpha[1:] * alpha[:-1] * VARIANCE + sigma[1:] * sigma[:-1]) / total[:-1]
    noise = (sigma[:-1] / total[:-1] + sigma[1:] / total[1:] * predicted) / 2
    return float(np.prod(alpha[1:] / alpha[:-1] + (sigma[1:] - alpha[1:] / alpha[:-1] * sigma[:-1]) * noise))


def flow_factor(process: AbstractGaussianProcess, *, of_state: bool) -> float:
    """The exact flow of a Gaussian scales by the ratio of standard deviations, of x or of the flow's state y = x / R."""
    first, last = (process.level(jnp.asarray(t)) for t in (process.t0, process.t1))
    start, end = (level.alpha**2 * VARIANCE + level.sigma**2 for level in (first, last))
    if of_state:
        start, end = start / (first.alpha**2 + first.sigma**2), end / (last.alpha**2 + last.sigma**2)
    return float(jnp.sqrt(start / end))


def factor(sampler: AbstractSampler, process: AbstractGaussianProcess, truth: float, tolerance: float) -> Answer:
    """Last state over first state of one path."""
    model = ExactDenoiser.create(centred(VARIANCE), process)
    path = jax.jit(lambda key: sampler.path(model, (1,), jnp.float64, key=key)[1])(jax.random.key(0))
    return worst(truth, path[-1, 0] / path[0, 0], tolerance)


def euler_variance(process: AbstractGaussianProcess, num_steps: int) -> Answer:
    """Variance of Euler-Maruyama's draws against v <- (1 - h f - h g^2 / V)^2 v + h g^2."""
    sampler = EulerMaruyama(num_steps=num_steps)
    t, _, _, total = _levels(sampler, process)
    f = np.asarray(jax.vmap(process.drift_coefficient)(jnp.asarray(t)))
    g2 = np.asarray(jax.vmap(process.squared_diffusion)(jnp.asarray(t)))
    variance = total[0]
    for i, h in enumerate(t[:-1] - t[1:]):
        variance = (1 - h * f[i] - h * g2[i] / total[i]) ** 2 * variance + h * g2[i]
    draws = sample(ExactDenoiser.create(centred(VARIANCE), process), sampler, 8192, key=jax.random.key(0))
    return mean_of(draws[:, 0] ** 2, float(variance))


def default_law() -> Answer:
    """Mean log-density of the default sampler's draws of a mixture against that of draws of its exact noisy law."""
    process, law = VP(), mixture()
    noisy = law.at(process.level(jnp.asarray(process.t0)))
    keys = jax.random.split(jax.random.key(3), 8192)
    exact = jax.vmap(lambda key: noisy.log_density(noisy.sample(key=key)))(keys)
    draws = sample(ExactDenoiser.create(law, process), Heun(), 8192, key=jax.random.key(4))
    values = jax.vmap(noisy.log_density)(draws)
    error = np.hypot(np.std(np.asarray(exact)), np.std(np.asarray(values))) / np.sqrt(8192)
    return Answer(jnp.mean(exact), jnp.mean(values), 4 * error)


def terminal() -> Answer:
    """Draws of a far, wide Gaussian from a low ceiling keep its mean: the first state is drawn from matched moments."""
    model = ExactDenoiser.create(gaussian(np.full(1, 5.0), np.eye(1)), EDM(t1=10.0))
    return mean_of(sample(model, Heun(), 8192, key=jax.random.key(5))[:, 0], 5.0)


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
    "sampler DDIM: its closed recursion": lambda: factor(DDIM(20), VP(), ddim_factor(DDIM(20), VP()), 1e-9),
    "sampler Heun: its closed recursion": lambda: factor(Heun(20), VP(), heun_factor(Heun(20), VP()), 1e-9),
    "sampler Heun: the exact flow": lambda: factor(Heun(64), EDM(), flow_factor(EDM(), of_state=False), 5e-3),
    "sampler ProbabilityFlow: the exact flow": lambda: factor(
        ProbabilityFlow(rtol=1e-9, atol=1e-9), VP(), flow_factor(VP(), of_state=True), 1e-7
    ),
    "sampler EulerMaruyama: its closed recursion, VP": lambda: euler_variance(VP(), 50),
    "sampler EulerMaruyama: its closed recursion, VE": lambda: euler_variance(VE(), 50),
    "sampler Heun: law of a mixture": default_law,
    "sampler Heun: mean from matched moments": terminal,
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
