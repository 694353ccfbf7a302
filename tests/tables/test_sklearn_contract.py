"""The estimator keeps scikit-learn's contract."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from scorax import ScoreDensity
from tiny import TINY

# Every check brings a table of its own shape, hence programs of its own.
pytestmark = pytest.mark.slow  # two minutes of compiling forty tables' programs; CI runs them


@parametrize_with_checks([ScoreDensity(TINY, random_state=0)])
def test_sklearn_contract(estimator: ScoreDensity, check) -> None:
    check(estimator)
