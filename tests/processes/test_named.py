"""Brownian motion, Ornstein-Uhlenbeck and geometric Brownian motion: laws against SciPy, draws by statistics.

Statistical tolerances are 4 SE (false-alarm rate 6e-5 a number) at fixed keys.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest, lognorm, norm

from scorax.processes import (
    SDE,
    BrownianMotion,
    Diagonal,
    GeometricBrownianMotion,
    LogNormal,
    Matrix,
    Normal,
    OrnsteinUhlenbeck,
    Scalar,
)

COUNT = 20_000
X = np.array([0.3, 2.0])


def draws(process, t, x0, count=COUNT, seed=0):
    keys = jax.random.split(jax.random.key(seed), count)
    return np.asarray(
        jax.jit(jax.vmap(lambda x, key: process.perturb(jnp.asarray(t), x, key=key)))(x0, keys), np.float64
    )


def test_laws_against_scipy():
    with jax.enable_x64(True):
        x = jnp.asarray(X)
        mean, sd = np.array([0.1, 1.5]), np.array([0.5, 2.0])
        ours, witness = Normal(jnp.asarray(mean), jnp.asarray(sd)), norm(mean, sd)
        positive, theirs = LogNormal(ours), lognorm(sd, scale=np.exp(mean))
        for law, truth in ((ours, witness), (positive, theirs)):
            np.testing.assert_allclose(law.density(x), truth.pdf(X), rtol=1e-12)
            np.testing.assert_allclose(law.cdf(x), truth.cdf(X), rtol=1e-12)
            np.testing.assert_allclose(law.log_density(x), truth.logpdf(X).sum(), rtol=1e-12)
            np.testing.assert_allclose(law.quantile(jnp.asarray(0.1)), truth.ppf(0.1), rtol=1e-12)
            np.testing.assert_allclose([law.mean, law.sd], [truth.mean(), truth.std()], rtol=1e-12)
        outside = -x
        assert np.array_equal(positive.cdf(outside), np.zeros(2))
        assert np.array_equal(positive.density(outside), np.zeros(2))
        assert positive.log_density(outside) == -np.inf


@pytest.mark.parametrize(
    ("process", "truth"),
    [
        (BrownianMotion(1.5, 0.7), norm(0.8 + 1.5 * 0.6, 0.7 * np.sqrt(0.6))),
        (
            OrnsteinUhlenbeck(2.0, -0.5, 0.7),
            norm(-0.5 + 1.3 * np.exp(-1.2), 0.7 * np.sqrt((1 - np.exp(-2.4)) / 4)),
        ),
        (
            GeometricBrownianMotion(1.5, 0.7),
            lognorm(0.7 * np.sqrt(0.6), scale=0.8 * np.exp((1.5 - 0.245) * 0.6)),
        ),
    ],
    ids=lambda p: type(p).__name__,
)
def test_perturb_has_the_exact_law(process, truth):
    """Law of a fixed start against SciPy, and draws against it (Kolmogorov-Smirnov, p above 1e-3)."""
    grid = jnp.linspace(0.2, 3.0, 20)
    law = process.law(jnp.asarray(0.6), jnp.full(20, 0.8))
    np.testing.assert_allclose(law.cdf(grid), truth.cdf(np.asarray(grid)), atol=2e-6)
    np.testing.assert_allclose(law.density(grid), truth.pdf(np.asarray(grid)), rtol=2e-5)
    drawn = draws(process, 0.6, jnp.full((COUNT, 1), 0.8))
    assert kstest(drawn[:, 0], truth.cdf).pvalue > 1e-3


def test_trap_45_brownian_law_from_a_fixed_and_from_a_random_start():
    """From x0 the mean is x0 + mu t; from N(m, v) variances add and the cdf is the mean of the conditional ones."""
    process, t = BrownianMotion(1.5, 0.7), 0.6
    fixed = draws(process, t, jnp.full((COUNT, 1), 2.0))[:, 0]
    variance = 0.49 * t
    assert abs(fixed.mean() - (2.0 + 1.5 * t)) < 4 * np.sqrt(variance / COUNT)
    assert abs(fixed.var() / variance - 1) < 4 * np.sqrt(2 / COUNT)
    start = 0.5 + 1.2 * jax.random.normal(jax.random.key(5), (COUNT, 1))
    random = draws(process, t, start)[:, 0]
    total = norm(0.5 + 1.5 * t, np.sqrt(1.44 + variance))
    assert kstest(random, total.cdf).pvalue > 1e-3
    mixed = jnp.mean(process.law(jnp.asarray(t), start).cdf(jnp.full((COUNT, 1), 1.0)))
    assert abs(mixed - total.cdf(1.0)) < 4 * 0.5 / np.sqrt(COUNT)


@pytest.mark.parametrize("process", [BrownianMotion(1.5, 0.7), OrnsteinUhlenbeck(), GeometricBrownianMotion(0.3, 0.5)])
def test_trap_46_every_pixel_has_its_own_noise(process):
    """A 3 x 3 image from one start: each pixel has its own law, and no pair is correlated."""
    image = jnp.linspace(0.5, 2.0, 9).reshape(3, 3)
    drawn = draws(process, 0.6, jnp.broadcast_to(image, (COUNT, 3, 3))).reshape(COUNT, 9)
    law = process.law(jnp.asarray(0.6), image)
    ranks = np.asarray(jax.vmap(lambda x: law.cdf(x.reshape(3, 3)).reshape(-1))(jnp.asarray(drawn)))
    assert np.all(np.abs(ranks.mean(0) - 0.5) < 4 / np.sqrt(12 * COUNT))
    assert np.abs(np.corrcoef(ranks.T) - np.eye(9)).max() < 4 / np.sqrt(COUNT)


def test_general_sde_draws_by_euler_maruyama():
    """Each kind of noise: the Ornstein-Uhlenbeck law, with the closed moments of Euler's recursion."""
    h = 0.5 / 32
    variance, noise = 0.0, 0.49 * h
    for _ in range(32):
        variance = (1 - h) ** 2 * variance + noise
    kinds = [
        lambda t, x: Scalar(jnp.asarray(0.7, x.dtype)),
        lambda t, x: Diagonal(jnp.full_like(x, 0.7)),
        lambda t, x: Matrix(0.7 * jnp.concatenate([jnp.eye(2), jnp.eye(2)], axis=1) / np.sqrt(2)),
    ]
    for kind in kinds:
        process = SDE(lambda t, x: -x, kind, t1=1.0, num_steps=32, state_dependent=False)
        drawn = draws(process, 0.5, jnp.broadcast_to(jnp.asarray(X, jnp.float32), (COUNT, 2)))
        assert np.all(np.abs(drawn.mean(0) - X * (1 - h) ** 32) < 4 * np.sqrt(variance / COUNT))
        assert np.all(np.abs(drawn.var(0) / variance - 1) < 4 * np.sqrt(2 / COUNT))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SDE(lambda t, x: x, lambda t, x: Scalar(t), t1=0.0), "t0 < t1"),
        (lambda: SDE(lambda t, x: x, lambda t, x: Scalar(t), num_steps=0), "at least 1"),
        (lambda: GeometricBrownianMotion(sigma=0.0), "positive sigma"),
    ],
)
def test_impossible_processes_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
