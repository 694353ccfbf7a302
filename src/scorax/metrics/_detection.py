"""Detection: how well a named classifier tells generated rows from real ones."""

import importlib
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from jaxtyping import Bool, Float
from threadpoolctl import threadpool_limits

from scorax._errors import EnvironmentFailure, InputError, explain
from scorax._mixed_rows import MixedRows

Detector: TypeAlias = Literal["boosted trees", "random forest", "xgboost"]
"""`HistGradientBoostingClassifier` and `RandomForestClassifier` of scikit-learn, `XGBClassifier` of xgboost."""

_FOLDS = 3
_LEAST_ROWS = 20
_MOST_CATEGORIES = 254


@dataclass(frozen=True)
class Detection:
    """How well a classifier tells two samples apart.

    Attributes:
        classifier: its name.
        score: 1 - mean over folds of (2 max(AUC, 1/2) - 1): 1 is indistinguishable, 0 always told apart. Samples of one law
            have about 0.8 standard errors less than 1, because a fold under 1/2 counts as 1/2.
        standard_error: of the score, over the rows that the folds scored (DeLong et al. 1988), the trained classifiers given.
        area: mean over folds of the area under the curve (AUC), 1/2 where nothing is seen.
        rows: rows of each sample.
    """

    classifier: Detector
    score: float
    standard_error: float
    area: float
    rows: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the score."""
        half = 1.96 * self.standard_error
        return max(0.0, self.score - half), min(1.0, self.score + half)

    @property
    def sentence(self) -> str:
        """What was found, for a reader."""
        low, high = self.interval
        return (
            f"A classifier ({self.classifier}) that sees {self.rows} rows of each kind ranks a generated row above a real one "
            f"with probability {self.area:.2f}: detection score {self.score:.2f} "
            f"({low:.2f} to {high:.2f}), 1 is indistinguishable."
        )


def detection(
    real: MixedRows,
    synthetic: MixedRows,
    *,
    classifier: Detector = "boosted trees",
    seed: int = 0,
    max_rows: int = 20_000,
) -> Detection:
    """Detection score of `synthetic` against `real` over three stratified, shuffled folds.

    Levels are categories, ordered levels numbers; the forest takes all as numbers. The larger sample is cut to the size of the
    smaller, both to `max_rows`. With "xgboost" and seed 0 it is the score published for generators of tables,
    `XGBClassifier(eval_metric="logloss", enable_categorical=True, random_state=0)`. The score of held-out rows against rows of
    the fit is what a perfect generator would have.

    Raises:
        InputError: rows of another table, or fewer than 20 a sample.
        EnvironmentFailure: "xgboost" is asked for and not installed.
    """
    real.require_same_columns(synthetic)
    size = min(len(real), len(synthetic), max_rows)
    if size < _LEAST_ROWS:
        raise InputError(explain(expected=f"{_LEAST_ROWS} rows a sample", got=f"{size}", do="draw more samples"))
    generator = np.random.default_rng(seed)
    rows = real.cut(size, generator).followed_by(synthetic.cut(size, generator))
    features = np.column_stack([rows.numbers, np.where(rows.levels < 0, np.nan, rows.levels)])
    categories = np.array([False] * rows.numbers.shape[1] + [not ordered for ordered in rows.orders], bool)
    labels = np.repeat([0, 1], size)
    from sklearn.model_selection import StratifiedKFold

    areas, variances = [], []
    with threadpool_limits(1):
        for train, test in StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(features, labels):
            fitted = _made(classifier, categories, rows, seed).fit(features[train], labels[train])
            scores = np.asarray(fitted.predict_proba(features[test]))[:, 1]
            area, variance = area_under_curve(scores, labels[test] == 1)
            areas.append(area)
            variances.append(variance)
    score = 1 - float(np.mean([2 * max(area, 0.5) - 1 for area in areas]))
    error = 2 * float(np.sqrt(np.sum(variances))) / _FOLDS
    return Detection(classifier, score, error, float(np.mean(areas)), size)


def area_under_curve(scores: Float[np.ndarray, " n"], positive: Bool[np.ndarray, " n"]) -> tuple[float, float]:
    """P(score of a positive row > that of another), ties one half, and its variance (DeLong, DeLong and Clarke-Pearson 1988)."""
    from scipy.stats import rankdata

    m, n = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(scores)
    above = (ranks[positive] - rankdata(scores[positive])) / n
    below = 1 - (ranks[~positive] - rankdata(scores[~positive])) / m
    return float(above.mean()), float(above.var(ddof=1) / m + below.var(ddof=1) / n)


def _made(classifier: Detector, categories: np.ndarray, rows: MixedRows, seed: int) -> Any:
    """An untrained classifier."""
    if classifier == "xgboost":
        try:
            package = importlib.import_module("xgboost")
        except ModuleNotFoundError:
            do = "install xgboost, or take the classifier 'boosted trees'"
            raise EnvironmentFailure(explain(expected="the package xgboost", got="none", do=do)) from None
        kinds = ["c" if category else "q" for category in categories]
        return package.XGBClassifier(
            eval_metric="logloss", enable_categorical=True, random_state=seed, feature_types=kinds, n_jobs=1
        )
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

    if classifier == "random forest":
        return RandomForestClassifier(n_estimators=200, min_samples_leaf=2, random_state=seed)
    few = np.array([True] * rows.numbers.shape[1] + [k <= _MOST_CATEGORIES for k in rows.num_levels], bool)
    places = np.flatnonzero(categories & few)
    options: Any = places.tolist() or None
    return HistGradientBoostingClassifier(categorical_features=options, random_state=seed)
