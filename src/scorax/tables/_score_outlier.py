"""The scikit-learn detector of rows that are unlikely under a density."""

from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from scorax._errors import InputError, explain
from scorax.tables._score_density import ScoreDensity

Own = TypeVar("Own", bound="ScoreOutlier")


class ScoreOutlier(OutlierMixin, BaseEstimator):
    """Rows that are unlikely under the density of a table: an outlier detector on :class:`ScoreDensity`.

    A row is an outlier where its log-density is below that of a share ``contamination`` of the rows of the fit. Those shall be
    what is usual: a row that the model was fitted to is likelier under it than a new one like it.

    Args:
        config: every setting of the recipe; the defaults where it is ``None``.
        contamination: share of the rows of the fit that are taken for outliers, above 0 and at most .5.
        folds: number of cross-validation members; overrides ``config.ensemble.folds``.
        max_steps: optimiser steps at most; overrides ``config.training.max_steps``.
        random_state: seed of folds, initial weights, noise and dequantisation.
        verbose: show progress and the time left.

    Attributes:
        density_: the density; ``density_.save(folder)`` keeps it.
        offset_: log-density below which a row is an outlier.
        n_features_in_: number of columns.
        feature_names_in_: their names, where ``X`` had some.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X = load_iris().data
        >>> outlier = ScoreOutlier(contamination=0.05, random_state=0).fit_predict(X) < 0  # doctest: +SKIP
    """

    def __init__(
        self,
        config: Any = None,
        *,
        contamination: Any = 0.1,
        folds: Any = None,
        max_steps: Any = None,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.config = config
        self.contamination = contamination
        self.folds = folds
        self.max_steps = max_steps
        self.random_state = random_state
        self.verbose = verbose

    def fit(self: Own, X: Any, y: Any = None) -> Own:
        """Fit the density of the rows of ``X``, and the limit below which one is an outlier; ``y`` is ignored.

        Raises:
            InputError: a contamination that is none, fewer than ten rows, or no column that varies (a ``ValueError``).
            DivergedError: training left the finite numbers.
        """
        if not 0 < self.contamination <= 0.5:
            got, do = repr(self.contamination), "say which share of the rows is odd"
            raise InputError(explain(expected="contamination above 0 and at most .5", got=got, do=do))
        parameters = {name: value for name, value in self.get_params().items() if name != "contamination"}
        self.density_ = ScoreDensity(**parameters).fit(X)
        self.n_features_in_ = self.density_.n_features_in_
        if hasattr(self.density_, "feature_names_in_"):
            self.feature_names_in_ = self.density_.feature_names_in_
        self.offset_ = float(np.percentile(self.score_samples(X), 100 * self.contamination))
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """Log-density of every row, in nats and in the units of the columns: the lower, the odder."""
        check_is_fitted(self, "density_")
        return self.density_.score_samples(X)

    def decision_function(self, X: Any) -> np.ndarray:
        """Log-density less :attr:`offset_`: negative for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """-1 for outliers, and 1 for all others."""
        return np.where(self.decision_function(X) < 0, -1, 1)
