"""The estimators keep scikit-learn's contract."""

import dataclasses
from typing import Any

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

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


TAKEN_AS_X = {
    "check_array_api_input",
    "check_complex_data",
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_empty_data_messages",
    "check_estimators_nan_inf",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_f_contiguous_array_estimator",
    "check_fit1d",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
}
"""Of what ``fit`` takes: an estimator that hands all it is given to another one has the answers of that one."""


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
    ],
    expected_failed_checks=_exceptions,
)
def test_sklearn_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def _checks(estimator: Any) -> dict[str, tuple[Any, Any]]:
    """Checks of an estimator, by name and settings."""
    found = {}
    for one, check in estimator_checks_generator(estimator):
        settings = [f"{key}={value}" for key, value in check.keywords.items()] if hasattr(check, "keywords") else []
        found[" ".join([getattr(check, "func", check).__name__, *settings])] = (one, check)
    return found


OUTLIERS = {
    name: own for name, own in _checks(ScoreOutlier(TINY, random_state=0)).items() if name.split()[0] not in TAKEN_AS_X
}
REGRESSOR = _checks(ScoreConditional(TINY, random_state=0))
CLASSES = {
    name: own
    for name, own in _checks(ScoreConditional(LEARNS, classes=True, random_state=0)).items()
    if name not in REGRESSOR
}
"""What scikit-learn asks of a classifier alone: the rest of the class is that of the regressor."""


@pytest.mark.parametrize(("estimator", "check"), OUTLIERS.values(), ids=OUTLIERS)
def test_outliers_keep_the_contract_beside_what_the_density_takes(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize(("estimator", "check"), CLASSES.values(), ids=CLASSES)
def test_classes_keep_what_is_asked_of_a_classifier(estimator: Any, check: Any) -> None:
    check(estimator)


def test_what_is_left_out_is_asked_of_the_density() -> None:
    names = {name.split()[0] for name in _checks(ScoreDensity(TINY, random_state=0))}
    assert names >= TAKEN_AS_X
    assert len(CLASSES) >= 8
