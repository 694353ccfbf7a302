"""Log-densities and log-probabilities in the units of the data."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm as jnorm
from scipy.stats import norm

from oracles import mixture, rows_of
from scorax.likelihood import ExactDivergence, Hutchinson, bits_per_dim, data_log_prob, smoothed_log_prob
from scorax.models import ScoreFunction
from scorax.processes import EDM, VP, GaussianLaw
from scorax.targets import ExactDenoiser, gaussian
from scorax.transforms import AbstractTransform, Encoded, Standardize

pytestmark = pytest.mark.usefixtures("double")

KEY = jax.random.key(0)


class Probit(AbstractTransform):
    """From (0, top) to the line by the normal quantile: uniform data become exactly standard normal."""

    top: float

    def encode(self, row, *, key):
        z = jax.scipy.special.ndtri(row / self.top)
        return Encoded(z, jnp.sum(-jnorm.logpdf(z) - math.log(self.top)))

    def decode(self, z):
        return self.top * jax.scipy.special.ndtr(z)


def standard(d: int) -> ExactDenoiser:
    return ExactDenoiser.create(gaussian(np.zeros(d), np.eye(d)), VP())


@pytest.mark.parametrize("bits", [8, 4])
def test_trap_31_uniform_integers_take_their_bits(bits):
    """Uniform 8-bit data: 8.000 bits/dim, 4-bit: 4.000, by both bounds: the density is flat, so nothing is lost by Jensen.

    VP has alpha^2 + sigma^2 = 1: the law at t0 is standard normal, too; the smoothed density differs by 1e-4 at most.
    """
    levels = 2**bits
    rows = np.random.default_rng(0).integers(levels, size=(32, 3)) + 0.5
    for importance in (False, True):
        got = data_log_prob(
            standard(3), Probit(float(levels)), rows, widths=np.ones(3), draws=2, importance=importance, key=KEY
        )
        assert got.lower_bound
        np.testing.assert_allclose(bits_per_dim(got.value, np.ones(3)).mean(), bits, atol=5e-4)
        assert np.all(got.standard_error < 5e-3)


def test_bits_of_pictures_are_those_of_their_numbers():
    """4-bit pictures (2, 2, 1) of uniform numbers have four bits a number, and the value of the same rows laid flat."""
    rows, shape = np.random.default_rng(0).integers(16, size=(8, 4)) + 0.5, (2, 2, 1)
    law = GaussianLaw.standard(4)
    model = ScoreFunction(lambda t, x, condition: -x, VP(), moments=law)
    flat = data_log_prob(model, Probit(16.0), rows, widths=np.ones(4), key=KEY)
    own = data_log_prob(model, Probit(16.0), rows.reshape(-1, *shape), widths=np.ones(shape), key=KEY)
    np.testing.assert_allclose(own.value, flat.value, atol=1e-6)
    np.testing.assert_allclose(bits_per_dim(own.value, np.ones(shape)), 4, atol=2e-3)
    for widths in (1.0, None):
        with pytest.raises(ValueError, match="width of every column, got one number or none"):
            bits_per_dim(own.value, widths)


def rounded_normal(draws: int, importance: bool, count: int = 64):
    """Bounds on the probabilities of wide bins (half a standard deviation) of N(2, 3^2), and the truth of the blurred law."""
    process = EDM()
    widths = np.array([1.5])
    rows = (np.round(np.random.default_rng(1).normal(2, 3, size=(count, 1)) / widths) * widths).astype(float)
    transform = Standardize(np.array([2.0]), np.array([3.0]))
    model = ExactDenoiser.create(gaussian(np.zeros(1), np.eye(1)), process)
    got = data_log_prob(model, transform, rows, widths=widths, draws=draws, importance=importance, key=KEY)
    blurred = norm(2, 3 * math.hypot(1, process.t0))
    truth = np.log(blurred.cdf(rows + widths / 2) - blurred.cdf(rows - widths / 2))[:, 0]
    return got, truth


def test_trap_31_both_bounds_lie_below_and_the_weighted_one_closes():
    """Mean over 64 rows: E log p < log E p, estimated with errors whose four-fold covers; the second within it at K = 64."""
    plain, truth = rounded_normal(64, importance=False)
    weighted, _ = rounded_normal(64, importance=True)
    error = np.sqrt(np.sum(weighted.standard_error**2)) / len(truth)
    assert plain.value.mean() < weighted.value.mean() < truth.mean() + 4 * error
    np.testing.assert_allclose(weighted.value.mean(), truth.mean(), atol=4 * error + 1e-5)
    assert truth.mean() - plain.value.mean() > 4 * np.sqrt(np.sum(plain.standard_error**2)) / len(truth)


def test_trap_31_standard_error_of_the_bounds():
    """z-scores of 64 rows against the truth (weighted) have a root mean square of one within 40%: 4.5 standard errors."""
    weighted, truth = rounded_normal(64, importance=True)
    scores = (weighted.value - truth) / weighted.standard_error
    assert 0.6 < np.sqrt(np.mean(scores**2)) < 1.4


def test_trap_48_importance_weights_demand_the_exact_divergence():
    """A noisy trace of variance s^2 raises log E p by about s^2 / 2 (K large), past the truth: refused."""
    arguments = (standard(2), Standardize(np.zeros(2), np.ones(2)), np.zeros((1, 2)))
    with pytest.raises(ValueError, match="exact divergence"):
        data_log_prob(*arguments, widths=np.ones(2), draws=4, importance=True, divergence=Hutchinson(), key=KEY)
    data_log_prob(*arguments, widths=np.ones(2), draws=4, importance=True, divergence=ExactDivergence(), key=KEY)


def test_continuous_columns_have_densities_and_no_bits():
    """Standardised units: log p(x) = log p(z) - sum log scale of the blurred law; no bound, no noise, no bits."""
    shift, scale = np.array([5.0, -1e8]), np.array([1e-30, 1e30])
    rows = shift + scale * np.array([[0.3, -0.4], [2.0, 1.0]])
    process = VP()
    got = data_log_prob(standard(2), Standardize(shift, scale), rows, key=KEY)
    z = (rows - shift) / scale
    blurred = math.hypot(1, float(process.sigma(jnp.asarray(process.t0)) / process.alpha(jnp.asarray(process.t0))))
    expected = norm.logpdf(z, scale=blurred).sum(1) - np.log(scale).sum()
    np.testing.assert_allclose(got.value, expected, rtol=0, atol=1e-9)
    assert not got.lower_bound
    assert np.all(got.standard_error == 0)
    assert np.all(np.abs(got.value - expected) <= got.numerical_error)
    with pytest.raises(ValueError, match="bin width"):
        bits_per_dim(got.value, None)
    with pytest.raises(ValueError, match="bin width"):
        bits_per_dim(got.value, np.array([1.0, 0.0]))
    with pytest.raises(ValueError, match="draws = 4"):
        data_log_prob(standard(2), Standardize(shift, scale), rows, draws=4, key=KEY)


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_units_of_a_column_move_the_log_density_by_their_logarithm(offset):
    """In units c times as large a column has values c times as large and a density 1 / c times as large.

    Correlated columns, far rows, and an offset of 1e8 standard deviations, where the rows hold eight digits.
    """
    law = mixture(3)
    model = ExactDenoiser.create(law, EDM())
    z = np.concatenate([np.asarray(rows_of(law, 6, key=KEY)), np.full((1, 3), 5.0)])
    shift, scale = np.array([3.0, offset, -1.0]), np.array([2.0, 1.0, 0.5])
    rows = shift + scale * z
    before = data_log_prob(model, Standardize(shift, scale), rows, key=KEY).value
    for c in (1e-30, 0.3, 7e8, 1e30):
        change = np.array([1.0, c, 1.0])
        moved = data_log_prob(model, Standardize(shift * change, scale * change), rows * change, key=KEY).value
        np.testing.assert_allclose(moved - before, -np.log(c), rtol=0, atol=1e-4)


def test_rows_keep_their_noise_in_any_batch():
    transform, rows = Standardize(np.zeros(2), np.ones(2)), np.arange(8.0).reshape(4, 2)
    settings = dict(widths=np.ones(2), draws=2, key=KEY)
    whole = data_log_prob(standard(2), transform, rows, **settings)
    assert np.array_equal(data_log_prob(standard(2), transform, rows[2:], **settings).value, whole.value[2:])


def test_smoothed_density_is_that_of_the_blurred_law():
    """EDM has alpha = 1 and VP not: the density of data plus tan(a0) noise, at the data point itself."""
    for process in (EDM(t0=0.3), VP(t0=0.2)):
        model = ExactDenoiser.create(gaussian(np.ones(1), 4 * np.eye(1)), process)
        t0 = jnp.asarray(process.t0)
        blur = float(process.sigma(t0) / process.alpha(t0))
        got = smoothed_log_prob(model, np.array([[0.5]]))
        np.testing.assert_allclose(got.value, norm.logpdf(0.5, 1, math.hypot(2, blur)), atol=1e-7)


@pytest.mark.parametrize("widths", [np.array([0.5]), np.array([0.5, np.nan]), np.full((1, 2), 0.5)])
def test_widths_are_one_for_each_column(widths):
    """One for all would be spread over the noise and counted once in the bound."""
    with pytest.raises(ValueError, match="one for each column"):
        data_log_prob(standard(2), Standardize(np.zeros(2), np.ones(2)), np.zeros((1, 2)), widths=widths, key=KEY)
