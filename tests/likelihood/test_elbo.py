"""The evidence lower bound of the reverse SDE against densities and gaps in closed form.

Single rows are held to four standard errors. With 31 degrees of freedom that is a false-alarm rate of 4e-4 a row; means over
rows have the normal rate of 6e-5. The keys are fixed.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from oracles import awake, log_densities, mixture, noisy, rows_of
from scorax.likelihood import elbo, log_prob
from scorax.models import AbstractDenoiser, Denoiser, Prediction, Pullback, ScoreFunction
from scorax.networks import MLP
from scorax.processes import EDM, VP, AbstractGaussianProcess, Clean, GaussianLaw, LinearSDE
from scorax.targets import ExactDenoiser, gaussian
from scorax.transforms import Standardize

pytestmark = pytest.mark.usefixtures("double")

KEY = jax.random.key(0)
ROWS = 32
LONG = pytest.mark.slow  # another process or dimension is another program, seconds each; CI runs them


class Scaled(AbstractDenoiser):
    """An exact denoiser whose score is multiplied by a number: the wrong score with a known bound."""

    exact: ExactDenoiser
    factor: jax.Array
    process: AbstractGaussianProcess
    moments: GaussianLaw | None

    def predict_at(self, level, x, condition: Any = None, *, key=None) -> Prediction:
        noise = self.factor * self.exact.predict_at(level, x).noise
        return Prediction((x - level.sigma * noise) / level.alpha, noise)


def scaled(process, variance: float, dimension: int, factor: float) -> Scaled:
    # One process inside: a denoiser knows levels only, and tests of two processes share one compiled program.
    exact = ExactDenoiser.create(gaussian(np.zeros(dimension), variance * np.eye(dimension)), EDM())
    return Scaled(exact, jnp.asarray(factor), process, exact.moments)


def within(bound, truth, *, errors: float = 4.0) -> None:
    """Every row within four standard errors, and their mean within four of its own."""
    gaps, spread = np.asarray(bound.value - truth), np.asarray(bound.standard_error)
    assert np.all(np.abs(gaps) < errors * spread)
    assert abs(gaps.mean()) < errors * np.sqrt(np.sum(spread**2)) / len(gaps)


@pytest.mark.parametrize(
    ("process", "dimension"),
    [
        (VP(), 8),
        (EDM(), 1),
        pytest.param(VP(), 1, marks=LONG),
        pytest.param(EDM(), 8, marks=LONG),
    ],
    ids=repr,
)
def test_exact_mixture_score_gives_the_closed_density(process, dimension):
    """The reverse SDE of an exact score has the law of the process, so the bound is the log-density."""
    law = mixture(dimension)
    at = noisy(law, process)
    x = rows_of(at, ROWS, key=KEY)
    got = elbo(ExactDenoiser.create(law, process), x, key=jax.random.key(1))
    assert np.mean(got.standard_error) < 0.1
    within(got, log_densities(at, x))


@pytest.mark.parametrize("process", [VP(), pytest.param(EDM(), marks=LONG)], ids=repr)
def test_exact_gaussian_score_gives_the_closed_density(process):
    """To rounding where the moments are known, since nothing is left to be drawn; else within the errors of the draws.

    Without moments the law at t1 is N(0, R^2 I), whose mismatch is of the order of cos(a1)^2: 1e-4 here.
    """
    law = gaussian(np.array([0.4, -0.3]), np.array([[1.0, 0.5], [0.5, 0.4]]))
    at = noisy(law, process)
    x = rows_of(at, ROWS, key=KEY)
    truth = log_densities(at, x)
    got = elbo(ExactDenoiser.create(law, process), x, key=jax.random.key(1))
    np.testing.assert_allclose(got.value, truth, rtol=0, atol=1e-9)
    assert np.all(got.standard_error < 1e-9)
    unmatched = elbo(ExactDenoiser(target=law, process=process, moments=None), x, key=jax.random.key(2))
    assert np.all(unmatched.standard_error > 1e-3)
    within(unmatched, truth)


def closed_bound(process, variance: float, factor: float, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bound of a scaled score on N(0, variance I), and the log-density of its reverse SDE, both in closed form.

    In z = x / alpha with w = (sigma / alpha)^2 as time the forward process is Brownian motion, q = variance + w the variance
    of the law and s = -factor z / q. With E|z_w|^2 = |z|^2 + d (w - w0) the integrals over w are elementary, and the variance
    S of the reverse SDE solves dS/dw = 2 factor S / q - 1 from S = q at the end.
    """
    ends = [process.level(jnp.asarray(t)) for t in (process.t0, process.t1)]
    w0, w1 = (float((level.sigma / level.alpha) ** 2) for level in ends)
    alpha, d = float(ends[0].alpha), x.shape[-1]
    z2, q0, q1 = np.sum((x / alpha) ** 2, axis=-1), variance + w0, variance + w1
    end = -0.5 * ((z2 + d * (w1 - w0)) / q1 + d * np.log(2 * np.pi * q1))
    inverse, logarithm = 1 / q0 - 1 / q1, np.log(q1 / q0)
    squares = z2 * inverse + d * (logarithm - q0 * inverse)
    bound = end - 0.5 * (factor**2 * squares - 2 * factor * d * logarithm)
    power = 2 * factor - 1
    spread = q0 / power + (1 - 1 / power) * q0 * (q0 / q1) ** power
    density = -0.5 * (z2 / spread + d * np.log(2 * np.pi * spread))
    return bound - d * np.log(alpha), density - d * np.log(alpha)


