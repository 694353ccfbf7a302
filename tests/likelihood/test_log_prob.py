"""Log-densities against closed forms at t0, and against the draws of the default sampler."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.stats import norm

from oracles import awake, log_densities, mixture, noisy, rows_of
from scorax.likelihood import log_prob, row_log_prob
from scorax.models import Denoiser, ScoreFunction
from scorax.networks import MLP, ResMLP
from scorax.objectives import DenoisingScoreMatching
from scorax.processes import EDM, VE, VP, GaussianLaw
from scorax.samplers import Heun, sample
from scorax.targets import ExactDenoiser, gaussian
from scorax.training import FitOptions, fit

pytestmark = pytest.mark.usefixtures("double")  # tolerances far above rounding; bits are in test_lanes.py
KEY = jax.random.key(0)
LONG = pytest.mark.slow  # another process or dimension is a program of seconds each; CI runs them
FAR = VP(t1=1.5)
"""A clock so long that the law at its end is Gaussian to rounding: what is left is the error of the method."""


def points(law, count: int = 24):
    """Draws, and one outlier nine standard deviations out."""
    return jnp.concatenate([rows_of(law, count, key=KEY), jnp.full((1, law.dimension), 3.0)])


def as_function(exact: ExactDenoiser) -> ScoreFunction:
    return ScoreFunction(fn=lambda t, x, condition: exact(t, x), process=exact.process, moments=exact.moments)


@pytest.mark.parametrize(
    ("dtype", "tolerance", "dimension", "function"),
    [
        ("float64", 1e-5, 1, False),
        pytest.param("float64", 1e-5, 8, False, marks=LONG),
        ("float64", 1e-5, 2, True),
        ("float32", 1e-2, 8, False),
    ],
)
def test_exact_mixture_score_gives_the_closed_density(dtype, tolerance, dimension, function):
    """Flow in the angle for denoisers, in the clock of the process for score functions; default settings."""
    law = mixture(dimension)
    x = points(noisy(law, FAR))
    with jax.enable_x64(dtype == "float64"):
        exact = ExactDenoiser.create(mixture(dimension), FAR)
        got = log_prob(as_function(exact) if function else exact, np.asarray(x, dtype))
    assert got.value.dtype == dtype
    assert np.all(got.converged)
    np.testing.assert_allclose(got.value, log_densities(noisy(law, FAR), x), rtol=0, atol=tolerance)


def test_exact_mixture_score_gives_the_closed_density_in_64_dimensions():
    """Row by row: the lanes of a block would be solved for three rows, too, 64 products of 64 rows at every stage."""
    law = mixture(64)
    x = points(noisy(law, FAR), 2)
    got = jax.jit(jax.vmap(lambda row: row_log_prob(ExactDenoiser.create(law, FAR), row)))(x)
    assert np.all(got.converged)
    np.testing.assert_allclose(got.value, log_densities(noisy(law, FAR), x), rtol=0, atol=1e-4)


CEILINGS = [EDM(t1=1.0), VE(sigma_max=1.0), VP(t1=0.2)]
HIGHER = [EDM(t1=10.0), EDM(), VE(sigma_max=80.0), VP()]


@pytest.mark.parametrize("process", [*CEILINGS, *(pytest.param(p, marks=LONG) for p in HIGHER)], ids=repr)
def test_trap_20_any_gaussian_at_any_ceiling(process):
    """Moment-matched ends leave no error on N(m, v), v != 1, however low the largest noise is."""
    law = gaussian(np.array([5.0]), np.array([[0.3]]))
    at = noisy(law, process)
    x = at.components.mean + jnp.array([[-2.0], [0.0], [1.0]]) * jnp.sqrt(at.components.variances)
    got = log_prob(ExactDenoiser.create(law, process), x).value
    np.testing.assert_allclose(got, log_densities(at, x), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("t1", "known"), [(10.0, 0.125), pytest.param(50.0, 0.005, marks=LONG)])
def test_trap_19_bias_of_an_unmatched_end_is_a_divergence(t1, known):
    """Without moments the end is N(0, 1 + t1^2): the mean log-density of N(5, 1) falls short by KL = 25 / (2 (1 + t1^2)).

    The mean over the law by Gauss-Hermite quadrature of 20 nodes, so nothing is random.
    """
    law, process = gaussian(np.array([5.0]), np.eye(1)), EDM(t1=t1)
    at = noisy(law, process)
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    x = at.components.mean + jnp.asarray(nodes)[:, None] * jnp.sqrt(at.components.variances)
    got = log_prob(ExactDenoiser(target=law, process=process, moments=None), x).value
    bias = weights @ np.asarray(got - log_densities(at, x)) / weights.sum()
    np.testing.assert_allclose(bias, -25 / (2 * (1 + t1**2)), rtol=1e-4)
    np.testing.assert_allclose(-bias, known, rtol=0.02)


def test_trap_20_mismatch_of_a_mixture_falls_with_the_ceiling():
    """Matched to two moments the end of a mixture is off by its third: error falls as t1^-3, and is small at 80."""
    law = mixture()
    x = points(law)[:-1]
    errors = []
    for t1 in (5.0, 80.0):
        process = EDM(t1=t1)
        gaps = np.asarray(log_prob(ExactDenoiser.create(law, process), x).value - log_densities(noisy(law, process), x))
        errors.append(np.abs(gaps).max())
    assert errors[1] < 1e-5
    assert 1e-3 < errors[0] < 0.1


@pytest.mark.parametrize(("ratio", "known"), [(1.0, -0.35), (0.3, -1.25)])
def test_trap_21_gap_to_the_clean_density_at_the_mode(ratio, known):
    """log p_t0 - log p_0 = -log(1 + r^-2) / 2 at the mode of N(0, s^2), s = r t0."""
    process = EDM(t0=0.05)
    s = ratio * process.t0
    value = log_prob(ExactDenoiser.create(gaussian(np.zeros(1), np.array([[s**2]])), process), jnp.zeros((1, 1))).value[
        0
    ]
    gap = float(value) - norm.logpdf(0.0, scale=s)
    np.testing.assert_allclose(gap, -0.5 * np.log(1 + ratio**-2), atol=1e-5)
    np.testing.assert_allclose(gap, known, atol=0.01)


def test_trap_21_first_order_gap_of_a_smooth_law():
    """log p_t0 - log p_0 is about t0^2 / 2 (div s + |s|^2) where the law is wide against t0 (EDM)."""
    law = mixture()
    x = points(law)[:-1]
    for t0 in (0.01, 0.02):
        at = noisy(law, EDM(t0=t0))
        gap = log_prob(ExactDenoiser.create(law, EDM(t0=t0)), x).value - log_densities(law, x)
        first = 0.5 * t0**2 * (jax.vmap(at.divergence)(x) + jnp.sum(jax.vmap(at.score)(x) ** 2, axis=-1))
        # Second order: t0^4 times fourth derivatives of a law whose narrowest width is 0.3.
        np.testing.assert_allclose(gap, first, atol=5 * (t0 / 0.3) ** 4 + 1e-5)


@pytest.mark.parametrize("scale", [1.0, 0.1, 1e-2, 1e-3])
def test_trap_28_narrow_data_at_default_settings(scale):
    """N(0.3, s^2) down to three standard deviations of its noisy law, to a thousandth of a nat; VP starts at about 1e-3."""
    law = gaussian(np.full(1, 0.3), np.array([[scale**2]]))
    for process in (VP(), EDM()):
        at = noisy(law, process)
        x = at.components.mean + jnp.linspace(-3, 3, 7)[:, None] * jnp.sqrt(at.components.variances)
        got = log_prob(ExactDenoiser.create(law, process), x)
        np.testing.assert_allclose(got.value, log_densities(at, x), rtol=0, atol=1e-3)
        assert np.all(got.converged)


@pytest.mark.parametrize("process", [FAR, pytest.param(EDM(), marks=LONG)], ids=repr)
def test_gradient_of_log_prob_is_the_model(process):
    """Law of the process at t0: central differences of log_prob against model(t0, x)."""
    model, h = ExactDenoiser.create(mixture(), process), 1e-3
    for x in (jnp.array([0.3, -0.2]), jnp.array([-0.8, 0.9])):
        shifted = log_prob(model, jnp.concatenate([x + h * jnp.eye(2), x - h * jnp.eye(2)]), tolerance=1e-9).value
        gradient = (shifted[:2] - shifted[2:]) / (2 * h)
        np.testing.assert_allclose(gradient, model(jnp.asarray(process.t0), x), rtol=1e-4, atol=1e-4)


def test_a_failed_solve_says_so():
    """Without a value, and with an infinite error; the row beside it is not touched."""
    got = log_prob(ExactDenoiser.create(mixture(), FAR), jnp.array([[jnp.inf, 0.0], [0.0, 0.0]]))
    assert np.array_equal(got.converged, [False, True])
    assert np.array_equal(np.isnan(got.value), [True, False])
    assert np.array_equal(np.isinf(got.total_error), [True, False])


def test_no_rows_and_no_tolerance():
    model = ExactDenoiser.create(mixture(), FAR)
    assert log_prob(model, jnp.zeros((0, 2))).value.shape == (0,)
    for function in (
        lambda: log_prob(model, jnp.zeros((1, 2)), tolerance=0.0),
        lambda: row_log_prob(model, jnp.zeros(2), tolerance=-1.0),
    ):
        with pytest.raises(ValueError, match="tolerance above 0"):
            function()


def test_an_untrained_model_is_the_standard_normal():
    """Zero last layer, VP (alpha^2 + sigma^2 = 1): exactly N(0, I) at t0. An MLP's bound is so in ``test_elbo.py``."""
    model = Denoiser(network=ResMLP(3, width=8, depth=1, key=KEY), process=VP())
    x = jax.random.normal(KEY, (9, 3))
    expected = norm.logpdf(np.asarray(x)).sum(-1)
    np.testing.assert_allclose(log_prob(model, x).value, expected, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def networks():
    """A network with random weights, and the same one fitted for 300 steps to a mixture, in float32."""
    with jax.enable_x64(False):
        rows = rows_of(mixture(), 2000, key=KEY)
        moments = GaussianLaw.from_moments(np.asarray(rows.mean(0)), np.cov(np.asarray(rows).T))
        plain = Denoiser(network=MLP(2, width=16, depth=2, key=KEY), process=VP(), moments=moments)
        *_, last = fit(
            plain,
            DenoisingScoreMatching(),
            rows,
            optax.adam(3e-3),
            key=KEY,
            num_steps=300,
            options=FitOptions(batch_size=128, ema_decay=0.98),
        )
        random = awake(plain.network, key=jax.random.key(1), size=0.2)
        return {"random": Denoiser(network=random, process=VP(), moments=moments), "fitted": last.model(plain)}


@pytest.mark.parametrize("name", ["random", "fitted"])
def test_default_draws_follow_the_law_that_log_prob_describes(networks, name):
    """Density over a grid: integral 1 within 1%; expectations under it = means over 8192 default draws within 4 SE.

    Nine functions of a row, log p among them (the entropy identity): false-alarm rate 6e-4 for a model.
    """
    model = networks[name]
    side, step = np.linspace(-4.5, 4.5, 46, retstep=True)
    grid = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    with jax.enable_x64(False):
        log_density = np.asarray(log_prob(model, grid.astype(np.float32), estimate_error=False).value, np.float64)
        draws = np.asarray(sample(model, Heun(), 8192, key=jax.random.key(2)))
        own = log_prob(model, draws[:1024], estimate_error=False).value
    mass = np.exp(log_density) * step**2
    assert abs(mass.sum() - 1) < 0.01

    def functions(x):
        a, b = x.T
        return np.stack([a, b, a**2, a * b, b**2, np.tanh(3 * a), np.tanh(3 * (a - b)), np.cos(2 * a + b)])

    values = functions(draws.astype(np.float64))
    assert np.all(np.abs(values.mean(-1) - functions(grid) @ mass / mass.sum()) < 4 * values.std(-1) / np.sqrt(8192))
    entropy = (mass * log_density).sum() / mass.sum()
    own = np.asarray(own, np.float64)
    assert abs(own.mean() - entropy) < 4 * own.std() / np.sqrt(len(own))


def test_default_draws_of_an_exact_mixture_have_its_entropy():
    """Mean log-density of 8192 default draws against that of 8192 exact draws, within 4 SE of the difference."""
    at = noisy(mixture(), VP())
    ours = log_densities(at, sample(ExactDenoiser.create(mixture(), VP()), Heun(), 8192, key=KEY))
    exact = log_densities(at, rows_of(at, 8192, key=jax.random.key(7)))
    assert abs(float(jnp.mean(ours) - jnp.mean(exact))) < 4 * np.hypot(np.std(ours), np.std(exact)) / np.sqrt(8192)
