"""Checks of conditions and guidance, on two Gaussian classes in one dimension."""

import jax
import jax.numpy as jnp
import numpy as np

from scorax.checks._record import Answer, mean_of
from scorax.likelihood import log_prob
from scorax.models import Guided, GuidedScore, ScoreFunction
from scorax.networks import AbstractEmbedder, ClassEmbedder, VectorEmbedder
from scorax.processes import VP
from scorax.samplers import Heun, sample
from scorax.targets import ExactDenoiser, GaussianMixture

MEANS, SCALES, SHARES = np.array([1.0, -0.5]), np.array([0.3, 0.4]), np.array([0.3, 0.7])
COUNT = 8192


def _classes() -> GaussianMixture:
    return GaussianMixture.create(SHARES, MEANS[:, None], (SCALES**2)[:, None, None])


def draws(scale: float) -> np.ndarray:
    """Guided draws of class 0; the scale is an array, so that one program serves every row of the table."""
    model = Guided(ExactDenoiser.create(_classes(), VP()), jnp.asarray(scale))
    labels = np.zeros(COUNT, np.int32)
    return np.asarray(sample(model, Heun(64), COUNT, key=jax.random.key(7), condition=labels))[:, 0]


def density() -> Answer:
    """Log-density of a class under guidance of scale one; the clock is so long that its end knows no class."""
    process = VP(t1=1.5)
    noisy = _classes().given(1).at(process.level(jnp.asarray(process.t0)))
    x = jnp.array([-0.2], jnp.float32)
    model = Guided(ExactDenoiser.create(_classes(), process), jnp.asarray(1.0))
    answer = log_prob(model, x[None], jnp.asarray([1]), estimate_error=False)
    return Answer(noisy.log_density(x), answer.value[0], 1e-3)


def field(*, denoiser: bool) -> Answer:
    """s + 3 (s_c - s) at one place and time."""
    law, process, t, x = _classes(), VP(), jnp.asarray(0.4), jnp.array([0.3])
    noisy, exact = law.at(process.level(t)), ExactDenoiser.create(law, process)
    own, both = noisy.given(0).score(x), noisy.score(x)
    model = Guided(exact, 3.0) if denoiser else GuidedScore(ScoreFunction(fn=exact, process=process), 3.0)
    return Answer((both + 3 * (own - both))[0], model(t, x, jnp.asarray(0))[0], 1e-10)


def dropped(embedder: AbstractEmbedder, condition: jax.Array) -> Answer:
    """Share of examples whose embedding is the null."""
    keys = jax.random.split(jax.random.key(8), COUNT)
    rows = jax.jit(jax.vmap(lambda key: embedder(condition, key=key)))(keys)
    return mean_of(jnp.all(rows == embedder.null, axis=-1), embedder.dropout)


CHECKS = {
    "guidance Guided: scale 1, mean of a class": lambda: mean_of(draws(1.0), MEANS[0]),
    "guidance Guided: scale 1, variance of a class": lambda: mean_of((draws(1.0) - MEANS[0]) ** 2, SCALES[0] ** 2),
    "guidance Guided: scale 0, mean of the mixture": lambda: mean_of(draws(0.0), float(SHARES @ MEANS)),
    "guidance Guided: scale 1, log-density of a class": density,
    "guidance Guided: scale 3, the field": lambda: field(denoiser=True),
    "guidance GuidedScore: scale 3, the field": lambda: field(denoiser=False),
    "condition ClassEmbedder: share of dropped conditions": lambda: dropped(
        ClassEmbedder(3, 4, dropout=0.2, key=jax.random.key(9)), jnp.asarray(1)
    ),
    "condition VectorEmbedder: share of dropped conditions": lambda: dropped(
        VectorEmbedder(2, 4, dropout=0.2, key=jax.random.key(9)), jnp.ones(2)
    ),
}
