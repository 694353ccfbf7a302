"""The estimator: densities that integrate to one, units, files."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.base import clone

from scorax import FitConfig, ScoreDensity
from scorax._errors import InputError
from scorax.estimators import EnsembleConfig, NetworkConfig, NoiseConfig, TrainingConfig
from tiny import TINY

SMALL = FitConfig(
    network=NetworkConfig(width=32, depth=1, dropout=0.0),
    training=TrainingConfig(max_steps=300, batch_size=128, validate_every=50),
    ensemble=EnsembleConfig(folds=2, starts=("gaussian",)),
    noise=NoiseConfig(candidates=(0.03, 0.1)),
)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Two correlated clusters, far from the origin and on different scales."""
    generator = np.random.default_rng(0)
    first = generator.normal(size=(150, 2)) @ np.array([[1.0, 0.8], [0.0, 0.4]])
    second = generator.normal(size=(150, 2)) * 0.5 + np.array([4.0, -2.0])
    return np.concatenate([first, second]) * np.array([1e-3, 50.0]) + np.array([7.0, -1000.0])


@pytest.fixture(scope="module")
def fitted(rows: np.ndarray) -> ScoreDensity:
    return ScoreDensity(SMALL, random_state=0).fit(rows)


def test_density_integrates_to_one(fitted: ScoreDensity, rows: np.ndarray) -> None:
    low, high = rows.min(axis=0), rows.max(axis=0)
    room = 0.6 * (high - low)
    axes = [np.linspace(low[j] - room[j], high[j] + room[j], 80) for j in (0, 1)]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    cell = np.prod([a[1] - a[0] for a in axes])
    assert np.exp(fitted.score_samples(grid)).sum() * cell == pytest.approx(1, abs=0.01)


def test_gradient_is_that_of_the_log_density(fitted: ScoreDensity, rows: np.ndarray) -> None:
    # The learned field need not be the gradient of the flow's log-density; in the Gaussian start it is, exactly.
    start = ScoreDensity(SMALL, folds=1, max_steps=1, random_state=0).fit(rows)
    x, step = rows[:5], rows.std(axis=0) * 1e-4
    for j in (0, 1):
        shift = np.eye(2)[j] * step[j]
        slope = (start.score_samples(x + shift) - start.score_samples(x - shift)) / (2 * step[j])
        np.testing.assert_allclose(start.grad_log_density(x)[:, j], slope, rtol=0.05, atol=0.05 / step[j] * 1e-4)
    assert np.all(np.isfinite(fitted.grad_log_density(x)))


def test_units_change_the_density_by_their_jacobian(rows: np.ndarray) -> None:
    config = TINY
    scale = np.array([1e6, 3e-4])
    one = ScoreDensity(config, random_state=0).fit(rows)
    other = ScoreDensity(config, random_state=0).fit(rows * scale)
    np.testing.assert_allclose(
        other.score_samples(rows[:20] * scale), one.score_samples(rows[:20]) - np.log(scale).sum(), atol=1e-3
    )


def test_a_gaussian_is_fitted_as_well_as_a_gaussian_can_be() -> None:
    generator = np.random.default_rng(3)
    covariance = np.array([[2.0, 1.2, 0.0], [1.2, 1.0, 0.3], [0.0, 0.3, 0.7]])
    train, test = generator.multivariate_normal(np.ones(3), covariance, size=(2, 400))
    truth = multivariate_normal(np.ones(3), covariance).logpdf(test)
    loss = truth - ScoreDensity(SMALL, random_state=0).fit(train).score_samples(test)
    # Nine fitted numbers cost about 9 / (2 * 400) = 0.011 nats; the mean of 400 differences has a standard error of 0.01.
    assert loss.mean() < 0.06


def test_save_and_load_keep_every_bit(fitted: ScoreDensity, rows: np.ndarray, tmp_path: Path) -> None:
    fitted.save(tmp_path / "run")
    again = ScoreDensity.load(tmp_path / "run")
    np.testing.assert_array_equal(again.score_samples(rows[:8]), fitted.score_samples(rows[:8]))
    np.testing.assert_array_equal(again.sample(8, random_state=1), fitted.sample(8, random_state=1))
    with pytest.raises(InputError, match="an existing one"):
        fitted.save(tmp_path / "run")


def test_pickle_and_clone(fitted: ScoreDensity, rows: np.ndarray) -> None:
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.score_samples(rows[:4]), fitted.score_samples(rows[:4]))
    assert clone(fitted).get_params() == fitted.get_params()


def test_rows_do_not_depend_on_their_number(fitted: ScoreDensity) -> None:
    many = fitted.sample_rows(0, 40, seed=5)
    np.testing.assert_array_equal(many[:7], fitted.sample_rows(0, 7, seed=5))
    np.testing.assert_array_equal(many[30:], fitted.sample_rows(30, 10, seed=5))
    assert not np.array_equal(many, fitted.sample_rows(0, 40, seed=6))


def test_constant_and_integer_columns_come_back(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    X = np.column_stack(
        [np.full(80, 4.25), generator.poisson(6, size=80).astype(float), np.round(generator.normal(size=80), 1)]
    )
    density = ScoreDensity(TINY, random_state=0).fit(X)
    drawn = density.sample(50, random_state=0)
    assert np.all(drawn[:, 0] == 4.25)
    assert np.all(drawn[:, 1] == np.round(drawn[:, 1]))
    np.testing.assert_allclose(drawn[:, 2] * 10, np.round(drawn[:, 2] * 10), atol=1e-9)
    order = generator.permutation(80)
    np.testing.assert_array_equal(density.score_samples(X)[order], density.score_samples(X[order]))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="minimum of 10"):
        ScoreDensity(TINY).fit(np.zeros((3, 2)))
    with pytest.raises(InputError, match="constant columns only"):
        ScoreDensity(TINY).fit(np.ones((20, 2)))
