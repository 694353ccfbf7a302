"""The estimator's densities against closed forms: gradients, units, a Gaussian."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from scorax import ScoreDensity
from tiny import SMALL, TINY, clusters


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return clusters()


@pytest.mark.slow  # a fit of its own, nine seconds; CI runs it
def test_gradient_is_that_of_the_log_density(rows: np.ndarray) -> None:
    # The learned field need not be the gradient of the flow's log-density; in the Gaussian start it is, exactly.
    start = ScoreDensity(SMALL, folds=1, max_steps=1, random_state=0).fit(rows)
    x, step = rows[:5], rows.std(axis=0) * 1e-4
    for j in (0, 1):
        shift = np.eye(2)[j] * step[j]
        slope = (start.score_samples(x + shift) - start.score_samples(x - shift)) / (2 * step[j])
        np.testing.assert_allclose(start.grad_log_density(x)[:, j], slope, rtol=0.05, atol=0.05 / step[j] * 1e-4)


@pytest.mark.slow  # two fits, seven seconds; CI runs it
def test_units_change_the_density_by_their_jacobian(rows: np.ndarray) -> None:
    config = TINY
    scale = np.array([1e6, 3e-4])
    one = ScoreDensity(config, random_state=0).fit(rows)
    other = ScoreDensity(config, random_state=0).fit(rows * scale)
    np.testing.assert_allclose(
        other.score_samples(rows[:20] * scale), one.score_samples(rows[:20]) - np.log(scale).sum(), atol=1e-3
    )


@pytest.mark.slow  # a fit of its own, eight seconds; CI runs it
def test_a_gaussian_is_fitted_as_well_as_a_gaussian_can_be() -> None:
    """Of the size of the table above, whose programs it takes."""
    generator = np.random.default_rng(3)
    covariance = np.array([[2.0, 1.2], [1.2, 1.0]])
    train, test = generator.multivariate_normal(np.ones(2), covariance, size=(2, 300))
    truth = multivariate_normal(np.ones(2), covariance).logpdf(test)
    loss = truth - ScoreDensity(SMALL, random_state=0).fit(train).score_samples(test)
    # Five fitted numbers cost about 5 / (2 * 300) = 0.008 nats; the mean of 300 differences has a standard error of 0.01.
    assert loss.mean() < 0.06
