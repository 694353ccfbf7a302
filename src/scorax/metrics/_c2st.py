"""Classifier two-sample test: can a classifier tell the two samples apart?"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from scorax._errors import InputError, explain
from scorax.metrics._shapes import check_pair

_MIN_ROWS = 20
"""Fewer rows a class leave folds of under four rows a class, where accuracy means nothing."""


@dataclass(frozen=True)
class ClassifierTest:
    """Cross-validated accuracies on balanced classes: 0.5 is indistinguishable, 1.0 is told apart always."""

    logistic: float
    """Logistic regression: sees differences of the column means only."""
    boosted: float
    """Histogram gradient boosting: sees differences of shape and dependence too."""
    standard_error: float
    """Binomial standard error of an accuracy of 0.5 at the number of distinct rows used."""


def c2st(
    x: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, "m d"],
    *,
    seed: int,
    max_rows: int = 2000,
    distinct: Int[np.ndarray, " n"] | None = None,
) -> ClassifierTest:
    """Five-fold classifier two-sample test with both classifiers, on at most `max_rows` rows of each sample.

    The larger sample is cut to the size of the smaller, so that 0.5 is the accuracy of guessing.
    Needs scikit-learn (imported here only).

    Args:
        x: rows of the one sample.
        y: rows of the other.
        seed: of the rows that are left out, and of the folds.
        max_rows: of each sample.
        distinct: the number of the distinct row that each row of ``x`` is, where rows were put in several times: copies lie in
            one fold, as a classifier that has seen one would know the others by heart. Otherwise all rows are distinct.

    Raises:
        InputError: fewer than 20 rows, or shapes that do not fit.
    """
    check_pair(x, y)
    size = min(len(x), len(y), max_rows)
    if size < _MIN_ROWS:
        raise InputError(
            explain(expected=f"at least {_MIN_ROWS} rows in each sample", got=f"{size}", do="draw more samples")
        )
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    generator = np.random.default_rng(seed)
    chosen = [generator.choice(len(s), size, replace=False) for s in (x, y)]
    rows = np.concatenate([s[own] for s, own in zip((x, y), chosen, strict=True)])
    labels = np.repeat([0, 1], size)
    numbers = np.arange(size) if distinct is None else distinct[chosen[0]]
    count = len(np.unique(numbers))
    if count < size:
        groups = np.concatenate([numbers, numbers.max() + 1 + np.arange(size)])
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    else:
        groups, folds = None, StratifiedKFold(5, shuffle=True, random_state=seed)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    boosted = HistGradientBoostingClassifier(max_iter=100, random_state=seed)
    with threadpool_limits(1):  # a few thousand rows: threads wait for each other, on a busy machine ten times as long
        logistic, accuracy = (
            cross_val_score(model, rows, labels, groups=groups, cv=folds).mean() for model in (linear, boosted)
        )
    return ClassifierTest(float(logistic), float(accuracy), standard_error=float(0.5 / np.sqrt(count + size)))
