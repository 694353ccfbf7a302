"""The Gaussian law of an array of rows."""

import jax
import numpy as np
import pytest

from scorax.processes import GaussianLaw

pytestmark = pytest.mark.usefixtures("double")


@pytest.mark.parametrize("count", [2, 4096, 10_001])
def test_moments_of_rows_are_those_of_numpy(count):
    """To rounding, whatever the number of blocks, also for a column a hundred million standard deviations from zero."""
    rows = np.random.default_rng(0).standard_normal((count, 3)) @ np.array([[1.0, 0.5, 0], [0, 0.3, 0.2], [0, 0, 2.0]])
    rows[:, 1] += 1e8
    law = GaussianLaw.of_rows(rows)
    covariance = np.asarray(law.basis) * np.asarray(law.variances) @ np.asarray(law.basis).T
    np.testing.assert_allclose(law.mean, rows.mean(axis=0), rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(covariance, np.cov(rows.T, ddof=0), atol=1e-7)


def test_rows_of_any_shape_are_flat_and_keep_their_precision():
    images = np.random.default_rng(0).standard_normal((50, 2, 3)).astype(np.float32)
    law = GaussianLaw.of_rows(images)
    assert law.mean.shape == (6,)
    assert law.mean.dtype == np.float32
    with jax.enable_x64(False):
        assert GaussianLaw.of_rows(images.astype(np.float64)).mean.dtype == np.float32


@pytest.mark.parametrize("rows", [np.zeros((1, 2)), np.zeros((0, 2)), np.array([[0.0], [np.nan]])])
def test_too_few_rows_and_no_numbers_are_refused(rows):
    with pytest.raises(ValueError, match="two or more finite rows"):
        GaussianLaw.of_rows(rows)
