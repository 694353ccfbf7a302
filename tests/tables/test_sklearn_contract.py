"""The estimators keep scikit-learn's contract."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from scorax import ScoreDensity, ScoreImputer
from tiny import TINY

# Every check brings a table of its own shape, hence programs of its own.
pytestmark = pytest.mark.slow  # two minutes of compiling forty tables' programs for each; CI runs them


@parametrize_with_checks([ScoreDensity(TINY, random_state=0), ScoreImputer(TINY, random_state=0, n_draws=2)])
def test_sklearn_contract(estimator: ScoreDensity | ScoreImputer, check) -> None:
    check(estimator)
