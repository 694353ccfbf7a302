"""Whole rows in one unit: the names of categories, and the order in which they stand, change nothing."""

import numpy as np
import pytest

from scorax.diagnostics import Axis, nearest_records, two_sample_records
from scorax.diagnostics._one_unit import in_one_unit

AXES = [Axis("x", "continuous"), Axis("kind", "category", categories=("a", "b", "c", "d"))]


def _rows(n: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.column_stack([3 * generator.standard_normal(n), generator.choice(4, n, p=[0.5, 0.3, 0.1, 0.1])])


def test_columns_have_variance_one_and_two_categories_one_distance() -> None:
    data = _rows(400, 0)
    (rows,) = in_one_unit(AXES, data)
    assert rows[:, 0].var() == pytest.approx(1.0)
    assert rows[:, 1:].var(axis=0).sum() == pytest.approx(1.0)
    centres = np.unique(rows[:, 1:], axis=0)
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=-1)[np.triu_indices(4, 1)]
    assert np.ptp(apart) == pytest.approx(0.0, abs=1e-12)
    (plain,) = in_one_unit((), data)
    np.testing.assert_allclose(plain, data / data.std(axis=0))


def test_the_places_of_categories_change_no_figure() -> None:
    data, samples, order = _rows(200, 0), _rows(150, 1), np.array([2.0, 0.0, 3.0, 1.0])
    moved = [np.column_stack([part[:, 0], order[part[:, 1].astype(int)]]) for part in (data, samples)]
    before, after = (nearest_records(*pair, axes=AXES) for pair in ((data, samples), moved))
    assert (before.median, before.exact, before.shares) == (after.median, after.exact, after.shares)
    here, there = (two_sample_records(*pair, axes=AXES, seed=0) for pair in ((data, samples), moved))
    assert here.logistic == pytest.approx(there.logistic, abs=0.03)  # its iterations end within a tolerance
    assert here.boosted == pytest.approx(there.boosted, abs=0.1)  # columns of equal worth are split in their order


def test_rare_categories_share_an_indicator() -> None:
    many = [Axis("kind", "category", categories=tuple(map(str, range(1000))))]
    data = np.concatenate([np.repeat(np.arange(30.0), 20), np.arange(30.0, 1000.0)])[:, None]
    rows, other = in_one_unit(many, data, np.array([[999.0], [5000.0]]))
    assert rows.shape == (len(data), 31)
    np.testing.assert_array_equal(other[0], other[1])
