"""Checks of objectives, weightings and training times."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jaxtyping import Array, Float

from scorax._types import Condition, Key
from scorax.checks._levels import PARAMETRIZATIONS
from scorax.checks._record import Answer, centred, mean_of, mixture, worst
from scorax.models import AbstractDenoiser, AbstractParametrization, Denoiser, Karras
from scorax.networks import AbstractNetwork
from scorax.objectives import (
    AbstractObjective,
    AbstractTimes,
    AbstractWeighting,
    DenoisingScoreMatching,
    EDMWeighting,
    LikelihoodTimes,
    LikelihoodWeighting,
    LogNormalTimes,
    UniformTimes,
    VarianceWeighting,
)
from scorax.processes import VP, Level
from scorax.targets import ExactDenoiser

DRAWS = 8192
TRUE_VARIANCE, MODEL_VARIANCE = 0.5, 1.3


class _Expressed(AbstractNetwork):
    """The output a network would have to give for the model to be a given exact denoiser."""

    exact: ExactDenoiser
    parametrization: AbstractParametrization
    level: Level

    def __call__(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, " d"]:
        state = x * self.parametrization.radius(self.level)
        a, b, c, d = self.parametrization.coefficients(self.level)
        x0, noise = self.exact.predict_at(self.level, state)
        # Two readings of the same output; the better conditioned one divides by the larger coefficient.
        return jnp.where(jnp.abs(b) > jnp.abs(d), (x0 - a * state) / b, (noise - c * state) / jnp.where(d == 0, 1.0, d))


def _values(objective: AbstractObjective, model: Any, x0: Array, u: Array, keys: Array) -> Array:
    return jax.jit(jax.vmap(lambda x, v, k: objective(model, x, v, key=k, training=False)))(x0, u, keys)


def _draws(variance: float) -> tuple[Array, Array, Array]:
    """Rows of N(0, variance), stratified quantiles and keys."""
    rows, strata, keys = jax.random.split(jax.random.key(0), 3)
    x0 = jnp.sqrt(variance) * jax.random.normal(rows, (DRAWS, 1))
    u = (jnp.arange(DRAWS) + jax.random.uniform(strata, (DRAWS,))) / DRAWS
    return x0, u, jax.random.split(keys, DRAWS)


def same_loss(parametrization: AbstractParametrization) -> Answer:
    """One denoiser written in any parametrization has one loss."""
    exact, x0, key, u = (
        ExactDenoiser.create(mixture(), VP()),
        jnp.array([0.4, -0.1]),
        jax.random.key(1),
        jnp.asarray(0.4),
    )
    objective = DenoisingScoreMatching()
    level = exact.process.level(objective.times.quantile(exact.process, u))
    network = _Expressed(exact, parametrization, level)
    written = Denoiser(network=network, process=exact.process, parametrization=parametrization)

    @eqx.filter_jit
    def loss(model: AbstractDenoiser) -> Array:
        return objective(model, x0, u, key=key)

    return worst(loss(exact), loss(written), 1e-6)


def floor() -> Answer:
    """Loss of the exact denoiser of N(0, v) in nats: log r - 1/2 log(v + r^2) between the ends, r = sigma / alpha."""
    process, v = VP(), TRUE_VARIANCE
    x0, u, keys = _draws(v)
    values = _values(DenoisingScoreMatching(), ExactDenoiser.create(centred(v), process), x0, u, keys)

    def part(t: float) -> Array:
        log_r = process.log_ratio(jnp.asarray(t))
        return log_r - 0.5 * jnp.log(v + jnp.exp(2 * log_r))

    return mean_of(values, float(part(process.t1) - part(process.t0)))


def nats() -> Answer:
    """Loss difference of two Gaussian models: the drop of the Kullback-Leibler divergence between the ends, in nats."""
    process = VP()
    x0, u, keys = _draws(TRUE_VARIANCE)
    ours, best = (
        _values(DenoisingScoreMatching(), ExactDenoiser.create(centred(v), process), x0, u, keys)
        for v in (MODEL_VARIANCE, TRUE_VARIANCE)
    )

    def divergence(t: float) -> float:
        level = process.level(jnp.asarray(t))
        p, q = (level.alpha**2 * v + level.sigma**2 for v in (TRUE_VARIANCE, MODEL_VARIANCE))
        return float(0.5 * (p / q - 1 - jnp.log(p / q)))

    return mean_of(ours - best, divergence(process.t0) - divergence(process.t1))


def importance(times: AbstractTimes, weighting: AbstractWeighting) -> Answer:
    """The loss under any law of times against the uniform one: the density is divided out."""
    process = dataclasses.replace(VP(), t0=0.05)
    x0, u, keys = _draws(TRUE_VARIANCE)
    model = ExactDenoiser.create(centred(MODEL_VARIANCE), process)
    plain, other = (
        _values(DenoisingScoreMatching(weighting, law), model, x0, u, keys) for law in (UniformTimes(), times)
    )
    error = np.hypot(*(np.asarray(values).std() for values in (plain, other))) / np.sqrt(DRAWS)
    return Answer(jnp.mean(plain), jnp.mean(other), 4 * error)


def likelihood_weight() -> Answer:
    """The likelihood weight is g^2 = beta(t) for VP."""
    process, times = VP(), jnp.linspace(0.01, 1.0, 20)
    return worst(0.1 + 19.9 * times, jax.vmap(lambda t: LikelihoodWeighting()(process, t))(times), 1e-6)


def edm_weight() -> Answer:
    """EDM's weight at EDM's times is unit weight on the network's error, times the share of levels in range."""
    process, parametrization, key = VP(), Karras(), jax.random.key(2)
    objective = DenoisingScoreMatching(EDMWeighting(), LogNormalTimes())
    exact, x0, u = ExactDenoiser.create(mixture(), process), jnp.array([0.4, -0.1]), jnp.asarray(0.6)
    t = objective.times.quantile(process, u)
    level = process.level(t)
    noise = jax.random.normal(jax.random.split(key)[0], x0.shape)
    x = level.alpha * x0 + level.sigma * noise
    _, b, _, _ = parametrization.coefficients(level)
    output_error = (exact.predict_at(level, x).x0 - x0) / b
    low, high = (norm.cdf((process.log_ratio(jnp.asarray(t)) + 1.2) / 1.2) for t in (process.t0, process.t1))
    return worst(0.5 * (high - low) * jnp.sum(output_error**2), objective(exact, x0, u, key=key), 1e-6)


CHECKS = {
    **{f"loss in parametrization {name} is the same": lambda p=p: same_loss(p) for name, p in PARAMETRIZATIONS.items()},
    "denoising score matching: floor in nats": floor,
    "denoising score matching: excess in nats is a divergence": nats,
    "times log-normal: importance weights": lambda: importance(LogNormalTimes(-0.5, 1.5), VarianceWeighting()),
    "times likelihood: importance weights": lambda: importance(LikelihoodTimes(), LikelihoodWeighting()),
    "weighting likelihood: g squared": likelihood_weight,
    "weighting EDM: half the squared error of the network": edm_weight,
}
