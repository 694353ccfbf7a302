"""The scikit-learn estimator of one column given others."""

import dataclasses
import math
import warnings
from os import PathLike
from typing import Any, TypeVar

import numpy as np
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils._tags import ClassifierTags, RegressorTags, Tags
from sklearn.utils.metaestimators import available_if

from scorax._errors import InputError, explain, refusal
from scorax.metrics import conformal_quantile
from scorax.tables._beyond import FarOut, seen_ends
from scorax.tables._conformal import interval_scores, require_between, set_scores
from scorax.tables._estimator import AbstractTableEstimator, asked_count, table_of
from scorax.tables._last_column import LastColumn
from scorax.tables._notes import notes
from scorax.tables._rows import FEWEST_ROWS, FitRows
from scorax.tables._schema import Schema
from scorax.tables._scorable import require_cells
from scorax.tables._targets import checked_target, is_of_classes, repeats, target_column, target_values
from scorax.tables.columns import AbstractColumn, AbstractLevels

_LEVELS = (np.arange(64) + 0.5) / 64
"""Of the quantiles whose mean is that of a number."""


Own = TypeVar("Own", bound="ScoreConditional")


def _of_classes(estimator: "ScoreConditional") -> bool:
    return estimator.classes is True or hasattr(estimator, "classes_")


def _of_numbers(estimator: "ScoreConditional") -> bool:
    return not _of_classes(estimator)


