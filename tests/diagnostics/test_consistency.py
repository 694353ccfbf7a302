"""The gap between a score and the density of its own flow: none for exact scores, and found where there is one."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import mixture, rows_of
from scorax.diagnostics import score_consistency
from scorax.models import AbstractDenoiser, Evidence, Prediction, ScoreFunction
from scorax.processes import EDM, VP, AbstractGaussianProcess, GaussianLaw
from scorax.targets import ExactDenoiser, gaussian

pytestmark = pytest.mark.usefixtures("double")

KEY = jax.random.key(0)


class Turned(AbstractDenoiser):
    """The score of N(0, v I) times a factor, plus a rotation: levels that do not fit together, or a field that is no gradient."""

    variance: jax.Array
    factor: jax.Array
    size: jax.Array
    process: AbstractGaussianProcess
    moments: GaussianLaw | None

    def predict_at(self, level, x, condition: Any = None, *, key=None) -> Prediction:
        score = -self.factor * x / (level.alpha**2 * self.variance + level.sigma**2)
        noise = -level.sigma * (score + self.size * jnp.array([-x[1], x[0]]))
        return Prediction((x - level.sigma * noise) / level.alpha, noise)


FAR = VP(t1=1.5)
"""A clock so long that the law at its end is Gaussian to rounding."""


def test_an_exact_score_is_the_gradient_of_its_density():
    x = rows_of(mixture(), 12, key=KEY)
    got = score_consistency(ExactDenoiser.create(mixture(), FAR), x)
    assert np.all(got.converged)
    assert np.all(got.relative_gap < 1e-4)
    assert got.summary < 1e-4
    np.testing.assert_allclose(got.gap, np.linalg.norm(got.gradient - got.score, axis=-1), rtol=1e-6)


@pytest.mark.slow  # five seconds of compiling; CI runs it
def test_a_score_function_is_taken_in_its_own_clock():
    exact = ExactDenoiser.create(gaussian(np.array([0.3]), np.array([[0.4]])), FAR)
    function = ScoreFunction(fn=lambda t, x, condition: exact(t, x), process=exact.process, moments=exact.moments)
    assert score_consistency(function, jnp.array([[0.1], [-1.0]])).summary < 1e-4


def test_a_rotation_is_not_seen_by_the_density_and_is_all_of_the_gap():
    """On an isotropic Gaussian it turns the flow and leaves the density as it is: gap = size |x|, row by row."""
    process, variance, size = EDM(t0=0.1, t1=5.0), 0.5, 0.3
    moments = GaussianLaw.from_moments(np.zeros(2), variance * np.eye(2))
    model = Turned(*(jnp.asarray(number) for number in (variance, 1.0, size)), process, moments)
    x = jnp.array([[0.4, -0.2], [1.0, 0.7], [0.0, 0.0]])
    got = score_consistency(model, x)
    np.testing.assert_allclose(got.gap, size * np.linalg.norm(x, axis=-1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(got.gradient, -x / (variance + process.t0**2), rtol=1e-4, atol=1e-6)
    inner = 1 / (variance + process.t0**2)
    np.testing.assert_allclose(got.relative_gap[:2], size / np.hypot(inner, size), rtol=1e-4)
    assert got.relative_gap[2] == 0  # both vanish
    np.testing.assert_allclose(got.summary, size / np.hypot(inner, size), rtol=1e-4)


def test_levels_that_do_not_fit_together_have_a_gap():
    """A score that is too long by a factor at every level is a gradient at each, but not of the density of its flow.

    With q = v + t^2 the flow ends in N(0, S I), S = q1 (q0 / q1)^factor, whose score is -x / S.
    """
    process, variance, factor = EDM(t0=0.1, t1=5.0), 0.5, 1.2
    moments = GaussianLaw.from_moments(np.zeros(2), variance * np.eye(2))
    model = Turned(*(jnp.asarray(number) for number in (variance, factor, 0.0)), process, moments)
    x = jnp.array([[0.4, -0.2], [1.0, 0.7]])
    got = score_consistency(model, x)
    q0, q1 = (variance + t**2 for t in (process.t0, process.t1))
    spread = q1 * (q0 / q1) ** factor
    np.testing.assert_allclose(got.gradient, -x / spread, rtol=1e-4)
    np.testing.assert_allclose(got.gap, abs(factor / q0 - 1 / spread) * np.linalg.norm(x, axis=-1), rtol=1e-4)
    assert got.summary > 0.05


def test_a_row_is_the_same_in_any_batch_and_a_failed_solve_says_so():
    model = ExactDenoiser.create(mixture(), FAR)
    x = np.array(rows_of(mixture(), 20, key=KEY))
    x[3] = 30.0
    whole = score_consistency(model, x)
    for rows in (slice(0, 1), slice(16, 20)):
        assert np.array_equal(score_consistency(model, x[rows]).gap, whole.gap[rows])
    failed = score_consistency(model, np.full((1, 2), np.inf))
    assert not failed.converged[0]
    assert np.isnan(failed.gap[0])
    with pytest.raises(ValueError, match="expected rows, got none"):
        score_consistency(model, x[:0])


def test_evidence_is_answered_at_the_targets():
    """The score of what is asked for, given what is known; of the rest of a state there is none."""
    told = Evidence(np.array([[0.3, 0.0]]), np.array([[True, False]]), np.array([[False, True]]))
    got = score_consistency(ExactDenoiser.create(mixture(), FAR), jnp.array([[0.0, 0.7], [5.0, -0.2]]), told)
    assert np.all(got.relative_gap < 1e-4)
    np.testing.assert_array_equal(got.gradient[:, 0], 0)
    assert np.all(np.abs(got.score[:, 1]) > 1e-3)
