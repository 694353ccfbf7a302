"""Checks of processes, parametrizations, closed-form targets, divergences and transforms."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import quad

from scorax._divergence import value_and_divergence
from scorax.checks._record import Answer, mixture, worst
from scorax.models import (
    AbstractParametrization,
    Karras,
    PredictData,
    PredictNoise,
    PredictScore,
    PredictV,
    PredictVelocity,
)
from scorax.processes import EDM, VE, VP, AbstractGaussianProcess, Cosine, Rectified, SubVP, Tabulated
from scorax.transforms import Chain, Dequantize, Standardize

PROCESSES: dict[str, AbstractGaussianProcess] = {
    "VP": VP(),
    "SubVP": SubVP(),
    "VE": VE(t1=2.0),
    "EDM": EDM(),
    "Cosine": Cosine(),
    "Rectified": Rectified(),
    "Tabulated betas": Tabulated.from_betas(np.geomspace(1e-4, 0.5, 12)),
    "Tabulated sigmas": Tabulated.from_sigmas(np.geomspace(0.01, 10.0, 7)),
}
PARAMETRIZATIONS: dict[str, AbstractParametrization] = {
    "Karras": Karras(data_scale=0.7),
    "PredictV": PredictV(),
    "PredictNoise": PredictNoise(),
    "PredictData": PredictData(),
    "PredictVelocity": PredictVelocity(process=VP()),
    "PredictScore": PredictScore(process=VP()),
}


def _times(process: AbstractGaussianProcess, count: int = 40) -> jax.Array:
    """Times at equally spaced log-ratios, the ends left out."""
    low, high = (process.log_ratio(jnp.asarray(t)) for t in (process.t0, process.t1))
    return jax.vmap(process.time_of)(jnp.linspace(low, high, count + 2)[1:-1])


def moments(process: AbstractGaussianProcess) -> Answer:
    """Variance against the solution of v' = 2 f v + g^2 with v(t0) = sigma(t0)^2, by quadrature."""
    times = np.asarray(_times(process, 5))
    start = jnp.asarray(process.t0)

    @jax.jit
    def share(s: jax.Array, t: jax.Array) -> jax.Array:  # the noise of time s that is left at time t
        return process.squared_diffusion(s) * (process.alpha(t) / process.alpha(s)) ** 2

    # The rates of a table jump at its nodes; quadrature is told where.
    jumps = process.nodes if isinstance(process, Tabulated) else np.zeros(0)
    solved = []
    for t in times:
        left = (process.alpha(jnp.asarray(t)) / process.alpha(start)) ** 2 * process.variance(start)
        inside = jumps[(jumps > process.t0) & (jumps < t)]
        points = inside if len(inside) else None
        solved.append(float(left) + quad(share, process.t0, t, args=(t,), epsrel=1e-9, epsabs=0.0, points=points)[0])
    return worst(solved, jax.vmap(process.variance)(jnp.asarray(times)), 1e-6)


def inverse(process: AbstractGaussianProcess) -> Answer:
    """``time_of`` undoes ``log_ratio``."""
    times = _times(process)
    return worst(times, jax.vmap(lambda t: process.time_of(process.log_ratio(t)))(times), 1e-9)


def small_times() -> Answer:
    """Float32 variance of VP down to t = 1e-7, where the difference 1 - exp(-B) has lost all its digits."""
    process = VP()
    times = np.geomspace(1e-7, 1e-2, 26)
    truth = -np.expm1(-(0.1 * times + 0.5 * 19.9 * times**2))
    return worst(truth, jax.vmap(process.variance)(jnp.asarray(times, jnp.float32)), 1e-6)


def identities(parametrization: AbstractParametrization) -> Answer:
    """``alpha a + sigma c = 1`` and ``alpha b + sigma d = 0``: the pair always adds up to the noisy state."""
    process = VP()
    levels = jax.vmap(process.level)(_times(process))
    a, b, c, d = jax.jit(jax.vmap(parametrization.coefficients))(levels)
    parts = jnp.abs(levels.alpha * a + levels.sigma * c - 1), jnp.abs(levels.alpha * b + levels.sigma * d)
    return Answer(0.0, jnp.max(jnp.stack(parts)), 1e-12)


