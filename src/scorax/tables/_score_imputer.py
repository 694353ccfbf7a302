"""The scikit-learn transformer that fills missing cells."""

import dataclasses
import warnings
from typing import Any, ClassVar, get_args

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags

from scorax._errors import InputError, explain
from scorax._text import quote
from scorax.data import Missing, Table
from scorax.tables._beyond import FarOut
from scorax.tables._config import MASKS, FitConfig
from scorax.tables._estimator import AbstractTableEstimator, asked_count, drawn_seed, table_of
from scorax.tables._frames import Frame
from scorax.tables._imputed import QUANTILES, Filled, Method, Spread, fill
from scorax.tables._scorable import require_told


class ScoreImputer(OneToOneFeatureMixin, TransformerMixin, AbstractTableEstimator):
    """Missing cells filled from the law of their row given the cells that are there, by a score-based model.

    The model is that of :class:`ScoreDensity`, trained to answer for any columns given any others: ``training.masks`` is .5 where
    ``config`` says 0. Cells that are there condition the draws and stay as they are. It is right where cells are missing at
    random: what is there decides whether another is missing.

    ``X`` is an array or a data frame, with NaN or null where a cell is missing, and comes back complete and in kind: a frame with
    the types and the index that it had. Columns that the model leaves out, such as identifiers and columns without a value, pass
    as they are. A row in which all cells are missing is refused. Draws far outside of what the fit has seen are warned of: what
    is there in such a row is unlike the rows of the fit.

    For an analysis of the rows fit with ``bootstrap``, take several completed tables from :meth:`draws`, analyse each and
    :func:`pool` the answers: means are too alike for that, and draws of one model lack its own uncertainty.

    Args:
        config: every setting of the recipe; the defaults where it is ``None``.
        folds: number of cross-validation members; overrides ``config.ensemble.folds``.
        max_steps: optimiser steps at most; overrides ``config.training.max_steps``.
        random_state: seed of folds, initial weights, noise and draws.
        verbose: show progress and the time left.
        method: what :meth:`transform` fills a cell with. ``mean``: of the draws, put on the points of the column; of categories
            the most frequent, of counts and other levels in order the median. ``median``: the same with the median. ``draw``: one
            draw.
        n_draws: draws behind a mean, a median and a spread.
        bootstrap: whether members are fitted to bootstrapped rows (``ensemble.bootstrap``), 20 where ``folds`` is left out; draw
            k is then one of member k modulo their number, and pooled intervals hold. Otherwise all are of one model.

    Attributes:
        schema_: kinds and grids of the columns.
        n_features_in_: number of columns.
        feature_names_in_: their names, where ``X`` had some.
        seed_: the number that all randomness follows from.

    Example:
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> X = load_iris().data
        >>> X[::7, 2] = np.nan
        >>> imputer = ScoreImputer(random_state=0).fit(X)  # doctest: +SKIP
        >>> whole, five = imputer.transform(X), imputer.draws(X, 5)  # doctest: +SKIP
    """

    _array_holes: ClassVar[Missing] = "keep"

    def __init__(
        self,
        config: Any = None,
        *,
        folds: Any = None,
        max_steps: Any = None,
        random_state: Any = None,
        verbose: Any = False,
        method: Any = "mean",
        n_draws: Any = 100,
        bootstrap: Any = False,
    ) -> None:
        super().__init__(config, folds=folds, max_steps=max_steps, random_state=random_state, verbose=verbose)
        self.method = method
        self.n_draws = n_draws
        self.bootstrap = bootstrap

    def transform(self, X: Any) -> Any:
        """The rows with their missing cells filled, in kind; the same rows give the same answer.

        Raises:
            InputError: a row without a cell, a level that the fit never saw, or a model that was not trained under masks.
        """
        method: Method = self._method()
        table = table_of(self, X, reset=False)
        found = self._fill(table, method, 1 if method == "draw" else asked_count(self.n_draws, "n_draws"), self.seed_)
        return self._in_kind(X, table, found.table())

    def draws(self, X: Any, n: int = 5, random_state: int | np.random.RandomState | None = None) -> list[Any]:
        """Completed tables, each in kind and with its own draw of every missing cell: multiple imputations.

        Table k is drawn by member k modulo their number, where members are fitted to bootstrapped rows: with D tables of each of
        M members, estimates of shape (D M, ...) are reshaped to (D, M, ...) and their first axes swapped for :func:`pool`.

        Args:
            X: rows.
            n: how many tables.
            random_state: seed of the draws; that of the fit where it is ``None``.
        """
        seed = self._seed(random_state)
        table = table_of(self, X, reset=False)
        found = self._fill(table, "draw", asked_count(n, "n"), seed)
        return [self._in_kind(X, table, found.table(k)) for k in range(n)]

    def spread(self, X: Any, *, quantiles: tuple[float, ...] = QUANTILES) -> Spread:
        """How far the ``n_draws`` draws of every missing cell spread: mean, deviation, quantiles, and the share of the most
        frequent level. They are those behind the means and medians of :meth:`transform`."""
        table = table_of(self, X, reset=False)
        count = asked_count(self.n_draws, "n_draws")
        found = self._fill(table, "mean", count, self.seed_, tuple(quantiles)).spread
        assert found is not None
        return found

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _settings(self) -> FitConfig:
        self._method()
        asked_count(self.n_draws, "n_draws")
        config = super()._settings()
        training = dataclasses.replace(config.training, masks=config.training.masks or MASKS)
        ensemble = dataclasses.replace(config.ensemble, bootstrap=config.ensemble.bootstrap or bool(self.bootstrap))
        return dataclasses.replace(config, training=training, ensemble=ensemble)

    def _fill(
        self, table: Table, method: Method, draws: int, seed: int, levels: tuple[float, ...] = QUANTILES
    ) -> Filled:
        values = self.schema_.match(table, "X")
        require_told(values, self.schema_, where="X")
        found = fill(self._fitted(), values, method=method, draws=draws, seed=seed, levels=levels)
        far = FarOut(self.schema_)
        for k in range(len(found.cells)):
            far.add(found.table(k), found.missing)
        for line in far.lines("X"):
            warnings.warn(line, stacklevel=3)
        return found

    def _seed(self, random_state: int | np.random.RandomState | None) -> int:
        if random_state is None:
            return self.seed_
        return drawn_seed(random_state)

    def _in_kind(self, X: Any, table: Table, values: np.ndarray) -> Any:
        """The columns of ``X`` with those of the model as they are here."""
        plain = {name: (table.formats[j], table.values[:, j]) for j, name in enumerate(table.columns)}
        own = {column.name: (column.format, values[:, j]) for j, column in enumerate(self.schema_.columns)}
        for name, (form, found) in own.items():
            given, there = plain[name]
            if not form.keeps(there, given):  # finer than the fit had them
                own[name] = given, np.where(np.isnan(there), given.taken(found, form), there)
        cells = [form.cells(found) for form, found in (plain | own).values()]
        frame = Frame.of(X)
        if frame is not None:
            return frame.like(X, cells)
        given, made = np.asarray(X), np.column_stack(cells)
        return made.astype(given.dtype) if given.dtype.kind in "fiub" else made

    def _method(self) -> Method:
        for known in get_args(Method):
            if self.method == known:
                return known
        got, do = quote(str(self.method), 30), f"choose among {', '.join(get_args(Method))}"
        raise InputError(explain(expected="the name of a method", got=got, do=do))
