"""The estimator: densities that integrate to one, bits of a row, files."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from scorax import ScoreDensity
from scorax._errors import InputError
from tiny import SMALL, TINY, clusters


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return clusters()


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
    assert np.all(np.isfinite(fitted.grad_log_density(rows[:5])))


@pytest.mark.bits
def test_save_and_load_keep_every_bit(fitted: ScoreDensity, rows: np.ndarray, tmp_path: Path) -> None:
    fitted.save(tmp_path / "run")
    again = ScoreDensity.load(tmp_path / "run")
    np.testing.assert_array_equal(again.score_samples(rows[:8]), fitted.score_samples(rows[:8]))
    np.testing.assert_array_equal(again.sample(8, random_state=1), fitted.sample(8, random_state=1))
    with pytest.raises(InputError, match="an existing one"):
        fitted.save(tmp_path / "run")


@pytest.mark.bits
def test_pickle_and_clone(fitted: ScoreDensity, rows: np.ndarray) -> None:
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.score_samples(rows[:4]), fitted.score_samples(rows[:4]))
    assert clone(fitted).get_params() == fitted.get_params()


@pytest.mark.bits
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
