"""Stochastic divergences: honest standard errors, the control variate, the choice between them and the exact one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import log_densities, noisy, rows_of
from scorax._probes import GaussianProbe, RademacherProbe, SphereProbe
from scorax.likelihood import ExactDivergence, Hutchinson, choose_divergence, log_prob
from scorax.models import ScoreFunction
from scorax.processes import EDM, VP
from scorax.targets import ExactDenoiser, GaussianMixture, gaussian

KEY = jax.random.key(0)
LOOSE = dict(tolerance=1e-4)


def correlated(d: int) -> GaussianMixture:
    """Two components of one strong common factor and unequal small ones."""
    generator = np.random.default_rng(0)
    covariances = []
    for _ in range(2):
        factor = generator.standard_normal((d, d)) / np.sqrt(d)
        covariances.append(0.3 * factor @ factor.T + 0.05 * np.eye(d) + 0.3)
    return GaussianMixture.create(np.ones(2) / 2, generator.standard_normal((2, d)) / 2, np.stack(covariances))


@pytest.fixture(scope="module")
def cases():
    """1,000 rows of a correlated mixture in 16 dimensions, their exact log-densities and those by 16 probes."""
    law, process = correlated(16), VP()
    at = noisy(law, process)
    x = np.asarray(rows_of(at, 1000, key=jax.random.key(3)))
    truth = np.asarray(log_densities(at, x))
    model = ExactDenoiser.create(law, process)
    plain, controlled = (
        log_prob(model, x, divergence=Hutchinson(16, control=control), key=KEY, **LOOSE) for control in (False, True)
    )
    return model, x, truth, plain, controlled


@pytest.mark.parametrize("place", [3, 4], ids=["plain", "controlled"])
def test_student_intervals_cover(cases, place):
    """95% intervals cover in 92.2 to 97.8% of 1,000 cases: four binomial standard errors of 0.69% each way."""
    truth, got = cases[2], cases[place]
    low, high = got.interval(0.95)
    covered = np.mean((low <= truth) & (truth <= high))
    assert 0.922 < covered < 0.978
    assert np.all(got.probes == 16)
    errors = np.asarray(got.value) - truth
    assert abs(errors.mean()) < 4 * errors.std() / np.sqrt(len(errors))  # unbiased


def test_the_control_variate_removes_the_common_factor(cases):
    """Same probes, same cost: root mean square error down by a third at least on this law."""
    truth, plain, controlled = cases[2:]
    errors = [np.sqrt(np.mean((np.asarray(got.value) - truth) ** 2)) for got in (plain, controlled)]
    assert errors[1] < 0.75 * errors[0]
    np.testing.assert_allclose(plain.value, controlled.value, atol=6 * np.max(plain.trace_error))


def test_trap_25_error_falls_with_the_root_of_the_probes(cases):
    """Four times the probes, half the error: ratio 2 within 15% over 512 rows (four standard errors of it are 12%)."""
    model, x, truth, _, many = cases
    few = log_prob(model, x[:512], divergence=Hutchinson(4), key=jax.random.key(4), estimate_error=False, **LOOSE)
    errors = [np.sqrt(np.mean((np.asarray(got.value)[:512] - truth[:512]) ** 2)) for got in (few, many)]
    np.testing.assert_allclose(errors[0] / errors[1], 2, rtol=0.15)


@pytest.mark.parametrize(
    ("probe", "angle"),
    [
        (RademacherProbe(), True),
        pytest.param(
            GaussianProbe(), True, marks=pytest.mark.slow
        ),  # normal probes are in the clock beside it; CI runs both
        (SphereProbe(), True),
        (GaussianProbe(), False),
    ],
    ids=repr,
)
def test_a_gaussian_needs_one_probe_only(probe, angle):
    """The control variate is exact for a Gaussian of any covariance: no variance is left, in the angle and in the clock."""
    generator = np.random.default_rng(1)
    factor = generator.standard_normal((3, 3))
    law, process = gaussian(np.ones(3), factor @ factor.T / 3 + 0.01 * np.eye(3)), EDM()
    exact = ExactDenoiser.create(law, process)
    model = exact if angle else ScoreFunction(lambda t, x, condition: exact(t, x), process, moments=exact.moments)
    at = noisy(law, process)
    x = rows_of(at, 3, key=KEY)
    got = log_prob(model, x, divergence=Hutchinson(2, probe), estimate_error=False, key=KEY, **LOOSE)
    assert np.all(got.trace_error < 4e-3)
    np.testing.assert_allclose(got.value, log_densities(at, x), atol=4e-3)


@pytest.mark.bits
def test_a_row_keeps_its_probes_in_any_batch(cases):
    """Bit for bit: probes follow from the key and the content of the row."""
    model, x, _, _, whole = cases
    part = log_prob(model, x[[70, 3]], divergence=Hutchinson(16), key=KEY, **LOOSE)
    for got, expected in zip(part, whole, strict=True):
        assert np.array_equal(got, np.asarray(expected)[[70, 3]])


def test_one_probe_has_no_known_error():
    model = ExactDenoiser.create(correlated(4), VP())
    got = log_prob(model, jnp.zeros((1, 4)), divergence=Hutchinson(1), key=KEY, **LOOSE)
    assert np.all(np.isfinite(got.value))
    assert np.all(np.isnan(got.total_error))
    with pytest.raises(ValueError, match=r"expected key="):
        log_prob(model, jnp.zeros((1, 4)), divergence=Hutchinson(1))


@pytest.mark.slow  # two programs for one row: four seconds of compiling; CI runs them
def test_float32_rows_stay_so_where_float64_is_allowed():
    """JAX draws other signs there, so only the exact answer is known."""
    model, x = ExactDenoiser.create(correlated(4), VP()), np.ones((1, 4), np.float32)
    with jax.enable_x64(True):
        exact, probed = (log_prob(model, x, divergence=d, key=KEY, **LOOSE) for d in (ExactDivergence(), Hutchinson(2)))
    assert exact.value.dtype == probed.value.dtype == np.float32
    np.testing.assert_allclose(exact.value, log_densities(noisy(correlated(4), VP()), x), atol=1e-3)


def test_blocks_that_do_not_fill_the_coordinates_miss_and_repeat_none(cases):
    """Five products at a time, of 16: the exact density."""
    model, x, truth = cases[:3]
    blocks = log_prob(model, x[:2], divergence=ExactDivergence(5), **LOOSE)
    np.testing.assert_allclose(blocks.value, truth[:2], atol=1e-3)


def test_the_choice_is_measured():
    """Many probes wanted: exact. Few: controlled ones, whose measured deviation the error of 1,000 rows confirms."""
    model = ExactDenoiser.create(correlated(16), VP())
    exact = choose_divergence(model, (16,), standard_error=0.1, key=KEY)
    assert isinstance(exact.divergence, ExactDivergence)
    assert "16 products" in exact.reason
    few = choose_divergence(model, (16,), standard_error=1.0, key=KEY)
    assert isinstance(few.divergence, Hutchinson)
    assert few.divergence.control
    assert few.deviations["signs, controlled"] < 0.9 * few.deviations["signs"]
    assert 2 <= few.divergence.num_probes < 16


def test_the_choice_is_measured_where_the_model_has_its_rows():
    """Narrow components far apart: deviations are those of draws of the law, and larger at draws of the Gaussian around it,
    which lie between them. A third is three standard errors of the median of 32 rows and 8 probes."""
    places = 4 * np.sign(np.random.default_rng(0).standard_normal((3, 6)))
    law = GaussianMixture.create(np.ones(3) / 3, places, np.stack([np.diag(np.linspace(0.01, 0.09, 6))] * 3))
    model, at = ExactDenoiser.create(law, VP()), noisy(law, VP())

    def deviation(rows):
        got = log_prob(model, rows, divergence=Hutchinson(8, control=False), estimate_error=False, key=KEY, **LOOSE)
        return np.median(got.trace_error) * 8**0.5

    measured = choose_divergence(model, (6,), key=KEY).deviations["signs"]
    np.testing.assert_allclose(measured, deviation(rows_of(at, 64, key=KEY)), rtol=1 / 3)
    around = law.moments()
    assert deviation(rows_of(around, 64, key=KEY)) > 2 * measured


def test_beyond_a_hundred_coordinates_a_key_is_asked_for():
    wide = ExactDenoiser.create(gaussian(np.zeros(101), np.eye(101)), VP())
    with pytest.raises(ValueError, match="101 coordinates"):
        log_prob(wide, jnp.zeros((1, 101)))


@pytest.mark.slow  # compiling 101 coordinates; CI runs it, and every run has a wide table in tests/tables/test_many_columns.py
def test_beyond_a_hundred_coordinates_a_gaussian_leaves_no_variance():
    wide = ExactDenoiser.create(gaussian(np.zeros(101), np.eye(101)), VP())
    got = log_prob(wide, jnp.zeros((1, 101)), key=KEY, **LOOSE)
    assert got.probes[0] == 2  # a Gaussian leaves no variance to the controlled probes