class ScoreConditional(AbstractTableEstimator):
    r"""Law of y given X by a score-based model: a density of a number, or probabilities of classes.

    The recipe is that of :class:`ScoreDensity` on the table [X, y], with the same question at every visit: y given X. The loss is
    that of y alone, and members stop, and the cut-off is chosen, by the held-out log-density of y given X.

    Numbers come from the flow: that of one number keeps order, so quantiles are solves and not draws, and the mean is that of 64
    of them. Probabilities of classes are one look of the network. ``X`` is what :class:`ScoreDensity` takes. Cells of it that are
    missing in a data frame are summed over, as they are in training.

    It is a classifier for scikit-learn where y is of classes, and a regressor otherwise. Both have the same :meth:`score`, the
    mean of log p(y | x): ask ``scoring="r2"`` or ``"accuracy"`` for another.

    Args:
        config: every setting of the recipe; the defaults where it is ``None``.
        classes: whether y is of classes; where it is ``None``, texts and truth values are, and numbers are numbers.
        folds: number of cross-validation members; overrides ``config.ensemble.folds``.
        max_steps: optimiser steps at most; overrides ``config.training.max_steps``.
        random_state: seed of folds, initial weights, noise and dequantisation.
        verbose: show progress and the time left.

    Attributes:
        classes_: the classes in order, where y is of some.
        schema_: kinds and grids of the columns; y is the last.
        sigma_min_: chosen cut-off, in standardised units.
        loss_curve_: held-out loss of y given X at every validation, mean over members, in nats up to a constant.
        n_iter_: optimiser steps taken.
        n_features_in_: number of columns of X.
        feature_names_in_: their names, where ``X`` had some.
        seed_: the number that all randomness follows from.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> law = ScoreConditional(random_state=0).fit(X, y)  # doctest: +SKIP
        >>> law.predict_quantiles(X[:2], [0.05, 0.5, 0.95])  # doctest: +SKIP
    """

    def __init__(
        self,
        config: Any = None,
        *,
        classes: Any = None,
        folds: Any = None,
        max_steps: Any = None,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        super().__init__(config, folds=folds, max_steps=max_steps, random_state=random_state, verbose=verbose)
        self.classes = classes

    def fit(self: Own, X: Any, y: Any = None, sample_weight: Any = None) -> Own:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Fit the law of ``y`` given the rows of ``X``.

        A row of weight k is there k times, in training, in validation and in all that is taken from the rows: the fit is that
        of the table with the row k times, in any order, bit for bit. Other weights are made whole by systematic resampling.

        Raises:
            ValueError: fewer than ten rows, no column of ``X`` that varies, or a ``y`` or weights that do not fit.
            DivergedError: training left the finite numbers.
        """
        table, y = table_of(self, X, reset=True, fewest=FEWEST_ROWS), checked_target(self, y)
        check_consistent_length(table.values, y)
        picked = repeats(sample_weight, table.values, 0)
        # Of the same rows in another order, or as often by their weights, the fit is the same.
        picked = picked[np.lexsort((np.unique(y, return_inverse=True)[1][picked], *table.values[picked].T))]
        table, y = dataclasses.replace(table, values=table.values[picked]), y[picked]
        classes = is_of_classes(y) if self.classes is None else bool(self.classes)
        found = FitRows(table, "X").found.schema
        column = target_column(y, _unused("y", table.columns), classes=classes)
        given = tuple(found.names[j] for j in found.free)
        if not given:
            do = "nothing is to be learned of y given it"
            raise refusal("X", expected="a column with different values", got="none", do=do)
        for line in notes(table, found):
            warnings.warn(line, stacklevel=2)
        whole = dataclasses.replace(
            table,
            columns=(*table.columns, column.name),
            values=np.column_stack([table.values, target_values(y, column)]),
            formats=(*table.formats, column.format),
        )
        schema = dataclasses.replace(found, columns=(*found.columns, column))
        config = self._settings()
        training = dataclasses.replace(config.training, given=given)
        rows = FitRows(whole, "X", given=schema)
        self._learn(rows, dataclasses.replace(config, training=training))
        self.frame_ = None
        for name in ("classes_", "calibration_"):
            if hasattr(self, name):
                delattr(self, name)
        if classes:
            self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The mean of y given each row, or its most probable class."""
        if _of_classes(self):
            places = np.argmax(self.predict_proba(X), axis=1)
            return self.classes_[places]
        values = self._rows(X)
        return self._quantiles(values, np.tile(_LEVELS, (len(values), 1))).mean(axis=1)

    @available_if(_of_classes)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n, classes) of the classes in the order of ``classes_``; rows sum to one."""
        return np.exp(self.predict_log_proba(X))

    @available_if(_of_classes)
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of :meth:`predict_proba`."""
        return self._law.log_probabilities(self._rows(X))[:, np.argsort(_cells(self._column))]

    @available_if(_of_numbers)
    def predict_quantiles(self, X: Any, levels: Any) -> np.ndarray:
        """Quantiles (n, levels) of y given each row, as y is written: whole where y is.

        Raises:
            InputError: no level, or one that is not between 0 and 1.
        """
        values, levels = self._rows(X), np.atleast_1d(np.asarray(levels, np.float64))
        if not levels.size:
            raise InputError(explain(expected="levels between 0 and 1", got="none", do="ask for one or more"))
        for level in levels:
            require_between("levels", float(level))
        return self._quantiles(values, np.tile(levels, (len(values), 1)), rounded=True)

    def sample(self, X: Any, n_samples: int = 1, random_state: int | np.random.RandomState | None = None) -> np.ndarray:
        """Draws (n, n_samples) of y given each row."""
        n_samples = asked_count(n_samples, "n_samples")
        values = self._rows(X)
        u = check_random_state(random_state).uniform(np.finfo(float).tiny, 1, size=(len(values), n_samples))
        if _of_classes(self):
            ends = np.cumsum(self.predict_proba(X), axis=1)[:, None, :-1]
            return self.classes_[np.sum(u[:, :, None] >= ends, axis=2)]
        found = self._quantiles(values, u, rounded=True)
        return self._column.format.cells(found.reshape(-1)).reshape(found.shape)

    def score_samples(self, X: Any, y: Any) -> np.ndarray:
        r"""log p(y | x) of every row, in nats: a log-probability of classes, a log-density in the unit of y of numbers.

        Rounded numbers are dequantised: the density is that of y with uniform noise of one cell. All classes that the fit has not
        seen have together the mass $1 / (2 (n + K))$, with n rows of the fit and K classes, and the others what is left of one.
        """
        return self._law.log_prob(self._with_target(X, y), self.seed_)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Mean of log p(y | x), weighted where weights are given."""
        return float(np.average(self.score_samples(X, y), weights=sample_weight))

    def calibrate(self: Own, X: Any, y: Any) -> Own:
        """Keep rows that the fit has not seen, by which :meth:`predict_interval` and :meth:`predict_set` are made to hold."""
        values = self._with_target(X, y)
        if _of_classes(self):
            self._places(values)
        self.calibration_ = values
        return self

    @available_if(_of_numbers)
    def predict_interval(self, X: Any, confidence: float = 0.9) -> np.ndarray:
        r"""Intervals (n, 2) that hold y with this probability, whatever the model is: split-conformal, after :meth:`calibrate`.

        The model's interval between the quantiles a/2 and 1 - a/2, a = 1 - confidence, is widened, or narrowed, at both ends by
        the $\lceil (n+1)(1-a) \rceil$-th smallest distance of the n rows of calibration. Over rows that are exchangeable with
        those it holds y with probability $\lceil (n+1)(1-a) \rceil / (n+1)$: in the mean, not for each x. A rounded y counts with
        uniform noise inside its cell, here too. With fewer than (1-a)/a rows intervals have no ends.

        Reference: Romano, Patterson and Candes (2019), *Conformalized quantile regression*.
        """
        require_between("confidence", confidence)
        known = self._calibration
        widths = np.nan_to_num(self._column.encode(known[:, -1]).widths[:, 0])
        y = known[:, -1] + widths * (np.random.default_rng([self.seed_, 4]).uniform(size=len(known)) - 0.5)
        levels = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
        low, high = self._law.quantiles(known, np.tile(levels, (len(known), 1))).T
        margin = conformal_quantile(interval_scores(low, high, y), confidence)
        values = self._rows(X)
        return self._quantiles(values, np.tile(levels, (len(values), 1))) + np.array([-margin, margin])

    @available_if(_of_classes)
    def predict_set(
        self, X: Any, confidence: float = 0.9, random_state: int | np.random.RandomState | None = None
    ) -> np.ndarray:
        """Sets of classes (n, classes), as truth values, that hold y with this probability, after :meth:`calibrate`.

        Classes are taken from the most probable on; the last one by a draw, without which sets would hold y more often.

        Reference: Romano, Sesia and Candes (2020), *Classification with valid and adaptive coverage*.
        """
        known = self._calibration
        order = np.argsort(_cells(self._column))
        draws = np.random.default_rng([self.seed_, 4]).uniform(size=len(known))
        scores = set_scores(np.exp(self._law.log_probabilities(known)), draws)
        limit = conformal_quantile(scores[np.arange(len(known)), self._places(known)], confidence)
        probabilities = np.exp(self._law.log_probabilities(self._rows(X)))
        u = check_random_state(random_state).uniform(size=len(probabilities))
        return (set_scores(probabilities, u) <= limit)[:, order]

    @classmethod
    def load(cls: type[Own], path: str | PathLike[str]) -> Own:
        """The estimator of a folder that :meth:`save` wrote; rows of calibration are not kept.

        Raises:
            InputError: the folder is damaged, or of a model of whole rows.
        """
        estimator = super().load(path)
        if not estimator._fitted().config.training.given:
            got, do = "a model of whole rows", "take ScoreDensity.load"
            raise refusal(path, expected="a model of y given X", got=got, do=do)
        estimator.n_features_in_ -= 1
        if hasattr(estimator, "feature_names_in_"):
            estimator.feature_names_in_ = estimator.feature_names_in_[:-1]
        if isinstance(estimator._column, AbstractLevels):
            estimator.classes_ = np.sort(_cells(estimator._column))
        return estimator

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        if _of_classes(self):
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        else:
            # What scikit-learn asks of a score is of R^2, and this one is a log-density.
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags(poor_score=True)
        return tags

    @property
    def _law(self) -> LastColumn:
        return LastColumn(self._fitted())

    @property
    def _column(self) -> AbstractColumn:
        return self.schema_.columns[-1]

    @property
    def _calibration(self) -> np.ndarray:
        if not hasattr(self, "calibration_"):
            do = "call calibrate(X, y) with rows that the fit has not seen"
            raise InputError(explain(expected="rows of calibration", got="none", do=do))
        return self.calibration_

    def _rows(self, X: Any) -> np.ndarray:
        others = Schema(self.schema_.columns[:-1]).match(table_of(self, X, reset=False), "X")
        values = np.column_stack([others, np.full(len(others), math.nan)])
        require_cells(values, self.schema_, self._fitted().config, where="X", asked=(self._column.name,))
        return values

    def _quantiles(self, values: np.ndarray, levels: np.ndarray, *, rounded: bool = False) -> np.ndarray:
        """Quantiles of y given rows; a warning says which of them lie far outside of what the fit has seen."""
        found, far = self._law.quantiles(values, levels, rounded=rounded), FarOut(self.schema_)
        middle = seen_ends(self.schema_)[:, -1].mean()
        farthest = np.abs(found - middle).argmax(axis=1)[:, None]
        whole = np.column_stack([values[:, :-1], np.take_along_axis(found, farthest, axis=1)])
        far.add(whole, np.arange(whole.shape[1])[None] == whole.shape[1] - 1)
        for line in far.lines("X"):
            warnings.warn(line, stacklevel=3)
        return found

    def _with_target(self, X: Any, y: Any) -> np.ndarray:
        values, y = self._rows(X), checked_target(self, y)
        check_consistent_length(values, y)
        values[:, -1] = target_values(y, self._column)
        return values

    def _places(self, values: np.ndarray) -> np.ndarray:
        places = self._column.encode(values[:, -1]).levels[:, 0]
        if np.any(places < 0):
            row = int(np.argmax(places < 0))
            got, do = f"another one in row {row + 1}", "leave such rows out, or fit again with some"
            raise refusal("y", expected="classes of the fit", got=got, do=do)
        return places


def _cells(column: AbstractColumn) -> np.ndarray:
    """The levels of a column as ``y`` has them."""
    assert isinstance(column, AbstractLevels)
    return np.asarray(column.format.cells(column.points))


def _unused(name: str, names: tuple[str, ...]) -> str:
    """The name, with as many lines below as no column has."""
    while name in names:
        name += "_"
    return name