@pytest.mark.parametrize("process", [VP(), pytest.param(EDM(t0=0.05, t1=20.0), marks=LONG)], ids=repr)
@pytest.mark.parametrize(("factor", "variance", "dimension"), [(0.9, 0.25, 2), (1.2, 1.0, 2)])
def test_trap_11_the_bound_of_a_wrong_score_in_closed_form(process, factor, variance, dimension):
    """Row by row as computed, below the density of the reverse SDE, and in the mean below that of the data by half the
    likelihood-weighted square of the error, (factor - 1)^2 d / 2 log(q1 / q0)."""
    model = scaled(process, variance, dimension, factor)
    at = noisy(gaussian(np.zeros(dimension), variance * np.eye(dimension)), process)
    x = rows_of(at, ROWS, key=KEY)
    bound, density = closed_bound(process, variance, factor, np.asarray(x))
    got = elbo(model, x, key=jax.random.key(3))
    within(got, bound)
    assert np.all(bound <= density)
    assert np.all(got.value < density + 4 * got.standard_error)
    # |z|^2 = d q0 is the mean under the data, at which bound and log-density take their means.
    level = process.level(jnp.asarray(process.t0))
    ends = [process.level(jnp.asarray(t)) for t in (process.t0, process.t1)]
    q0, q1 = (variance + float((end.sigma / end.alpha) ** 2) for end in ends)
    mean_row = np.full((1, dimension), float(level.alpha) * np.sqrt(q0))
    short = float(at.log_density(jnp.asarray(mean_row[0]))) - closed_bound(process, variance, factor, mean_row)[0][0]
    np.testing.assert_allclose(short, 0.5 * (factor - 1) ** 2 * dimension * np.log(q1 / q0), rtol=1e-6)


def test_the_bound_is_not_one_on_the_law_of_the_flow():
    """A score that is too long: flow and reverse SDE draw from different laws, and the bound lies above the flow's density."""
    process = EDM(t0=0.05, t1=20.0)
    model = scaled(process, 0.25, 1, 1.2)
    flow = float(log_prob(model, jnp.zeros((1, 1)), estimate_error=False).value[0])
    bound, density = closed_bound(process, 0.25, 1.2, np.zeros((1, 1)))
    width = np.sqrt((0.25 + 400) * (0.2525 / 400.25) ** 1.2)
    np.testing.assert_allclose(flow, norm.logpdf(0.0, scale=width), atol=1e-4)
    assert bound[0] <= density[0]
    assert abs(flow - density[0]) > 0.1


def test_probes_have_the_same_mean_and_a_larger_error():
    law, process = mixture(8), VP()
    at, model = noisy(law, process), ExactDenoiser.create(law, process)
    x = rows_of(at, ROWS, key=KEY)
    exact, probed = (elbo(model, x, num_probes=probes, key=jax.random.key(4)) for probes in (None, 1))
    within(probed, log_densities(at, x))
    assert np.mean(exact.standard_error) < np.mean(probed.standard_error)


