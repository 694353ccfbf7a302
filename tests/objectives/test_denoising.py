"""Denoising score matching against closed forms; tolerances of means are 4 SE (false-alarm rate 6e-5) at fixed keys."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from oracles import awake, centred, mixture, standard_error
from oracles import losses as values
from scorax.models import (
    AbstractDenoiser,
    Denoiser,
    Karras,
    PredictData,
    Prediction,
    PredictNoise,
    PredictScore,
    PredictV,
    PredictVelocity,
)
from scorax.networks import MLP, AbstractNetwork
from scorax.objectives import (
    AbstractWeighting,
    DenoisingScoreMatching,
    EDMWeighting,
    LikelihoodTimes,
    LikelihoodWeighting,
    LogNormalTimes,
    UniformTimes,
    VarianceWeighting,
)
from scorax.processes import EDM, VE, VP, AbstractGaussianProcess
from scorax.targets import ExactDenoiser

pytestmark = pytest.mark.usefixtures("double")  # float64, and no tolerance below 1e-9

DRAWS = 20_000


class Slope(AbstractDenoiser):
    """The model score(x) = -slope x."""

    slope: jax.Array
    process: AbstractGaussianProcess
    moments: None = None

    def predict_at(self, level, x, condition=None, *, key=None):
        noise = level.sigma * self.slope * x
        return Prediction((x - level.sigma * noise) / level.alpha, noise)


class One(AbstractWeighting):
    """Weight one on the score."""

    def __call__(self, process, t):
        return jnp.ones_like(t)


@functools.cache
@functools.partial(jax.jit, static_argnums=(0, 1))
def draws(variance: float, dimension: int = 1):
    rows, strata, keys = jax.random.split(jax.random.key(0), 3)
    x0 = variance**0.5 * jax.random.normal(rows, (DRAWS, dimension))
    u = (jnp.arange(DRAWS) + jax.random.uniform(strata, (DRAWS,))) / DRAWS
    return x0, u, jax.random.split(keys, DRAWS)


def at_level(sigma: float) -> EDM:
    """A clock so short that it is one noise level."""
    return EDM(t0=sigma, t1=sigma * (1 + 1e-9))


def per_level(weighting, model, *args):
    """The weighted loss at one level; the length of the clock, which the density of uniform times brings in, divided out."""
    length = model.process.t1 - model.process.t0
    return np.asarray(values(DenoisingScoreMatching(weighting, UniformTimes()), model, *args)) / length


@pytest.mark.parametrize("sigma", [0.3, 1.0])
def test_trap_06_minimiser_and_sign(sigma):
    """The loss of score -a x on N(0, 1) is quadratic in a with its minimum at 1 / (1 + sigma^2), falling at a = 0."""
    data = draws(1.0)
    at = [per_level(VarianceWeighting(), Slope(jnp.asarray(a), at_level(sigma)), *data) for a in (-1.0, 0.0, 1.0)]
    slope, bend = (at[2] - at[0]) / 2, at[2] - 2 * at[1] + at[0]
    assert slope.mean() < 0
    minimum = -slope.mean() / bend.mean()
    error = standard_error(slope + minimum * bend) / bend.mean()
    assert abs(minimum - 1 / (1 + sigma**2)) < 4 * error
    assert error < 0.03


@pytest.mark.parametrize(("v", "sigma"), [(1.0, 0.5), (0.3, 1.0)])
def test_trap_07_floor_of_one_level(v, sigma):
    """Unhalved and with weight one the exact model leaves 1 / sigma^2 - 1 / (v + sigma^2) per coordinate (alpha = 1)."""
    model = ExactDenoiser.create(centred(v, 2), at_level(sigma))
    loss = 2 * per_level(One(), model, *draws(v, 2)) / 2
    assert abs(loss.mean() - (1 / sigma**2 - 1 / (v + sigma**2))) < 4 * standard_error(loss)


@pytest.mark.parametrize("process", [VP(), VE(), EDM()], ids=repr)
def test_trap_07_floor_of_the_whole_clock_in_nats(process):
    """With the likelihood weight: log r - log(v + r^2) / 2 between the ends, r = sigma / alpha."""
    v = 0.5
    loss = np.asarray(values(DenoisingScoreMatching(), ExactDenoiser.create(centred(v), process), *draws(v)))
    low, high = (float(process.log_ratio(jnp.asarray(t))) for t in (process.t0, process.t1))
    floor = (high - 0.5 * np.log(v + np.exp(2 * high))) - (low - 0.5 * np.log(v + np.exp(2 * low)))
    assert abs(loss.mean() - floor) < 4 * standard_error(loss)


class Expressed(AbstractNetwork):
    """The output that makes a parametrization say what the exact denoiser says, by least squares over the pair."""

    exact: ExactDenoiser
    parametrization: eqx.Module
    level: tuple

    def __call__(self, c_noise, x, condition=None, *, key=None):
        state = x * self.parametrization.radius(self.level)
        a, b, c, d = self.parametrization.coefficients(self.level)
        x0, noise = self.exact.predict_at(self.level, state)
        return (b * (x0 - a * state) + d * (noise - c * state)) / (b**2 + d**2)


@pytest.mark.parametrize(
    "objective",
    [DenoisingScoreMatching(), DenoisingScoreMatching(EDMWeighting(), LogNormalTimes())],
    ids=["nats", "edm"],
)
def test_trap_08_one_denoiser_has_one_loss(objective):
    """In every parametrization: the data, the noise, v, the velocity, the score, and Karras' at two scales."""
    exact = ExactDenoiser.create(mixture(), VP())
    x0, key = jnp.array([0.4, -0.1]), jax.random.key(1)
    parametrizations = [
        Karras(),
        Karras(data_scale=0.3),
        PredictV(),
        PredictNoise(),
        PredictData(),
        PredictVelocity(VP()),
        PredictScore(VP()),
    ]

    @jax.jit
    @jax.vmap
    def every_loss(u):
        level = exact.process.level(objective.times.quantile(exact.process, u))
        networks = [Expressed(exact, parametrization, level) for parametrization in parametrizations]
        written = [Denoiser(n, exact.process, p) for n, p in zip(networks, parametrizations, strict=True)]
        return jnp.stack([objective(model, x0, u, key=key) for model in (exact, *written)])

    truth, *losses = np.asarray(every_loss(jnp.array([0.02, 0.5, 0.97]))).T
    for parametrization, loss in zip(parametrizations, losses, strict=True):
        np.testing.assert_allclose(loss, truth, rtol=1e-6, err_msg=repr(parametrization))


