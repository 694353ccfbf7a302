import warnings

import numpy as np
import pytest

from scorax._deviations import deviations


@pytest.mark.parametrize("count", [300, 400, 1000])
@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e300, -1e-300, 0.0])
def test_a_constant_column_has_no_deviation(value, count):
    assert deviations(np.full((count, 2), value)).tolist() == [0, 0]


@pytest.mark.parametrize("power", [-300, -150, 0, 150, 300])
def test_a_change_of_units_is_a_change_of_units(power):
    rows = np.random.default_rng(0).normal(size=(200, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = deviations(rows * 10.0**power)
    np.testing.assert_allclose(found, rows.std(axis=0) * 10.0**power, rtol=1e-13)
