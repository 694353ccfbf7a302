"""Density baselines against closed forms, changes of units and hand-made cross-validation."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from scorax._errors import InputError
from scorax.baselines import GaussianBaseline, KernelBaseline, MixtureBaseline, compare, compare_folds

BASELINES = [GaussianBaseline, KernelBaseline, MixtureBaseline]


def _two_clusters(seed: int, n: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    side = generator.integers(0, 2, n)[:, None]
    return generator.standard_normal((n, 2)) * np.where(side, [0.3, 1.0], [1.0, 0.3]) + np.where(side, 4.0, -4.0)


def _two_clusters_log_density(x: np.ndarray) -> np.ndarray:
    a = multivariate_normal([4, 4], np.diag([0.09, 1.0])).logpdf(x)
    b = multivariate_normal([-4, -4], np.diag([1.0, 0.09])).logpdf(x)
    return np.logaddexp(a, b) - np.log(2)


@pytest.mark.parametrize("make", BASELINES)
def test_the_density_integrates_to_one_in_the_units_of_the_file(make: type) -> None:
    x = 50.0 + 20.0 * np.random.default_rng(0).standard_normal((200, 1))
    baseline = make().fit(x, seed=0)
    grid = np.linspace(-200, 300, 20_001)[:, None]
    assert np.trapezoid(np.exp(baseline.log_density(grid)), grid[:, 0]) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("make", BASELINES)
def test_a_change_of_units_moves_the_log_density_by_the_log_determinant(make: type) -> None:
    x, y = _two_clusters(0, 150), _two_clusters(1, 40)
    factors = np.array([1e6, 1e-3])
    one = make().fit(x, seed=0).log_density(y)
    other = make().fit(x * factors + 7, seed=0).log_density(y * factors + 7)
    np.testing.assert_allclose(other, one - np.log(factors).sum(), atol=1e-4)


def test_the_gaussian_baseline_is_the_gaussian() -> None:
    covariance = np.array([[2.0, 0.9], [0.9, 1.0]])
    x = np.random.default_rng(0).multivariate_normal([1, -2], covariance, 20_000)
    got = GaussianBaseline().fit(x, seed=0).log_density(x[:500])
    # The mean absolute error of an estimate with five parameters is about sqrt(5 / n) = 0.02 nats.
    assert np.abs(got - multivariate_normal([1, -2], covariance).logpdf(x[:500])).mean() < 0.03


def test_the_kernel_bandwidth_is_the_best_of_a_brute_force_leave_one_out() -> None:
    x = _two_clusters(0, 60)
    baseline = KernelBaseline().fit(x, seed=0)
    z = (x - x.mean(0)) / x.std(0)

    def leave_one_out(h: float) -> float:
        pairs = multivariate_normal(np.zeros(2), h**2 * np.eye(2)).pdf(z[:, None] - z[None])
        np.fill_diagonal(pairs, 0.0)
        return float(np.log(pairs.sum(1)).mean())

    best = max(leave_one_out(h) for h in np.geomspace(0.01, 3, 200))
    assert leave_one_out(baseline.bandwidth) == pytest.approx(best, abs=0.01)


def test_the_mixture_finds_the_two_clusters_and_comes_near_the_truth() -> None:
    x, y = _two_clusters(0, 600), _two_clusters(1, 2000)
    baseline = MixtureBaseline().fit(x, seed=0)
    assert baseline.settings.components >= 2
    assert "component" in baseline.description
    gap = _two_clusters_log_density(y).mean() - baseline.log_density(y).mean()
    assert 0 <= gap < 0.06  # nine parameters over 600 rows cost 9 / 1200 nats; the search must not cost much more


def test_compare_orders_the_baselines_as_they_deserve() -> None:
    x, y = _two_clusters(0, 300), _two_clusters(1, 500)
    results = compare(x, y, seed=0)
    assert list(results) == ["Gaussian", "KDE", "mixture"]
    means = {name: result.values.mean() for name, result in results.items()}
    assert means["mixture"] > means["KDE"] > means["Gaussian"]


def test_folds_score_each_row_without_that_row() -> None:
    x = _two_clusters(0, 90)
    folds = np.arange(90) % 3
    folds[:5] = -1
    results = compare_folds(x, folds, seed=0)
    for result in results.values():
        assert np.isnan(result.values[:5]).all()
        assert np.isfinite(result.values[5:]).all()
    by_hand = GaussianBaseline().fit(x[folds != 1], seed=0).log_density(x[folds == 1])
    np.testing.assert_allclose(results["Gaussian"].values[folds == 1], by_hand)


@pytest.mark.parametrize("make", BASELINES)
def test_a_constant_column_and_repeated_rows_stay_finite(make: type) -> None:
    x = np.column_stack([np.repeat(np.random.default_rng(0).standard_normal(20), 3), np.full(60, 3.0)])
    assert np.isfinite(make().fit(x, seed=0).log_density(x)).all()


def test_bad_rows_and_bad_folds_are_refused() -> None:
    with pytest.raises(InputError, match="finite rows"):
        GaussianBaseline().fit(np.array([[1.0], [np.nan]]), seed=0)
    with pytest.raises(InputError, match="one of 0 or more"):
        compare_folds(_two_clusters(0, 20), np.full(20, -1), seed=0)
