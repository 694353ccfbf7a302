"""Checks of linear and general SDEs: kernels, exact laws, simulation, reversal and likelihood."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import lognorm, norm

from scorax.checks._record import Answer, mean_of, worst
from scorax.likelihood import log_prob
from scorax.models import ScoreFunction
from scorax.processes import (
    SDE,
    AbstractLinearSDE,
    BrownianMotion,
    Diagonal,
    GaussianLaw,
    GeometricBrownianMotion,
    LinearSDE,
    LogNormal,
    Normal,
    OrnsteinUhlenbeck,
    Tabulated,
    critically_damped_langevin,
    without_noise,
)
from scorax.samplers import EulerMaruyama, sample
from scorax.simulation import AbstractMethod, Euler, Exact, Milstein, brownian_increments, simulate

OU = OrnsteinUhlenbeck(rate=2.0, mean=0.5, sigma=0.7)
GBM = GeometricBrownianMotion(drift_rate=0.5, sigma=0.4)


def tabulated_nodes() -> Answer:
    """Variances at the nodes of Ho's chain are one minus the running product of 1 - beta."""
    betas = np.linspace(1e-4, 0.02, 1000)
    process = Tabulated.from_betas(betas)
    return worst(1 - np.cumprod(1 - betas), jax.vmap(process.variance)(jnp.asarray(process.nodes)), 1e-9)


def damped_langevin() -> Answer:
    """Covariance of critically damped Langevin is what its stationary law has lost, diag(1, M) - Phi diag(1, M) Phi^T."""
    drift, stationary = 4.0 * np.array([[0.0, 4.0], [-1.0, -4.0]]), np.diag([1.0, 0.25])
    truth, got = [], []
    for t in (0.1, 0.3, 0.6):
        phi = np.exp(-8.0 * t) * (np.eye(2) + t * (drift + 8.0 * np.eye(2)))
        truth.append(stationary - phi @ stationary @ phi.T)
        root = critically_damped_langevin(1).kernel(jnp.asarray(t)).root.dense(2)
        got.append(root @ root.T)
    return worst(truth, jnp.stack(got), 1e-9)


def varying_coefficients() -> Answer:
    """Ornstein-Uhlenbeck as functions of time: the solved moment equations against its closed variance."""
    process = LinearSDE(lambda t: -2.0 * jnp.eye(1), lambda t: 0.7 * jnp.eye(1))
    root = process.kernel(jnp.asarray(0.6)).root.dense(1)
    return worst(0.49 * (1 - np.exp(-2.4)) / 4, root[0, 0] ** 2, 1e-8)


def conditional_score(process: AbstractLinearSDE) -> Answer:
    """Score of the kernel against the gradient of its log-density."""
    t, x0, x = jnp.asarray(0.4), jnp.array([0.3, -1.2]), jnp.array([0.1, 0.2])
    return worst(jax.grad(process.law(t, x0).log_density)(x), process.conditional_score(t, x, x0), 1e-8)


def exact_law(
    process: BrownianMotion | OrnsteinUhlenbeck | GeometricBrownianMotion, truth: Callable[[np.ndarray], np.ndarray]
) -> Answer:
    """Distribution function at t = 0.6 from the start 0.8 against SciPy's."""
    law = process.law(jnp.asarray(0.6), jnp.full(20, 0.8))
    assert isinstance(law, Normal | LogNormal)  # the named processes have independent coordinates
    x = np.linspace(0.3, 3.0, 20)
    return worst(truth(x), law.cdf(jnp.asarray(x)), 1e-9)


def euler_mean(method: AbstractMethod) -> Answer:
    """Mean of Ornstein-Uhlenbeck after 16 steps from 1 follows m + (1 - r h)^n (1 - m), exactly for the exact transition."""
    truth = 0.5 + 0.5 * (np.exp(-2.0) if isinstance(method, Exact) else (1 - 2.0 / 16) ** 16)
    ends = simulate(OU, np.ones((256, 16)), [0.0, 1.0], key=jax.random.key(0), method=method, num_steps=16)[:, -1]
    return mean_of(np.asarray(ends).reshape(-1), truth)


def milstein_error() -> Answer:
    """Milstein's distance to the exact end of the same Brownian path of geometric Brownian motion; order one in h = 1/64."""
    increments = brownian_increments(1.0, 64, (512,), key=jax.random.key(0))
    h = jnp.asarray(1 / 64)
    zero = jnp.zeros(())  # GBM knows no time
    steps = jax.jit(
        lambda xs: jax.lax.scan(lambda x, dw: (Milstein().step(GBM, zero, h, x, dw), None), jnp.ones(512), xs)[0]
    )
    x = steps(increments)
    exact = GBM.advance(zero, jnp.ones(()), jnp.ones(512), increments.sum(0))
    return Answer(0.0, jnp.mean(jnp.abs(x - exact)), 1 / 64)


