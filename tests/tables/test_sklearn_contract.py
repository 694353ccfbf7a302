"""The estimators keep scikit-learn's contract."""

import dataclasses
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from scorax import ScoreConditional, ScoreDensity, ScoreImputer, ScoreOutlier
from scorax.tables import EnsembleConfig
from tiny import TINY

# Every check brings a table of its own shape, hence programs of its own.
pytestmark = pytest.mark.slow  # two minutes of compiling forty tables' programs for each; CI runs them


LEARNS = dataclasses.replace(
    TINY,
    training=dataclasses.replace(TINY.training, max_steps=150, batch_size=64, learning_rate=1e-2, ema_decay=0.95),
    ensemble=EnsembleConfig(folds=1, starts=("normal",)),
)
"""Classes are independent of the numbers where a network starts from; scikit-learn wants some accuracy."""


def _exceptions(estimator: Any) -> dict[str, str]:
    """Checks that an estimator does not pass, and why; what they are after is in ``test_score_conditional.py``."""
    if not isinstance(estimator, ScoreConditional):
        return {}
    why = "score_samples is of y given X and takes both"
    return {"check_methods_sample_order_invariance": why, "check_methods_subset_invariance": why}


@parametrize_with_checks(
    [
        ScoreDensity(TINY, random_state=0),
        ScoreImputer(TINY, random_state=0, n_draws=2),
        ScoreConditional(TINY, random_state=0),
        ScoreConditional(LEARNS, classes=True, random_state=0),
        ScoreOutlier(TINY, random_state=0),
    ],
    expected_failed_checks=_exceptions,
)
def test_sklearn_contract(estimator: Any, check: Any) -> None:
    check(estimator)
