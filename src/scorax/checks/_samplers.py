"""Checks of samplers on N(0, VARIANCE), whose variance under every linear update is known."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from scorax.checks._record import Answer, centred, mean_of, mixture, worst
from scorax.models import ScoreFunction
from scorax.processes import EDM, VE, VP, AbstractGaussianProcess
from scorax.samplers import (
    DDIM,
    DDPM,
    AbstractEnd,
    AbstractGridSampler,
    AbstractSampler,
    AdamsBashforth,
    AnnealedLangevin,
    Churn,
    DPMSolver,
    EulerMaruyama,
    Heun,
    Langevin,
    MetropolisLangevin,
    PosteriorDraw,
    PredictorCorrector,
    ProbabilityFlow,
    ReverseSDE,
    Stop,
    Terminal,
    TweedieMean,
    UniPC,
    nodes,
    sample,
    sample_path,
)
from scorax.targets import ExactDenoiser, gaussian

VARIANCE = 0.25
DRAWS = 8192
Recursion = Callable[[float, np.ndarray, np.ndarray, np.ndarray, int], float]


def levels(sampler: AbstractGridSampler, process: AbstractGaussianProcess) -> tuple[np.ndarray, ...]:
    """Time, alpha, sigma and the variance of the noisy N(0, VARIANCE) at the nodes of the sampler's grid."""
    grid = nodes(sampler.grid, process, sampler.num_steps, jnp.dtype(jnp.float64))
    assert grid.level is not None  # the process is Gaussian
    t, alpha, sigma = np.asarray(grid.t), np.asarray(grid.level.alpha), np.asarray(grid.level.sigma)
    return t, alpha, sigma, alpha**2 * VARIANCE + sigma**2


def ddim_factor(sampler: DDIM, process: AbstractGaussianProcess) -> float:
    """Factor from the first to the last state: the product of (alpha_s alpha_t v + sigma_s sigma_t) / V_t."""
    _, alpha, sigma, total = levels(sampler, process)
    return float(np.prod((alpha[1:] * alpha[:-1] * VARIANCE + sigma[1:] * sigma[:-1]) / total[:-1]))


def heun_factor(sampler: Heun, process: AbstractGaussianProcess) -> float:
    """The same for the trapezoidal mean of the noise at both ends of a step."""
    _, alpha, sigma, total = levels(sampler, process)
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
    states = sample_path(model, sampler, 1, key=jax.random.key(0)).states[0]
    return worst(truth, states[-1, 0] / states[0, 0], tolerance)


def euler(process: AbstractGaussianProcess, num_steps: int) -> Answer:
    """Variance of Euler-Maruyama's draws against v <- (1 - h f - h g^2 / V)^2 v + h g^2."""
    sampler = EulerMaruyama(num_steps=num_steps)
    t, _, _, total = levels(sampler, process)
    f = np.asarray(jax.vmap(process.drift_coefficient)(jnp.asarray(t)))
    g2 = np.asarray(jax.vmap(process.squared_diffusion)(jnp.asarray(t)))
    variance = total[0]
    for i, h in enumerate(t[:-1] - t[1:]):
        variance = (1 - h * f[i] - h * g2[i] / total[i]) ** 2 * variance + h * g2[i]
    return variance_of(sampler, process, float(variance))


def ancestral(v: float, alpha: np.ndarray, sigma: np.ndarray, total: np.ndarray, t: int) -> float:
    """DDPM with the posterior variance: the whole posterior of the chain at the posterior mean of the data."""
    decay = alpha[t] / alpha[t + 1]
    added = sigma[t] ** 2 - decay**2 * sigma[t + 1] ** 2
    mean = (alpha[t + 1] * alpha[t] * VARIANCE + decay * sigma[t + 1] ** 2) / total[t]
    return mean**2 * v + sigma[t + 1] ** 2 * added / sigma[t] ** 2


def annealed(v: float, alpha: np.ndarray, sigma: np.ndarray, total: np.ndarray, t: int) -> float:
    """Five Langevin steps of 0.1 sigma^2 at the next level, x / alpha kept on the way."""
    h = 0.1 * sigma[t + 1] ** 2
    v *= (alpha[t + 1] / alpha[t]) ** 2
    for _ in range(5):
        v = (1 - h / total[t + 1]) ** 2 * v + 2 * h
    return v


def recursion(sampler: AbstractGridSampler, process: AbstractGaussianProcess, step: Recursion) -> Answer:
    """Variance of the draws against a recursion over the nodes."""
    _, alpha, sigma, total = levels(sampler, process)
    variance = float(total[0])
    for t in range(sampler.num_steps):
        variance = step(variance, alpha, sigma, total, t)
    return variance_of(sampler, process, variance)


def variance_of(sampler: AbstractSampler, process: AbstractGaussianProcess, truth: float) -> Answer:
    """Mean square of the draws."""
    draws = sample(ExactDenoiser.create(centred(VARIANCE), process), sampler, DRAWS, key=jax.random.key(0))
    return mean_of(draws[:, 0] ** 2, truth)


def at_end(sampler: AbstractSampler, process: AbstractGaussianProcess) -> Answer:
    """Variance of the draws of a sampler of many steps against that of the law at t0."""
    level = process.level(jnp.asarray(process.t0))
    return variance_of(sampler, process, float(level.alpha**2 * VARIANCE + level.sigma**2))