def test_trap_09_variance_of_the_target_explodes_without_its_weight():
    """Unhalved loss of the exact model of N(0, v): variance 2 d (v / (s^2 (v + s^2)))^2 at weight one, 2 d with s^2."""
    sigma, v, d = 1e-2, 1.0, 2
    model, data = ExactDenoiser.create(centred(v, d), at_level(sigma)), draws(v, d)
    plain, weighted = (2 * per_level(w, model, *data) for w in (One(), VarianceWeighting()))
    share = v / (v + sigma**2)
    # A sum of d squared normals: the variance of the sample variance is (kurtosis - 1) / n of its square.
    tolerance = 4 * np.sqrt((3 + 12 / d - 1) / DRAWS)
    assert abs(plain.var() / (2 * d * share**2 / sigma**4) - 1) < tolerance
    assert abs(weighted.var() / (2 * d * share**2) - 1) < tolerance


@pytest.mark.parametrize("times", [UniformTimes(), LogNormalTimes(-0.5, 1.5), LikelihoodTimes()], ids=repr)
def test_trap_10_law_of_times_is_divided_out(times):
    """Excess loss of a wrong Gaussian model over the exact one against its integral over the clock, by quadrature."""
    process, p, q = VP(t0=0.01), 0.5, 1.3
    weightings = (VarianceWeighting(), EDMWeighting())
    objectives = [DenoisingScoreMatching(weighting, times) for weighting in weightings]
    wrong, right = (np.array(values(objectives, ExactDenoiser.create(centred(v), process), *draws(p))) for v in (q, p))

    @jax.jit
    def rates(t):
        alpha, sigma = process.level(t)
        vp, vq = alpha**2 * p + sigma**2, alpha**2 * q + sigma**2
        return [0.5 * weighting(process, t) * vp * (1 / vp - 1 / vq) ** 2 for weighting in weightings]

    for i, excess in enumerate(wrong - right):
        truth = quad(lambda t, i=i: float(rates(t)[i]), process.t0, process.t1, epsrel=1e-8)[0]
        assert abs(excess.mean() - truth) < 4 * standard_error(excess), weightings[i]


def test_trap_11_weights_in_closed_form():
    process, weightings = VP(), (LikelihoodWeighting(), VarianceWeighting(), EDMWeighting(data_scale=0.5))
    t = np.array([0.01, 0.3, 1.0])
    (alpha, sigma), weights = jax.jit(jax.vmap(lambda s: (process.level(s), [w(process, s) for w in weightings])))(t)
    alpha, sigma = np.asarray(alpha), np.asarray(sigma)
    beta = 0.1 + 19.9 * t
    density = norm.pdf(np.log(sigma / alpha), -1.2, 1.2) * beta / (2 * sigma**2)
    edm = sigma**2 * density * (alpha**2 * 0.25 + sigma**2) / (alpha**2 * 0.25)
    for weight, truth in zip(weights, (beta, sigma**2, edm), strict=True):
        np.testing.assert_allclose(weight, truth, rtol=1e-9)


