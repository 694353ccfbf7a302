"""Metrics against closed forms, SciPy and brute force."""

import numpy as np
import pytest
import scipy.stats

from scorax import metrics
from scorax._errors import InputError
from scorax.metrics._shapes import check_pair


def _normal(seed: int, shape: tuple[int, int], mean: float = 0.0, scale: float = 1.0) -> np.ndarray:
    return mean + scale * np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("sizes", [(20_000, 20_000), (20_000, 13_001)])
@pytest.mark.parametrize("dim", [1, 3])
def test_sliced_wasserstein_meets_the_closed_form_of_isotropic_gaussians(sizes: tuple[int, int], dim: int) -> None:
    x, y = _normal(0, (sizes[0], dim)), _normal(1, (sizes[1], dim), mean=0.7, scale=1.5)
    truth = np.sqrt(0.7**2 + 0.5**2)  # |a - b|^2 / d = 0.7^2 for a shift of 0.7 in each column
    # Sampling error of the mean is 1e-2 a direction, of the directions 0.7^2 / sqrt(projections).
    assert metrics.sliced_wasserstein(x, y, num_projections=512, seed=2) == pytest.approx(truth, abs=0.04)


def test_sliced_wasserstein_is_a_distance_and_repeats_with_its_seed() -> None:
    x, y = _normal(0, (300, 4)), _normal(1, (200, 4))
    one = metrics.sliced_wasserstein(x, y, num_projections=64, seed=3)
    assert metrics.sliced_wasserstein(x, x, num_projections=64, seed=3) == pytest.approx(0.0, abs=1e-12)
    assert metrics.sliced_wasserstein(y, x, num_projections=64, seed=3) == pytest.approx(one, rel=1e-12)
    assert metrics.sliced_wasserstein(5 * x, 5 * y, num_projections=64, seed=3) == pytest.approx(5 * one, rel=1e-9)


@pytest.mark.parametrize("sizes", [(50, 50), (50, 73), (1, 9)])
def test_column_wasserstein_is_scipys(sizes: tuple[int, int]) -> None:
    x, y = _normal(0, (sizes[0], 3)), _normal(1, (sizes[1], 3), mean=0.3)
    expected = [scipy.stats.wasserstein_distance(x[:, j], y[:, j]) for j in range(3)]
    np.testing.assert_allclose(metrics.column_wasserstein(x, y), expected, rtol=1e-10)


def test_energy_distance_is_scipys_in_one_dimension_and_zero_on_itself() -> None:
    x, y = _normal(0, (80, 1)), _normal(1, (61, 1), mean=0.5)
    assert metrics.energy_distance(x, y) == pytest.approx(scipy.stats.energy_distance(x[:, 0], y[:, 0]), rel=1e-9)
    assert metrics.energy_distance(x, x) == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize("dim", [2, 40])
def test_nearest_distances_are_those_of_all_pairs(dim: int) -> None:
    x, y = _normal(0, (37, dim)), _normal(1, (53, dim))
    pairs = np.linalg.norm(x[:, None] - y[None], axis=-1)
    np.testing.assert_allclose(metrics.nearest_distances(x, y), pairs.min(axis=1), rtol=1e-10)
    own = np.linalg.norm(x[:, None] - x[None], axis=-1) + np.diag(np.full(37, np.inf))
    np.testing.assert_allclose(metrics.leave_one_out_distances(x), own.min(axis=1), rtol=1e-10)
    asked = np.array([5, 0, 36])
    np.testing.assert_allclose(metrics.leave_one_out_distances(x, asked), own.min(axis=1)[asked], rtol=1e-10)


@pytest.mark.parametrize("dim", [1, 40])
def test_a_row_that_occurs_twice_is_at_distance_zero_of_another_row(dim: int) -> None:
    x = _normal(0, (10, dim))
    doubled = np.concatenate([x, x[:1]])
    distances = metrics.leave_one_out_distances(doubled)
    assert distances[0] == distances[-1] == 0.0
    assert np.all(distances[1:-1] > 0)
    assert np.isinf(metrics.leave_one_out_distances(x[:1])).all()


def test_the_classifier_test_sees_a_difference_of_shape_that_means_hide() -> None:
    x = _normal(0, (400, 2))
    result = metrics.c2st(x, 1.6 * _normal(1, (400, 2)), seed=0)
    same = metrics.c2st(x, _normal(2, (500, 2)), seed=0)
    assert abs(result.logistic - 0.5) < 0.08
    assert result.boosted > 0.55
    assert abs(same.boosted - 0.5) < 4 * same.standard_error


def test_copies_of_a_row_are_not_known_by_heart() -> None:
    """Rows of one law, of which those of one sample stand there six times."""
    number = np.random.default_rng(0).permutation(np.repeat(np.arange(100), 6))
    copied, fresh = _normal(1, (100, 2))[number], _normal(2, (600, 2))
    apart = metrics.c2st(copied, fresh, seed=0, distinct=number)
    assert apart.standard_error == pytest.approx(0.5 / np.sqrt(100 + 600))
    assert abs(apart.boosted - 0.5) < 4 * apart.standard_error
    assert metrics.c2st(copied, fresh, seed=0).boosted > 0.5 + 8 * apart.standard_error
    shifted = metrics.c2st(copied, fresh + 2, seed=0, distinct=number)
    assert min(shifted.logistic, shifted.boosted) > 0.8


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.zeros((0, 2)), np.zeros((3, 2))),
        (np.full((3, 2), np.nan), np.zeros((3, 2))),
    ],
)
def test_bad_samples_are_refused_by_name(x: np.ndarray, y: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"expected .*, got .*; "):
        metrics.energy_distance(x, y)
    with pytest.raises(InputError):
        metrics.sliced_wasserstein(x, y, seed=0)


def test_samples_of_different_widths_are_refused() -> None:
    with pytest.raises(InputError, match="same columns"):
        check_pair(np.zeros((3, 2)), np.zeros((3, 1)))
