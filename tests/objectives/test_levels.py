"""Denoising score matching in the forms of the literature: one noise level, DDPM, NCSN, flow matching, Min-SNR.

Most are identities per example, at equal keys; means are held to 4 SE (false-alarm rate 6e-5).
"""

import functools

import equinox as eqx
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

pytestmark = pytest.mark.usefixtures("double")  # float64, and no tolerance below 1e-9

DRAWS = 20_000


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
    """Rows of the mixture, quantiles and keys; fewer rows are still spread over all quantiles."""
    return tuple(part[:: DRAWS // count] for part in mixture_draws())


@functools.cache
def mixture_draws():
    return rows_of(mixture(), DRAWS, key=jax.random.key(1)), *strata(DRAWS, key=jax.random.key(2))


@functools.cache
def centred_draws(variance: float):
    return rows_of(centred(variance), DRAWS, key=jax.random.key(1)), *strata(DRAWS, key=jax.random.key(2))


@eqx.filter_jit
def seen(model, t, x0, keys):
    """Level, state, noise and score of every example at its time, as every objective draws them from its key."""

    def one(t, x, key):
        level, noise = model.process.level(t), jax.random.normal(jax.random.split(key, 3)[0], x.shape)
        state = level.alpha * x + level.sigma * noise
        return level, state, noise, model(t, state)

    return jax.vmap(one)(t, x0, keys)


@eqx.filter_jit
def outputs(model, level, state):
    """What the network inside a denoiser says of every state."""

    def one(level, x):
        return model.network(model.parametrization.noise_input(level), x / model.parametrization.radius(level))

    return jax.vmap(one)(level, state)


@pytest.mark.parametrize("build", [Denoiser, ScoreNetwork], ids=lambda c: c.__name__)
def test_trap_08_score_form_and_noise_form_at_one_level(build):
    """|s + noise / sigma|^2 = |sigma s + noise|^2 / sigma^2, for denoisers and for plain scores."""
    model, (x0, u, keys) = build(network(), VP()), draws(10)
    value = losses(DenoisingScoreMatching(UniformWeighting(), FixedTime(0.2)), model, x0, u, keys)
    level, _, noise, score = jax.tree.map(np.asarray, seen(model, np.full(10, 0.2), x0, keys))
    sigma = level.sigma[:, None]
    np.testing.assert_allclose(value, 0.5 * np.sum((score + noise / sigma) ** 2, axis=1), rtol=1e-9)
    np.testing.assert_allclose(value, 0.5 * np.sum((sigma * score + noise) ** 2, axis=1) / sigma[:, 0] ** 2, rtol=1e-9)


def test_a_time_outside_the_clock_is_refused():
    model, data = Denoiser(network(), VP()), draws(10)
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
    model = Denoiser(network(), VP(), PredictNoise())
    x0, _, keys = draws(10)
    u = (jnp.arange(10) + 0.5) / 10
    weightings = (VarianceWeighting(), UniformWeighting())
    simple, plain = losses(tuple(DenoisingScoreMatching(w, NodeTimes(NODES)) for w in weightings), model, x0, u, keys)
    level, state, noise, score = seen(model, NODES, x0, keys)
    predicted, rest = np.asarray(outputs(model, level, state)), 1 - np.asarray(level.alpha) ** 2
    np.testing.assert_allclose(simple, 0.5 * np.sum((predicted - noise) ** 2, axis=1), rtol=1e-9)
    np.testing.assert_allclose(score, -predicted / np.sqrt(rest)[:, None], rtol=1e-9)
    np.testing.assert_allclose(plain * rest, simple, rtol=1e-9)


def test_trap_52_a_node_without_noise_is_refused():
    with pytest.raises(ValueError, match="leave out times without noise"):
        losses(DenoisingScoreMatching(times=NodeTimes([0.0, 0.5])), Denoiser(network(), VP()), *draws(10))


def test_ncsn_is_the_same_with_geometric_scales():
    """sigma^2 |s + (x - x0) / sigma^2|^2 / 2 at ten geometric scales (Song and Ermon 2019, eqs. 5 and 6)."""
    process, sigmas = EDM(), np.geomspace(0.01, 10.0, 10)
    model, (x0, _, keys) = Denoiser(network(), process), draws(10)
    u = (jnp.arange(10) + 0.5) / 10
    value = losses(DenoisingScoreMatching(VarianceWeighting(), NodeTimes(sigmas)), model, x0, u, keys)
    _, state, _, score = jax.tree.map(np.asarray, seen(model, sigmas, x0, keys))
    error = score + (state - x0) / sigmas[:, None] ** 2
    np.testing.assert_allclose(value, 0.5 * sigmas**2 * np.sum(error**2, axis=1), rtol=1e-8)


def test_flow_matching_is_denoising_with_the_weight_of_the_velocity():
    """On the straight path: |v_theta - (noise - x0)|^2 / 2, uniform over the clock."""
    process = Straight()
    model, (x0, u, keys) = Denoiser(network(), process, PredictVelocity(process)), draws(10)
    value = losses(DenoisingScoreMatching(VelocityWeighting(), UniformTimes()), model, x0, u, keys)
    length = process.t1 - process.t0
    level, state, noise, _ = seen(model, process.t0 + length * np.asarray(u), x0, keys)
    error = np.asarray(outputs(model, level, state)) - (np.asarray(noise) - x0)
    np.testing.assert_allclose(value, 0.5 * length * np.sum(error**2, axis=1), rtol=1e-8)


@pytest.mark.parametrize("process", [VP(), VE(), EDM(), Straight()], ids=repr)
def test_weights_in_closed_form(process):
    """The velocity weight is (sigma d log(sigma / alpha) / dt)^2 on the noise; Min-SNR caps the weight on the data."""

    @jax.jit
    @jax.vmap
    def weights(t):
        weightings = (VelocityWeighting(), MinSNRWeighting(2.0), UniformWeighting())
        return jax.jvp(process.level, (t,), (jnp.ones_like(t),)), [w(process, t) for w in weightings]

    times = process.t0 + np.array([0.02, 0.4, 0.9]) * (process.t1 - process.t0)
    ((alpha, sigma), (alpha_rate, sigma_rate)), (velocity, capped, one) = jax.tree.map(np.asarray, weights(times))
    np.testing.assert_allclose(velocity, sigma**2 * (sigma_rate - alpha_rate * sigma / alpha) ** 2, rtol=1e-9)
    # |s error|^2 = (alpha / sigma^2)^2 |x0 error|^2
    on_data = capped * (alpha / sigma**2) ** 2
    np.testing.assert_allclose(on_data, np.minimum(alpha**2 / sigma**2, 2.0), rtol=1e-9)
    assert np.all(one == 1)


def test_weights_of_noise_levels_are_refused_on_clean_data():
    t = jnp.asarray(0.5)
    for weighting in (VarianceWeighting(), MinSNRWeighting(), VelocityWeighting()):
        with pytest.raises(TypeError, match="got Clean"):
            weighting(Clean(), t)
    for times in (LogNormalTimes(), LikelihoodTimes()):
        with pytest.raises(TypeError, match="got Clean"):
            times.quantile(Clean(), t)
    assert UniformTimes().density(Clean(), t) == UniformWeighting()(Clean(), t) == 1


@pytest.mark.parametrize("times", [UniformTimes(), LogNormalTimes(-0.5, 1.5)], ids=repr)
def test_trap_10_new_weights_under_laws_of_times(times):
    """Explicit loss of N(0, 1.3) against N(0, 0.5) by the midpoint rule over the clock."""
    process, p, q = VP(t0=0.01), 0.5, 1.3
    weightings = (MinSNRWeighting(), VelocityWeighting())
    target = ExactDenoiser.create(centred(p), process)
    objectives = tuple(ExplicitScoreMatching(target, weighting, times) for weighting in weightings)
    values = losses(objectives, ExactDenoiser.create(centred(q), process), *centred_draws(p))
    t = process.t0 + (process.t1 - process.t0) * (np.arange(20_000) + 0.5) / 20_000
    (alpha, sigma), weights = jax.jit(jax.vmap(lambda s: (process.level(s), [w(process, s) for w in weightings])))(t)
    alpha, sigma = np.asarray(alpha), np.asarray(sigma)
    vp, vq = alpha**2 * p + sigma**2, alpha**2 * q + sigma**2
    for value, weight in zip(values, weights, strict=True):
        rate = 0.5 * np.asarray(weight) * vp * (1 / vp - 1 / vq) ** 2
        assert abs(np.mean(value) - (process.t1 - process.t0) * rate.mean()) < 4 * standard_error(value)


def test_trap_09_the_control_variate_keeps_the_mean_and_lowers_the_variance():
    """At sigma = 1e-2 and for any model; with the whole clock it lowers the variance of the default too."""
    process = EDM()
    wrong = Denoiser(network(), process)
    exact = ExactDenoiser.create(mixture(), process)
    one_level = {"weighting": UniformWeighting(), "times": FixedTime(1e-2)}
    objectives = [[DenoisingScoreMatching(control_variate=f, **how) for f in (False, True)] for how in (one_level, {})]
    for model in (wrong, exact):
        values = jax.tree.map(np.asarray, losses(objectives, model, *draws()))
        for (plain, reduced), gain in zip(values, (100.0, 1.2), strict=True):
            assert abs((plain - reduced).mean()) < 4 * standard_error(plain - reduced)
            assert plain.var() > gain * reduced.var()


def test_trap_09_the_factor_of_the_control_variate_is_the_best_for_the_standard_normal():
    """Covariance over variance of the plain loss and the variate, exact model of N(0, 1), at three levels."""
    exact = ExactDenoiser.create(centred(1.0), EDM())
    sigmas = (0.1, 1.0, 5.0)
    objectives = [
        [DenoisingScoreMatching(VarianceWeighting(), FixedTime(sigma), flag) for flag in (False, True)]
        for sigma in sigmas
    ]
    values = jax.tree.map(np.asarray, losses(objectives, exact, *centred_draws(1.0)))
    for sigma, (plain, reduced) in zip(sigmas, values, strict=True):
        c, s = 1 / (1 + sigma**2), sigma**2 / (1 + sigma**2)
        variate = (plain - reduced) / (c**2 * (1 + 2 * s) / (1 + 2 * s * c))
        best = np.cov(plain, variate)[0, 1] / variate.var()
        assert abs(best - c**2 * (1 + 2 * s) / (1 + 2 * s * c)) < 0.05


def test_denoising_a_plain_score_is_denoising_a_denoiser():
    """A score given as a function has the loss of the denoiser it came from."""
    exact = ExactDenoiser.create(mixture(), VP())
    plain = ScoreFunction(lambda t, x, condition: exact(t, x), VP())
    objectives = (DenoisingScoreMatching(), DenoisingScoreMatching(VarianceWeighting(), UniformTimes(), True))
    ours, theirs = (losses(objectives, model, *draws(100)) for model in (plain, exact))
    for value, truth in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(value, truth, rtol=1e-6)
