import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from oracles import mixture, noisy, rows_of
from scorax.models import velocity_in_angle
from scorax.processes import EDM, VP, Level
from scorax.targets import ExactDenoiser, GaussianMixture

pytestmark = pytest.mark.usefixtures("double")

X = np.array([0.3, -0.2])


def covariances(law: GaussianMixture) -> np.ndarray:
    basis = np.asarray(law.components.basis)
    return (basis * np.asarray(law.components.variances)[:, None]) @ basis.transpose(0, 2, 1)


@pytest.mark.parametrize("process", [VP(), EDM()], ids=repr)
def test_noisy_density_against_scipy(process):
    law, t = mixture(), jnp.asarray(0.4)
    alpha, sigma = (float(part) for part in process.level(t))
    parts = [
        w * multivariate_normal(alpha * m, alpha**2 * c + sigma**2 * np.eye(2)).pdf(X)
        for w, m, c in zip(np.exp(law.log_weights), np.asarray(law.components.mean), covariances(law), strict=True)
    ]
    np.testing.assert_allclose(noisy(law, process, t).log_density(jnp.asarray(X)), np.log(sum(parts)), rtol=1e-10)


def test_score_and_divergence_by_autodiff():
    law = noisy(mixture(), VP(), 0.2)

    @jax.jit
    def pairs(x):
        return (law.score(x), jax.grad(law.log_density)(x)), (law.divergence(x), jnp.trace(jax.jacfwd(law.score)(x)))

    for ours, theirs in pairs(X):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_denoiser_is_the_posterior_mean():
    """In one dimension, against the ratio of two integrals over a fine grid."""
    law, process, t, x = mixture(1), VP(), jnp.asarray(0.15), jnp.array([0.3])
    alpha, sigma = (float(part) for part in process.level(t))
    grid = np.linspace(-6, 6, 24_001)
    log_joint = jax.vmap(law.log_density)(grid[:, None]) - 0.5 * ((0.3 - alpha * grid) / sigma) ** 2
    weights = np.exp(np.asarray(log_joint))
    prediction = ExactDenoiser.create(law, process).predict(t, x)
    np.testing.assert_allclose(prediction.x0[0], weights @ grid / weights.sum(), rtol=1e-6)
    np.testing.assert_allclose(alpha * prediction.x0 + sigma * prediction.noise, x, rtol=1e-12)
    np.testing.assert_allclose(prediction.noise, -sigma * noisy(law, process, t).score(x), rtol=1e-10)


@pytest.mark.parametrize("dimension", [2, 6])  # products with the bases written out, and left as products
@pytest.mark.parametrize("component", [None, 1], ids=["all", "one"])
def test_the_angular_velocity_is_that_of_the_prediction(dimension, component):
    """Which an exact denoiser has by a shorter way; score against autodiff in the same dimensions."""
    law, x = mixture(dimension), jnp.linspace(-0.6, 1.1, dimension)
    model = ExactDenoiser.create(law, EDM())

    @jax.jit
    def both(level):
        expected = velocity_in_angle(model.predict_at(level, x, component), level)
        return model.angular_velocity(level, x, component), expected, law.score(x), jax.grad(law.log_density)(x)

    for level in (Level(np.float64(a), np.float64(s)) for a, s in ((1.0, 2e-3), (0.8, 0.6), (0.3, 40.0))):
        ours, expected, score, slope = both(level)
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(score, slope, rtol=1e-9)


def test_draws_have_the_moments_of_the_law():
    """Mean and covariance of 20000 draws within 4 SE; `moments` is exact."""
    law = mixture()
    draws, moments = np.asarray(rows_of(law, 20_000, key=jax.random.key(0))), law.moments()
    weights, means = np.exp(law.log_weights), np.asarray(law.components.mean)
    np.testing.assert_allclose(moments.mean, weights @ means, rtol=1e-10)
    second = np.einsum("k,kij->ij", weights, covariances(law) + means[:, :, None] * means[:, None, :])
    root = jax.jacfwd(moments.draw)(jnp.zeros(2))
    np.testing.assert_allclose(root @ root.T, second - np.outer(moments.mean, moments.mean), rtol=1e-10)
    products = draws[:, :, None] * draws[:, None, :]
    for values, truth in ((draws, np.asarray(moments.mean)), (products, second)):
        assert np.all(np.abs(values.mean(0) - truth) < 4 * values.std(0) / np.sqrt(20_000))


def test_no_division_by_small_noise():
    """The pair stays accurate in float32 where alpha or sigma is tiny (denoiser -> score -> denoiser would not)."""
    law = mixture()
    for t in (1e-6, 1.0):
        process, time = VP(), jnp.asarray(t)
        exact = law.predict(process.level(time), jnp.asarray(X))
        with jax.enable_x64(False):
            single = mixture().predict(process.level(jnp.asarray(t)), jnp.asarray(X, jnp.float32))
        assert single.x0.dtype == jnp.float32
        np.testing.assert_allclose(single.x0, exact.x0, rtol=2e-5)
        np.testing.assert_allclose(single.noise, exact.noise, rtol=2e-3)


@pytest.mark.parametrize(
    "weights", [np.ones(1), np.array([2.0, -1.0]), np.zeros(2), np.array([np.nan, 1.0]), np.ones((2, 1))]
)
def test_weights_that_are_not_one_for_each_component_are_refused(weights):
    """A single one for two components would give a law of mass two."""
    with pytest.raises(ValueError, match="weights"):
        GaussianMixture.create(weights, np.zeros((2, 3)), np.stack([np.eye(3)] * 2))
