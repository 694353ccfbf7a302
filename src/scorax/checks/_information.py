"""Checks of the evidence lower bound and of information, evidence and consistency."""

import jax
import jax.numpy as jnp
import numpy as np

from scorax.checks._record import Answer, centred, mixture, worst
from scorax.diagnostics import entropy, importance_weights, kl_divergence, score_consistency
from scorax.likelihood import elbo
from scorax.models import ScoreFunction
from scorax.processes import EDM, VP, AbstractGaussianProcess, GaussianLaw
from scorax.targets import ExactDenoiser, GaussianMixture, gaussian

DRAWS = 512
SCALE = 1.5
"""Standard deviation of the proposal of the checks of importance weights; the target is the standard normal law."""


def noisy(law: GaussianMixture, process: AbstractGaussianProcess) -> GaussianMixture:
    """The law of the process at t0."""
    return law.at(process.level(jnp.asarray(process.t0)))


def bound_of_mixture(num_probes: int | None) -> Answer:
    """Mean over rows of the bound of an exact score, which is the log-density."""
    law, process = mixture(), VP()
    at = noisy(law, process)
    x = jax.vmap(lambda key: at.sample(key=key))(jax.random.split(jax.random.key(0), 64))
    bound = elbo(ExactDenoiser.create(law, process), x, num_probes=num_probes, key=jax.random.key(1))
    error = jnp.sqrt(jnp.sum(bound.standard_error**2)) / len(x)
    return Answer(jnp.mean(jax.vmap(at.log_density)(x)), jnp.mean(bound.value), 4 * error)


def bound_of_gaussian() -> Answer:
    """The bound of a Gaussian model with its moments has nothing to draw: one row, to rounding."""
    law, process = gaussian(np.array([0.3]), np.array([[0.4]])), EDM()
    x = jnp.array([[1.0]])
    bound = elbo(ExactDenoiser.create(law, process), x, key=jax.random.key(0))
    return Answer(noisy(law, process).log_density(x[0]), bound.value[0], 1e-9)


def entropy_of_gaussian() -> Answer:
    """1/2 log(2 pi e V) with the variance V at t0."""
    process = VP()
    variance = noisy(centred(0.25), process).components.variances[0, 0]
    found = entropy(ExactDenoiser.create(centred(0.25), process), num_samples=DRAWS, key=jax.random.key(2))
    return Answer(0.5 * jnp.log(2 * jnp.pi * jnp.e * variance), found.value, 4 * found.standard_error)


def divergence_of_gaussians() -> Answer:
    """1/2 (r - 1 - log r) with the ratio r of the variances at t0."""
    process = VP()
    p, q = centred(0.25), centred(1.0)
    r = noisy(p, process).components.variances[0, 0] / noisy(q, process).components.variances[0, 0]
    ours, theirs = (ExactDenoiser.create(law, process) for law in (p, q))
    found = kl_divergence(ours, theirs, num_samples=DRAWS, key=jax.random.key(3))
    return Answer(0.5 * (r - 1 - jnp.log(r)), found.value, 4 * found.standard_error)


def evidence(*, sample_size: bool) -> Answer:
    """Evidence of 3 exp(-x^2 / 2) from N(0, SCALE^2), or the effective share of the draws, sqrt(2 s^2 - 1) / s^2."""
    process = EDM()
    model = ExactDenoiser.create(centred(SCALE**2 - process.t0**2), process)
    found = importance_weights(
        model, lambda x: jnp.log(3.0) - 0.5 * jnp.sum(x**2), num_samples=DRAWS, key=jax.random.key(4)
    )
    if not sample_size:
        return Answer(np.log(3) + 0.5 * np.log(2 * np.pi), found.log_evidence, 4 * found.log_evidence_error)
    weights = np.exp(found.log_weights) * DRAWS
    relative = np.std(2 * weights - weights**2 / np.mean(weights**2), ddof=1) / np.sqrt(DRAWS)
    share = np.sqrt(2 * SCALE**2 - 1) / SCALE**2
    return Answer(share, found.effective_sample_size / DRAWS, 4 * relative * share)


def consistency(size: float) -> Answer:
    """Relative gap of a Gaussian score that is turned by a rotation of this size, which its density does not see."""
    process = EDM(t0=0.5, t1=5.0)

    def score(t: jax.Array, x: jax.Array, condition: None) -> jax.Array:
        return -x / (1 + t**2) + size * jnp.array([-x[1], x[0]])

    model = ScoreFunction(fn=score, process=process, moments=GaussianLaw.standard(2))
    found = score_consistency(model, jnp.array([[0.4, -0.2], [1.0, 0.7]]))
    truth = size / np.hypot(1 / (1 + process.t0**2), size)
    return Answer(truth, found.summary, 1e-4) if size == 0 else worst(truth, found.relative_gap, 1e-4)


CHECKS = {
    "elbo of a mixture, exact divergence": lambda: bound_of_mixture(None),
    "elbo of a mixture, one probe": lambda: bound_of_mixture(1),
    "elbo of a Gaussian": bound_of_gaussian,
    "entropy of a Gaussian": entropy_of_gaussian,
    "kl_divergence of two Gaussians": divergence_of_gaussians,
    "importance_weights: log evidence": lambda: evidence(sample_size=False),
    "importance_weights: effective sample size": lambda: evidence(sample_size=True),
    "score_consistency of an exact score": lambda: consistency(0.0),
    "score_consistency of a score that is no gradient": lambda: consistency(0.3),
}