def chain(sampler: AbstractSampler, truth: float) -> Answer:
    """Stationary variance of a chain on N(0, VARIANCE) that is known by its density."""
    model = ScoreFunction.of_density(lambda x: -0.5 * jnp.sum(x**2) / VARIANCE)
    draws = sample(model, sampler, DRAWS, key=jax.random.key(0), start=Terminal((1,)))
    return mean_of(draws[:, 0] ** 2, truth)


def corrector(snr: float) -> Answer:
    """Pure noise of standard deviation 0.5 under Langevin steps by the snr rule: 0.25 / (1 - snr^2)."""
    sampler = PredictorCorrector(1, predictor=DDIM(), corrections=400, snr=snr)
    draws = sample(ExactDenoiser.create(centred(1e-8), EDM(t0=0.5)), sampler, DRAWS, key=jax.random.key(0))
    return mean_of(draws[:, 0] ** 2, 0.25 / (1 - snr**2))


def ended(end: AbstractEnd, ratio: float) -> Answer:
    """N(0, 0.01) cut off at the noise 0.1: stop doubles the variance, Tweedie's mean halves it, a draw keeps it."""
    model = ExactDenoiser.create(centred(0.01), EDM(t0=0.1))
    draws = sample(model, Heun(64), DRAWS, key=jax.random.key(0), end=end)
    return mean_of(draws[:, 0] ** 2, 0.01 * ratio)


def default_law() -> Answer:
    """Mean log-density of the default sampler's draws of a mixture against that of draws of its exact noisy law."""
    process, law = VP(), mixture()
    noisy = law.at(process.level(jnp.asarray(process.t0)))
    keys = jax.random.split(jax.random.key(3), DRAWS)
    exact = jax.vmap(lambda key: noisy.log_density(noisy.sample(key=key)))(keys)
    draws = sample(ExactDenoiser.create(law, process), AdamsBashforth(), DRAWS, key=jax.random.key(4))
    values = jax.vmap(noisy.log_density)(draws)
    error = np.hypot(np.std(np.asarray(exact)), np.std(np.asarray(values))) / np.sqrt(DRAWS)
    return Answer(jnp.mean(exact), jnp.mean(values), 4 * error)


def terminal() -> Answer:
    """Draws of a far, wide Gaussian from a low ceiling keep its mean: the first state is drawn from matched moments."""
    model = ExactDenoiser.create(gaussian(np.full(1, 5.0), np.eye(1)), EDM(t1=10.0))
    return mean_of(sample(model, AdamsBashforth(), DRAWS, key=jax.random.key(5))[:, 0], 5.0)


def _exact(sampler: AbstractSampler, tolerance: float) -> Callable[[], Answer]:
    return lambda: factor(sampler, EDM(), flow_factor(EDM(), of_state=False), tolerance)


CHECKS = {
    "sampler DDIM: its closed recursion": lambda: factor(DDIM(20), VP(), ddim_factor(DDIM(20), VP()), 1e-9),
    "sampler DDIM: eta = 1 is DDPM": lambda: recursion(DDIM(20, eta=1.0), VP(), ancestral),
    "sampler DDPM: its closed recursion": lambda: recursion(DDPM(20), VP(), ancestral),
    "sampler Heun: its closed recursion": lambda: factor(Heun(20), VP(), heun_factor(Heun(20), VP()), 1e-9),
    "sampler Heun: the exact flow": _exact(Heun(64), 5e-3),
    "sampler Heun: with churn, the law at t0": lambda: at_end(Heun(64, churn=Churn(amount=10.0)), EDM()),
    "sampler DPMSolver: the exact flow": _exact(DPMSolver(128), 1e-3),
    "sampler DPMSolver: SDE form, the law at t0": lambda: at_end(DPMSolver(200, stochastic=True), VP()),
    "sampler DPMSolver: order 3, the exact flow": _exact(DPMSolver(128, order=3), 1e-4),
    "sampler UniPC: the exact flow": _exact(UniPC(128), 1e-4),
    "sampler AdamsBashforth: the exact flow": _exact(AdamsBashforth(128), 1e-3),
    "sampler AdamsBashforth: law of a mixture": default_law,
    "sampler AdamsBashforth: mean from matched moments": terminal,
    "sampler ProbabilityFlow: the exact flow": lambda: factor(
        ProbabilityFlow(rtol=1e-9, atol=1e-9), VP(), flow_factor(VP(), of_state=True), 1e-7
    ),
    "sampler ReverseSDE: the law at t0": lambda: at_end(ReverseSDE(), VP()),
    "sampler EulerMaruyama: its closed recursion, VP": lambda: euler(VP(), 50),
    "sampler EulerMaruyama: its closed recursion, VE": lambda: euler(VE(), 50),
    "sampler AnnealedLangevin: its closed recursion, VP": lambda: recursion(AnnealedLangevin(15), VP(), annealed),
    "sampler AnnealedLangevin: its closed recursion, VE": lambda: recursion(AnnealedLangevin(15), VE(), annealed),
    "sampler PredictorCorrector: noise at snr 0.3": lambda: corrector(0.3),
    "sampler Langevin: stationary variance v / (1 - h / 2v)": lambda: chain(Langevin(0.1, 200), VARIANCE / 0.8),
    "sampler MetropolisLangevin: stationary variance v": lambda: chain(MetropolisLangevin(0.1, 200), VARIANCE),
    "end rule Stop: noise of t0 stays": lambda: ended(Stop(), 2.0),
    "end rule TweedieMean: too little spread": lambda: ended(TweedieMean(), 0.5),
    "end rule PosteriorDraw: variance of the data": lambda: ended(PosteriorDraw(), 1.0),
}
