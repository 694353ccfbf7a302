import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake
from scorax.models import Karras
from scorax.networks import (
    MLP,
    Ensemble,
    MixtureSkip,
    ResMLP,
    fourier_features,
    log_ratio_of,
    noise_averaged_waves,
    noise_input,
)
from scorax.processes import EDM
from scorax.targets import ExactDenoiser, GaussianMixture

KEY = jax.random.key(0)
X = jnp.array([0.3, -0.2])
BUILD = {
    "MLP": lambda key: MLP(2, width=8, depth=2, key=key),
    "ResMLP": lambda key: ResMLP(2, width=8, depth=2, dropout=0.3, key=key),
    "ResMLP with waves": lambda key: ResMLP(2, width=8, depth=2, waves=3, key=key),
}
by_build = pytest.mark.parametrize("build", BUILD.values(), ids=BUILD)


@by_build
def test_last_layer_starts_at_zero(build):
    assert not np.any(build(KEY)(jnp.asarray(0.3), X))


@by_build
def test_ensemble_is_the_mean_of_independent_members(build):
    ensemble = awake(Ensemble.create(build, 3, key=KEY), key=jax.random.key(1))
    outputs = np.stack([ensemble.member(i)(jnp.asarray(0.3), X) for i in range(ensemble.num_members)])
    np.testing.assert_allclose(ensemble(jnp.asarray(0.3), X), outputs.mean(0), rtol=1e-5)
    assert np.ptp(outputs, axis=0).min() > 1e-3
    first = [jax.tree.leaves(eqx.filter(ensemble.member(i), eqx.is_array))[0] for i in range(3)]
    assert not np.allclose(first[0], first[1])


def test_dropout_is_off_without_a_key():
    network = awake(ResMLP(2, width=8, depth=2, dropout=0.3, key=KEY), key=jax.random.key(1))
    still = [network(jnp.asarray(0.3), X) for _ in range(2)]
    assert np.array_equal(*still)
    moved = [network(jnp.asarray(0.3), X, key=jax.random.key(k)) for k in (0, 1)]
    assert not np.allclose(*moved)


def test_noise_features_tell_all_levels_apart():
    levels = jax.vmap(noise_input)(jnp.linspace(-12.0, 12.0, 200))
    features = np.asarray(jax.vmap(lambda c: fourier_features(c, 8))(levels))
    distances = np.linalg.norm(features[:, None] - features[None], axis=-1) + 10 * np.eye(200)
    assert distances.min() > 1e-2
    assert np.abs(features).max() <= 1
    np.testing.assert_allclose(jax.vmap(log_ratio_of)(levels), np.linspace(-12.0, 12.0, 200), rtol=1e-3, atol=1e-4)


def test_waves_are_means_over_twice_the_noise_of_the_level():
    """Against Gauss-Hermite quadrature of sin and cos at frequencies 1, 2, 4 of both columns."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    for log_ratio in (-9.0, -1.5, 0.0):
        c_noise = noise_input(jnp.asarray(log_ratio))
        spread = 2 * np.sin(np.arctan(np.exp(log_ratio)))
        phases = (np.asarray(X)[:, None, None] + spread * nodes) * np.array([1.0, 2.0, 4.0])[:, None]
        expected = np.concatenate([np.sin(phases) @ weights, np.cos(phases) @ weights], axis=None)
        np.testing.assert_allclose(noise_averaged_waves(c_noise, X, 3), expected, atol=1e-5)


def test_mixture_skip_is_the_exact_output_for_its_law():
    """Karras' F at unit data scale, for an uneven mixture of correlated Gaussians, over all levels; a filler changes nothing."""
    with jax.enable_x64(True):
        weights, means = np.array([0.3, 0.7]), np.array([[0.4, -0.3], [-1.0, 0.8]])
        covariances = np.array([[[1.0, 0.8], [0.8, 1.3]], [[0.2, -0.1], [-0.1, 0.3]]])
        target = GaussianMixture.create(weights, means, covariances)
        law = target.components
        filled = [jnp.concatenate([leaf, leaf[:1]]) for leaf in (law.mean, law.basis, law.variances)]
        log_weights = jnp.append(target.log_weights, -1e30)
        network = MixtureSkip(MLP(2, width=4, depth=1, key=KEY), log_weights, *filled)
        exact, karras = ExactDenoiser.create(target, EDM()), Karras()

        @jax.jit
        def both(sigma, x):
            level = EDM().level(sigma)
            output = network(karras.noise_input(level), x / karras.radius(level))
            jacobian = jax.jacfwd(lambda y: network(karras.noise_input(level), y))(x)
            return karras.predict(level, x, output), exact.predict_at(level, x), jacobian

        for sigma in (2e-3, 0.1, 1.0, 80.0):
            prediction, truth, jacobian = both(sigma, np.array([0.7, -1.1]))
            np.testing.assert_allclose(prediction.x0, truth.x0, rtol=1e-8)
            np.testing.assert_allclose(prediction.noise, truth.noise, rtol=1e-8, atol=1e-10)
            assert np.all(np.isfinite(jacobian))