def test_the_standard_error_falls_as_the_root_of_the_replicates_and_is_honest():
    """Slope of the mean standard error from 16 to 256 replicates; 256 estimates of one row spread as they say.

    The spread of 256 estimates over the mean standard error has a relative error of 5%.
    """
    law, process = mixture(), VP()
    model, at = ExactDenoiser.create(law, process), noisy(law, process)
    x = rows_of(at, ROWS, key=KEY)
    few, many = (elbo(model, x, num_times=4, num_replicates=n, key=jax.random.key(5)) for n in (16, 256))
    ratio = np.mean(few.standard_error) / np.mean(many.standard_error)
    np.testing.assert_allclose(ratio, 4, rtol=0.1)
    same = elbo(model, jnp.repeat(x[:1], 256, axis=0), num_times=4, num_replicates=16, key=jax.random.key(6))
    assert abs(np.std(same.value, ddof=1) / np.mean(same.standard_error) - 1) < 0.2


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=LONG)])
@pytest.mark.bits
def test_trap_29_a_row_of_the_bound_is_the_same_beside_an_outlier(dtype):
    """Bit for bit in batches of one, of a chunk and of more: its draws are those of its number."""
    model = ExactDenoiser.create(mixture(), VP())
    x = np.array(rows_of(mixture(), 70, key=KEY), dtype)
    whole = elbo(model, x, num_times=4, num_replicates=2, key=KEY)
    assert whole.value.dtype == dtype
    other = x.copy()
    other[1:] = 50.0
    for rows, part in ((slice(0, 1), x[:1]), (slice(0, 64), x[:64]), (slice(0, 1), other)):
        again = elbo(model, part, num_times=4, num_replicates=2, key=KEY)
        assert np.array_equal(again.value[rows], whole.value[rows])
        assert np.array_equal(again.standard_error[rows], whole.standard_error[rows])
    assert not np.array_equal(
        elbo(model, x[:1], num_times=4, num_replicates=2, key=jax.random.key(9)).value, whole.value[:1]
    )


def test_an_untrained_model_is_the_standard_normal_and_a_network_keeps_its_bound_in_float32():
    """A zero field has no error at all; any other field has one bound in both precisions,."""
    plain = Denoiser(network=MLP(3, width=8, depth=1, key=KEY), process=VP())
    x = jax.random.normal(KEY, (ROWS, 3))
    got = elbo(plain, x, key=KEY)
    np.testing.assert_allclose(got.value, norm.logpdf(np.asarray(x)).sum(-1), rtol=0, atol=1e-9)
    random = Denoiser(network=awake(plain.network, key=KEY, size=0.5), process=VP())
    exact = elbo(random, x, key=jax.random.key(1))
    single = elbo(random, x.astype(jnp.float32), key=jax.random.key(2))
    spread = np.hypot(np.asarray(exact.standard_error), np.asarray(single.standard_error))
    assert np.all(spread > 1e-4)
    assert np.all(np.abs(exact.value - single.value) < 4 * spread + 1e-4)


def test_conditions_are_told_row_by_row():
    """The condition is the number of a component: the bound of each row is the density of its own component."""
    law, process = mixture(), VP()
    x = rows_of(law, ROWS, key=KEY)
    which = jnp.arange(ROWS) % 2
    model = ExactDenoiser.create(law, process)
    got = elbo(model, x, condition=which, key=jax.random.key(8))
    at = noisy(law, process)
    truth = jax.vmap(lambda row, k: at.given(k).log_density(row))(x, which)
    # The moments are those of both components: what is left at t1 is of the order of cos(a1).
    gaps = np.abs(np.asarray(got.value - truth))
    assert np.all(gaps < 4 * np.asarray(got.standard_error) + 0.05)


def test_refusals_name_what_came():
    x = jnp.zeros((2, 2))
    exact = ExactDenoiser.create(mixture(), VP())
    function = ScoreFunction(fn=lambda t, x, condition: -x, process=VP())
    with pytest.raises(TypeError, match=r"expected a denoiser for elbo, got ScoreFunction; use log_prob"):
        elbo(function, x, key=KEY)
    matrices = LinearSDE(-np.eye(2), np.eye(2))
    for process in (matrices, Clean()):
        with pytest.raises(TypeError, match=r"expected a denoiser for elbo, got ScoreFunction"):
            elbo(ScoreFunction(fn=lambda t, x, condition: -x, process=process), x, key=KEY)
    rows = np.asarray(rows_of(mixture(), 16, key=KEY))
    with pytest.raises(TypeError, match="expected the score of a noisy state, got Pullback"):
        elbo(Pullback(exact, Standardize.fit(rows)), x, key=KEY)
    with pytest.raises(TypeError, match="expected key as one random key, got 0"):
        elbo(exact, x, key=0)
    for wrong in ({"num_times": 0}, {"num_replicates": 1}, {"num_probes": 0}):
        (name,) = wrong
        with pytest.raises(ValueError, match=f"expected {name} of at least"):
            elbo(exact, x, key=KEY, **wrong)
    assert elbo(exact, jnp.zeros((0, 2)), key=KEY).value.shape == (0,)
