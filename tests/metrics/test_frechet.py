"""The Frechet distance of two samples, that of the normal laws with their moments."""

import numpy as np
import pytest

from scorax._errors import InputError
from scorax.metrics import frechet_distance


def test_in_one_dimension_it_is_that_of_means_and_deviations() -> None:
    random = np.random.default_rng(3)
    a, b = random.normal(2, 3, (40, 1)), random.gamma(2.0, size=(60, 1))
    wanted = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    assert frechet_distance(a, b) == pytest.approx(wanted)


def test_one_row_has_no_covariance() -> None:
    with pytest.raises(InputError, match="two rows or more, which have a covariance, got 18 and 1"):
        frechet_distance(np.eye(18), np.eye(18)[:1])