def score_by_autodiff() -> Answer:
    """Score of a noisy mixture against the gradient of its log-density."""
    law, x = mixture().at(VP().level(jnp.asarray(0.3))), jnp.array([0.3, -0.2])
    return worst(jax.grad(law.log_density)(x), law.score(x), 1e-10)


def divergence_by_autodiff() -> Answer:
    """Closed divergence of the same score against the trace of its Jacobian."""
    law, x = mixture().at(VP().level(jnp.asarray(0.3))), jnp.array([0.3, -0.2])
    return worst(jnp.trace(jax.jacfwd(law.score)(x)), law.divergence(x), 1e-10)


def tweedie() -> Answer:
    """The denoiser's noise is minus sigma times the score, and the pair adds up to the state."""
    law, level, x = mixture(), VP().level(jnp.asarray(0.3)), jnp.array([0.3, -0.2])
    prediction = law.predict(level, x)
    together = level.alpha * prediction.x0 + level.sigma * prediction.noise
    truth = jnp.concatenate([x, -level.sigma * law.at(level).score(x)])
    return worst(truth, jnp.concatenate([together, prediction.noise]), 1e-10)


def trace(shape: tuple[int, ...]) -> Answer:
    """Divergence of x -> A vec(x) is tr A, whatever the shape of x."""
    size = math.prod(shape)
    matrix = jnp.asarray(np.random.default_rng(0).standard_normal((size, size)))
    _, divergence = value_and_divergence(lambda x: (matrix @ x.reshape(-1)).reshape(shape), jnp.ones(shape))
    return Answer(jnp.trace(matrix), divergence, 1e-12)


def log_weight() -> Answer:
    """Log-weight of standardisation against the log-determinant of its Jacobian."""
    rows = np.random.default_rng(0).standard_normal((50, 3)) * np.array([0.01, 1.0, 300.0])
    transform, key = Chain((Dequantize(np.array([0.0, 0.5, 0.0])), Standardize.fit(rows))), jax.random.key(0)
    row = jnp.asarray(rows[0])
    jacobian = jax.jacfwd(lambda r: transform.encode(r, key=key).z)(row)
    return Answer(jnp.linalg.slogdet(jacobian)[1], transform.encode(row, key=key).log_weight, 1e-10)


def integral() -> Answer:
    """A density carried back through standardisation integrates to one over a grid of the data's units."""
    law, transform = mixture(), Standardize(np.array([10.0, -3.0]), np.array([0.2, 40.0]))
    sides = [np.linspace(shift - 7 * scale, shift + 7 * scale, 281) for shift, scale in ((10.0, 0.2), (-3.0, 40.0))]
    grid = jnp.asarray(np.stack(np.meshgrid(*sides, indexing="ij"), -1).reshape(-1, 2))

    def log_density(row: jax.Array) -> jax.Array:
        z, weight = transform.encode(row, key=jax.random.key(0))
        return law.log_density(z) + weight

    cell = math.prod(side[1] - side[0] for side in sides)
    return Answer(1.0, jnp.sum(jnp.exp(jax.vmap(log_density)(grid))) * cell, 1e-3)


CHECKS = {
    **{f"process {name}: variance solves the moment equation": lambda p=p: moments(p) for name, p in PROCESSES.items()},
    **{f"process {name}: time_of undoes log_ratio": lambda p=p: inverse(p) for name, p in PROCESSES.items()},
    "process VP: float32 variance at small times": small_times,
    **{f"parametrization {name}: its pair adds up": lambda p=p: identities(p) for name, p in PARAMETRIZATIONS.items()},
    "target mixture: score is the gradient": score_by_autodiff,
    "target mixture: divergence is the trace": divergence_by_autodiff,
    "target mixture: Tweedie's pair": tweedie,
    **{f"divergence on shape {s}": lambda s=s: trace(s) for s in ((6,), (2, 3), (2, 3, 1))},
    "transform: log-weight is the log-determinant": log_weight,
    "transform: density integrates to one in data units": integral,
}