def drift_alone() -> Answer:
    """Without noise 16 Euler steps of Ornstein-Uhlenbeck are their recursion, with no spread."""
    ends = simulate(without_noise(OU), np.ones((8, 2)), [0.0, 1.0], key=jax.random.key(0), num_steps=16)[:, -1]
    return worst(0.5 + 0.5 * (1 - 2.0 / 16) ** 16, ends, 1e-12)


def geometric_law(t: jax.Array) -> LogNormal:
    """Law at ``t`` of GBM from a log-normal start with log-mean 0 and log-sd 0.3."""
    return LogNormal(Normal(jnp.reshape(0.42 * t, 1), jnp.reshape(jnp.sqrt(0.09 + 0.16 * t), 1)))


def geometric_model(*, general: bool = False) -> ScoreFunction:
    """The exact score of GBM from a log-normal start, as the named process or as a general SDE."""
    prior = geometric_law(jnp.asarray(1.0))
    process = (
        SDE(lambda t, x: 0.5 * x, lambda t, x: Diagonal(0.4 * x), prior)
        if general
        else GeometricBrownianMotion(drift_rate=0.5, sigma=0.4, prior=prior)
    )
    return ScoreFunction(fn=lambda t, x, condition: jax.grad(geometric_law(t).log_density)(x), process=process)


def reversed_mean() -> Answer:
    """Log-mean of GBM run back by Euler-Maruyama; without the divergence of D it would be 0.3 away."""
    draws = sample(geometric_model(), EulerMaruyama(num_steps=400), 4096, key=jax.random.key(0))
    return mean_of(jnp.log(draws[:, 0]), 0.0)


def density(model: ScoreFunction, law: LogNormal | GaussianLaw, tolerance: float) -> Answer:
    """Worst log-density at t0, in nats."""
    points = jnp.array([[0.4], [0.9], [1.7]])
    truth = np.asarray(jax.vmap(law.log_density)(points))
    got = np.asarray(log_prob(model, points, estimate_error=False).value)
    place = int(np.argmax(np.abs(got - truth)))
    return Answer(truth[place], got[place], tolerance)


def linear_density() -> Answer:
    """Log-density under Ornstein-Uhlenbeck of a Gaussian start, whose end is matched to the moments."""
    law = GaussianLaw.from_moments(np.array([0.8]), np.array([[0.3]]))
    score = ScoreFunction(
        fn=lambda t, x, condition: -OU.kernel(t).image(law).precision_times(x), process=OU, moments=law
    )
    return density(score, law, 1e-5)


CHECKS = {
    "process Tabulated: nodes of the DDPM chain": tabulated_nodes,
    "process LinearSDE: critically damped Langevin's kernel": damped_langevin,
    "process LinearSDE: coefficients that vary in time": varying_coefficients,
    "process LinearSDE: conditional score": lambda: conditional_score(critically_damped_langevin(1)),
    "process BrownianMotion: law from a fixed start": lambda: exact_law(
        BrownianMotion(drift_rate=1.5, sigma=0.7), norm(0.8 + 0.9, 0.7 * np.sqrt(0.6)).cdf
    ),
    "process OrnsteinUhlenbeck: law from a fixed start": lambda: exact_law(
        OU, norm(0.5 + 0.3 * np.exp(-1.2), 0.7 * np.sqrt((1 - np.exp(-2.4)) / 4)).cdf
    ),
    "process GeometricBrownianMotion: law from a fixed start": lambda: exact_law(
        GBM, lognorm(0.4 * np.sqrt(0.6), scale=0.8 * np.exp(0.42 * 0.6)).cdf
    ),
    "simulate Euler: its closed recursion": lambda: euler_mean(Euler()),
    "simulate Exact: the exact mean": lambda: euler_mean(Exact()),
    "simulate Milstein: strong error on the same path": milstein_error,
    "simulate: the drift alone": drift_alone,
    "sampler EulerMaruyama: geometric Brownian motion run back": reversed_mean,
    "log_prob under GeometricBrownianMotion": lambda: density(geometric_model(), geometric_law(jnp.asarray(0.0)), 1e-5),
    "log_prob under a general SDE": lambda: density(
        geometric_model(general=True), geometric_law(jnp.asarray(0.0)), 1e-5
    ),
    "log_prob under OrnsteinUhlenbeck": linear_density,
}
