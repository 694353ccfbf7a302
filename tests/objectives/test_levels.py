"""Denoising score matching in the forms of the literature: one noise level, DDPM, NCSN, flow matching, Min-SNR.

Most are identities per example, at equal keys; means are held to 4 SE (false-alarm rate 6e-5).
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake, centred, losses, mixture, rows_of, standard_error, strata
from scorax.models import Denoiser, PredictNoise, PredictVelocity, ScoreFunction, ScoreNetwork
from scorax.networks import MLP
from scorax.objectives import (
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    FixedTime,
    LikelihoodTimes,
    LogNormalTimes,
    MinSNRWeighting,
    NodeTimes,
    UniformTimes,
    UniformWeighting,
    VarianceWeighting,
    VelocityWeighting,
)
from scorax.processes import EDM, VE, VP, AbstractGaussianProcess, Clean
from scorax.targets import ExactDenoiser

DRAWS = 20_000


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


class Straight(AbstractGaussianProcess):
    """The straight path between data and noise: alpha = 1 - t, sigma = t."""

    t0: float = 1e-3
    t1: float = 0.999

    def alpha(self, t):
        return 1 - t

    def variance(self, t):
        return t**2

    def time_of(self, log_ratio):
        return jax.nn.sigmoid(log_ratio)


def network():
    return awake(MLP(2, width=8, depth=1, key=jax.random.key(0)), key=jax.random.key(1))


def draws(count: int = DRAWS):
    return rows_of(mixture(), count, key=jax.random.key(1)), *strata(count, key=jax.random.key(2))


def noisy_state(process, t, x0, key):
    """State and noise as every objective draws them from its key."""
    level, noise = process.level(t), jax.random.normal(jax.random.split(key, 3)[0], x0.shape)
    return level, level.alpha * x0 + level.sigma * noise, noise


@pytest.mark.parametrize("build", [Denoiser, ScoreNetwork], ids=lambda c: c.__name__)
def test_trap_08_score_form_and_noise_form_at_one_level(build):
    """|s + noise / sigma|^2 = |sigma s + noise|^2 / sigma^2, for denoisers and for plain scores."""
    process, t = VP(), jnp.asarray(0.2)
    model, (x0, u, keys) = build(network(), process), draws(8)
    value = losses(DenoisingScoreMatching(UniformWeighting(), FixedTime(0.2)), model, x0, u, keys)
    for x, key, got in zip(x0, keys, value, strict=True):
        level, state, noise = noisy_state(process, t, x, key)
        score = model(t, state)
        np.testing.assert_allclose(got, 0.5 * jnp.sum((score + noise / level.sigma) ** 2), rtol=1e-9)
        np.testing.assert_allclose(got, 0.5 * jnp.sum((level.sigma * score + noise) ** 2) / level.sigma**2, rtol=1e-9)


def test_a_time_outside_the_clock_is_refused():
    model, data = Denoiser(network(), VP()), draws(2)
    for times in (FixedTime(2.0), NodeTimes([0.5, 1.5])):
        with pytest.raises(ValueError, match="in the clock"):
            losses(DenoisingScoreMatching(times=times), model, *data)
    for wrong in ([], [0.5, np.nan]):
        with pytest.raises(ValueError, match="finite times"):
            NodeTimes(wrong)


NODES = np.linspace(0.05, 1.0, 10)


def test_trap_10_nodes_are_drawn_evenly_and_their_mean_is_the_objective():
    u = (jnp.arange(40) + 0.5) / 40
    t = jax.vmap(lambda v: NodeTimes(NODES).quantile(VP(), v))(u)
    np.testing.assert_allclose(t, np.repeat(NODES, 4), rtol=1e-12)
    with jax.enable_x64(False):
        last = NodeTimes(np.linspace(0.1, 1.0, 999)).quantile(VP(), jnp.float32(1 - 2.0**-24))
        assert last == 1.0


def test_trap_52_the_simple_loss_of_ddpm():
    """Nodes and the variance as weight: the mean over nodes of |noise_theta - noise|^2 / 2, and its score exactly."""
    process = VP()
    model = Denoiser(network(), process, PredictNoise())
    x0, _, keys = draws(10)
    u = (jnp.arange(10) + 0.5) / 10
    simple = losses(DenoisingScoreMatching(VarianceWeighting(), NodeTimes(NODES)), model, x0, u, keys)
    plain = losses(DenoisingScoreMatching(UniformWeighting(), NodeTimes(NODES)), model, x0, u, keys)
    for i, t in enumerate(NODES):
        level, state, noise = noisy_state(process, jnp.asarray(t), x0[i], keys[i])
        alpha_bar = level.alpha**2
        network_input = model.parametrization.noise_input(level), state / model.parametrization.radius(level)
        predicted = model.network(*network_input)
        np.testing.assert_allclose(simple[i], 0.5 * jnp.sum((predicted - noise) ** 2), rtol=1e-9)
        np.testing.assert_allclose(model(jnp.asarray(t), state), -predicted / jnp.sqrt(1 - alpha_bar), rtol=1e-9)
        np.testing.assert_allclose(plain[i] * (1 - alpha_bar), simple[i], rtol=1e-9)


def test_trap_52_a_node_without_noise_is_refused():
    with pytest.raises(ValueError, match="leave out times without noise"):
        losses(DenoisingScoreMatching(times=NodeTimes([0.0, 0.5])), Denoiser(network(), VP()), *draws(2))


def test_ncsn_is_the_same_with_geometric_scales():
    """sigma^2 |s + (x - x0) / sigma^2|^2 / 2 at ten geometric scales (Song and Ermon 2019, eqs. 5 and 6)."""
    process, sigmas = EDM(), np.geomspace(0.01, 10.0, 10)
    model, (x0, _, keys) = Denoiser(network(), process), draws(10)
    u = (jnp.arange(10) + 0.5) / 10
    value = losses(DenoisingScoreMatching(VarianceWeighting(), NodeTimes(sigmas)), model, x0, u, keys)
    for i, sigma in enumerate(sigmas):
        _, state, _ = noisy_state(process, jnp.asarray(sigma), x0[i], keys[i])
        error = model(jnp.asarray(sigma), state) + (state - x0[i]) / sigma**2
        np.testing.assert_allclose(value[i], 0.5 * sigma**2 * jnp.sum(error**2), rtol=1e-8)


def test_flow_matching_is_denoising_with_the_weight_of_the_velocity():
    """On the straight path: |v_theta - (noise - x0)|^2 / 2, uniform over the clock."""
    process = Straight()
    model, (x0, u, keys) = Denoiser(network(), process, PredictVelocity(process)), draws(8)
    value = losses(DenoisingScoreMatching(VelocityWeighting(), UniformTimes()), model, x0, u, keys)
    for x, v, key, got in zip(x0, u, keys, value, strict=True):
        t = process.t0 + (process.t1 - process.t0) * v
        level, state, noise = noisy_state(process, t, x, key)
        output = model.network(model.parametrization.noise_input(level), state / model.parametrization.radius(level))
        expected = 0.5 * (process.t1 - process.t0) * jnp.sum((output - (noise - x)) ** 2)
        np.testing.assert_allclose(got, expected, rtol=1e-8)


@pytest.mark.parametrize("process", [VP(), VE(), EDM(), Straight()], ids=repr)
def test_weights_in_closed_form(process):
    """The velocity weight is (sigma d log(sigma / alpha) / dt)^2 on the noise; Min-SNR caps the weight on the data."""
    for share in (0.02, 0.4, 0.9):
        t = jnp.asarray(process.t0 + share * (process.t1 - process.t0))
        (alpha, sigma), (alpha_rate, sigma_rate) = jax.jvp(process.level, (t,), (jnp.ones_like(t),))
        np.testing.assert_allclose(
            VelocityWeighting()(process, t), sigma**2 * (sigma_rate - alpha_rate * sigma / alpha) ** 2, rtol=1e-9
        )
        ratio = alpha**2 / sigma**2
        # |s error|^2 = (alpha / sigma^2)^2 |x0 error|^2
        on_data = MinSNRWeighting(2.0)(process, t) * (alpha / sigma**2) ** 2
        np.testing.assert_allclose(on_data, jnp.minimum(ratio, 2.0), rtol=1e-9)
        assert UniformWeighting()(process, t) == 1


def test_weights_of_noise_levels_are_refused_on_clean_data():
    t = jnp.asarray(0.5)
    for weighting in (VarianceWeighting(), MinSNRWeighting(), VelocityWeighting()):
        with pytest.raises(TypeError, match="got Clean"):
            weighting(Clean(), t)
    for times in (LogNormalTimes(), LikelihoodTimes()):
        with pytest.raises(TypeError, match="got Clean"):
            times.quantile(Clean(), t)
    assert UniformTimes().density(Clean(), t) == UniformWeighting()(Clean(), t) == 1


@pytest.mark.parametrize("weighting", [MinSNRWeighting(), VelocityWeighting()], ids=repr)
@pytest.mark.parametrize("times", [UniformTimes(), LogNormalTimes(-0.5, 1.5)], ids=repr)
def test_trap_10_new_weights_under_laws_of_times(weighting, times):
    """Explicit loss of N(0, 1.3) against N(0, 0.5) by the midpoint rule over the clock."""
    process, p, q = VP(t0=0.01), 0.5, 1.3
    data = (rows_of(centred(p), DRAWS, key=jax.random.key(1)), *strata(DRAWS, key=jax.random.key(2)))
    objective = ExplicitScoreMatching(ExactDenoiser.create(centred(p), process), weighting, times)
    value = losses(objective, ExactDenoiser.create(centred(q), process), *data)
    t = process.t0 + (process.t1 - process.t0) * (jnp.arange(20_000) + 0.5) / 20_000
    alpha, sigma = jax.vmap(process.level)(t)
    vp, vq = alpha**2 * p + sigma**2, alpha**2 * q + sigma**2
    rate = 0.5 * jax.vmap(lambda s: weighting(process, s))(t) * vp * (1 / vp - 1 / vq) ** 2
    assert abs(value.mean() - (process.t1 - process.t0) * rate.mean()) < 4 * standard_error(value)


def test_trap_09_the_control_variate_keeps_the_mean_and_lowers_the_variance():
    """At sigma = 1e-2 and for any model; with the whole clock it lowers the variance of the default too."""
    process = EDM()
    wrong = Denoiser(network(), process)
    exact = ExactDenoiser.create(mixture(), process)
    data = draws()
    for model in (wrong, exact):
        for weighting, times, gain in ((UniformWeighting(), FixedTime(1e-2), 100.0), (None, None, 1.2)):
            plain, reduced = (
                losses(
                    DenoisingScoreMatching(control_variate=flag)
                    if weighting is None
                    else DenoisingScoreMatching(weighting, times, flag),
                    model,
                    *data,
                )
                for flag in (False, True)
            )
            assert abs((plain - reduced).mean()) < 4 * standard_error(plain - reduced)
            assert plain.var() > gain * reduced.var()


def test_trap_09_the_factor_of_the_control_variate_is_the_best_for_the_standard_normal():
    """Covariance over variance of the plain loss and the variate, exact model of N(0, 1), at three levels."""
    exact = ExactDenoiser.create(centred(1.0), EDM())
    data = (rows_of(centred(1.0), DRAWS, key=jax.random.key(1)), *strata(DRAWS, key=jax.random.key(2)))
    for sigma in (0.1, 1.0, 5.0):
        plain, reduced = (
            np.asarray(losses(DenoisingScoreMatching(VarianceWeighting(), FixedTime(sigma), flag), exact, *data))
            for flag in (False, True)
        )
        c, s = 1 / (1 + sigma**2), sigma**2 / (1 + sigma**2)
        variate = (plain - reduced) / (c**2 * (1 + 2 * s) / (1 + 2 * s * c))
        best = np.cov(plain, variate)[0, 1] / variate.var()
        assert abs(best - c**2 * (1 + 2 * s) / (1 + 2 * s * c)) < 0.05


def test_denoising_a_plain_score_is_denoising_a_denoiser():
    """A score given as a function has the loss of the denoiser it came from."""
    exact = ExactDenoiser.create(mixture(), VP())
    plain = ScoreFunction(lambda t, x, condition: exact(t, x), VP())
    data = draws(64)
    for objective in (DenoisingScoreMatching(), DenoisingScoreMatching(VarianceWeighting(), UniformTimes(), True)):
        np.testing.assert_allclose(losses(objective, plain, *data), losses(objective, exact, *data), rtol=1e-6)