def test_trap_11_likelihood_times_make_the_likelihood_weight_constant():
    """log sin(angle) uniform and weight one: the loss is the range times the squared error of v."""
    process, key, x0 = EDM(), jax.random.key(3), jnp.array([0.4, -0.1])
    model, objective = ExactDenoiser.create(mixture(), process), DenoisingScoreMatching()
    low, high = np.log(np.sin([float(process.angle(jnp.asarray(t))) for t in (process.t0, process.t1)]))

    @jax.jit
    @jax.vmap
    def both(u):
        t = objective.times.quantile(process, u)
        level = process.level(t)
        noise = jax.random.normal(jax.random.split(key)[0], x0.shape)
        prediction = model.predict_at(level, level.alpha * x0 + level.sigma * noise)
        v = (level.alpha * (prediction.noise - noise) - level.sigma * (prediction.x0 - x0)) / jnp.hypot(*level)
        return jnp.log(jnp.sin(process.angle(t))), objective(model, x0, u, key=key), v @ v

    u = np.array([0.1, 0.8])
    angle, loss, square = (np.asarray(part) for part in both(u))
    np.testing.assert_allclose(angle, low + (high - low) * u, rtol=1e-8)
    np.testing.assert_allclose(loss, (high - low) * square, rtol=1e-8)


@pytest.mark.parametrize("shift", [0.5, 3.0])
def test_trap_11_likelihood_weight_bounds_the_divergence_and_sigma_squared_does_not(shift):
    """The reverse SDE of N(0, v) with score + shift has a law N(m, V0) whose mean solves a linear ODE.

    Its KL at t0 is m^2 / (2 V0); the bound is 1/2 int g^2 shift^2 dt (the terminal laws agree). With sigma^2 in place of
    g^2 the same integral is too small.
    """
    process, v, steps = VP(), 0.5, 20_000
    t = np.linspace(process.t1, process.t0, steps + 1)

    @jax.jit
    @jax.vmap
    def rates(s):
        total = v * process.alpha(s) ** 2 + process.variance(s)
        weights = [weighting(process, s) for weighting in (LikelihoodWeighting(), VarianceWeighting())]
        return process.drift_coefficient(s), process.squared_diffusion(s), total, *weights

    f, g2, total, *weights = (np.asarray(part) for part in rates((t[1:] + t[:-1]) / 2))
    h = (process.t1 - process.t0) / steps
    mean = 0.0
    for i in range(steps):
        mean = mean - h * ((f[i] + g2[i] / total[i]) * mean - g2[i] * shift)
    start = float(v * process.alpha(jnp.asarray(process.t0)) ** 2 + process.variance(jnp.asarray(process.t0)))
    divergence = mean**2 / (2 * start)
    bounds = [0.5 * h * shift**2 * weight.sum() for weight in weights]
    assert bounds[1] < divergence < bounds[0]


def test_trap_39_the_loss_is_a_sum_over_coordinates():
    """Two independent copies of a coordinate cost twice as much; the optimum is the same."""
    one, two = (
        values(DenoisingScoreMatching(), ExactDenoiser.create(centred(0.5, d), VP()), *draws(0.5, d)) for d in (1, 2)
    )
    error = np.hypot(2 * standard_error(one), standard_error(two))
    assert abs(two.mean() - 2 * one.mean()) < 4 * error


def test_edm_weight_is_unit_weight_on_the_network():
    process, key, x0, u = VP(), jax.random.key(2), jnp.array([0.4, -0.1]), jnp.asarray(0.6)
    network = awake(MLP(2, width=8, depth=1, key=key), key=key)
    model = Denoiser(network=network, process=process)
    objective = DenoisingScoreMatching(EDMWeighting(), LogNormalTimes())

    @jax.jit
    def both():
        level = process.level(objective.times.quantile(process, u))
        noise = jax.random.normal(jax.random.split(key)[0], x0.shape)
        x = level.alpha * x0 + level.sigma * noise
        output = network(model.parametrization.noise_input(level), x / model.parametrization.radius(level))
        a, b, *_ = model.parametrization.coefficients(level)
        return objective(model, x0, u, key=key), jnp.sum((output - (x0 - a * x) / b) ** 2)

    loss, square = both()
    low, high = (norm.cdf(float(process.log_ratio(jnp.asarray(t))), -1.2, 1.2) for t in (process.t0, process.t1))
    np.testing.assert_allclose(loss, 0.5 * (high - low) * square, rtol=1e-6)


def test_loss_of_two_gaussians_is_in_nats():
    """Likelihood weight: loss of the model q less that of the truth p is KL(p || q) at t0 less the same at t1."""
    process, p, q = VP(), 0.5, 1.3
    objective = DenoisingScoreMatching()
    wrong, right = (np.asarray(values(objective, ExactDenoiser.create(centred(v), process), *draws(p))) for v in (q, p))
    excess = wrong - right
    alpha, sigma = (np.asarray(part) for part in jax.vmap(process.level)(jnp.array([process.t0, process.t1])))
    ratio = (alpha**2 * p + sigma**2) / (alpha**2 * q + sigma**2)
    divergence = 0.5 * (ratio - 1 - np.log(ratio))
    assert abs(excess.mean() - (divergence[0] - divergence[1])) < 4 * standard_error(excess)
    assert standard_error(excess) < 0.03
