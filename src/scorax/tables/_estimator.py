"""What the estimators of a table have in common: parameters, the fit, what was fitted, and the way to a folder and back."""

import dataclasses
import warnings
from collections import Counter
from contextlib import nullcontext
from os import PathLike
from typing import Any, ClassVar, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from scorax import _html
from scorax._errors import InputError, explain, refusal
from scorax._events import Event
from scorax._progress import Progress
from scorax._text import listing
from scorax.checkpoint import RunFolder
from scorax.data import Missing, Table
from scorax.spec import from_mapping, to_json
from scorax.tables._advance import Advance
from scorax.tables._config import FitConfig
from scorax.tables._files import load_fitted, load_loss_curve, load_memory, save_fitted
from scorax.tables._fitted import FittedTable
from scorax.tables._frames import Frame, checked_table, default_names
from scorax.tables._memory import Memory
from scorax.tables._notes import notes
from scorax.tables._recipe import Recipe, RoundEnded
from scorax.tables._rows import FEWEST_ROWS, FitRows
from scorax.tables._saved import open_run
from scorax.tables._schema import Schema
from scorax.tables._scorable import require_whole_rows

Own = TypeVar("Own", bound="AbstractTableEstimator")


class AbstractTableEstimator(BaseEstimator):
    """An estimator that fits the model of a table by the recipe of ``scorax fit``.

    Args:
        config: every setting of the recipe; the defaults where it is ``None``.
        folds: number of cross-validation members; overrides ``config.ensemble.folds``.
        max_steps: optimiser steps at most; overrides ``config.training.max_steps``.
        random_state: seed of folds, initial weights, noise and dequantisation.
        verbose: show progress and the time left: a bar at a terminal and in notebooks that have ipywidgets, else lines.
    """

    n_features_in_: int
    feature_names_in_: np.ndarray
    _array_holes: ClassVar[Missing] = "refuse"
    """What missing cells of an array do; scikit-learn's estimators refuse them where nothing else is said."""

    def __init__(
        self,
        config: Any = None,
        *,
        folds: Any = None,
        max_steps: Any = None,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        # scikit-learn's contract: anything is stored as it is, and fit is the one that objects.
        self.config = config
        self.folds = folds
        self.max_steps = max_steps
        self.random_state = random_state
        self.verbose = verbose

    def fit(self: Own, X: Any, y: Any = None) -> Own:
        """Fit the rows of ``X``, shape (n, d); ``y`` is ignored. Warns of what ``scorax.tables.notes`` finds odd about them.

        Raises:
            InputError: fewer than ten rows, or no column that varies (a ``ValueError``).
            DivergedError: training left the finite numbers.
        """
        rows, config = FitRows(table_of(self, X, reset=True, fewest=FEWEST_ROWS), "X"), self._settings()
        require_whole_rows(config)
        rows.split(config, 0)
        for line in notes(rows.table, rows.found.schema):
            warnings.warn(line, stacklevel=2)
        self._learn(rows, config)
        self.frame_ = Frame.of(X, [name in self.schema_.names for name in rows.table.columns])
        return self

    def _learn(self, rows: FitRows, config: FitConfig) -> None:
        """Fit the rows and keep what came of it."""
        seed = drawn_seed(self.random_state)
        curve: list[float] = []
        with Progress() if self.verbose else nullcontext() as progress:

            def hear(event: Event | RoundEnded) -> None:
                if isinstance(event, Advance) and event.validated:
                    curve.append(event.validation_loss)
                if progress is not None and not isinstance(event, RoundEnded):
                    progress(event)

            fit = Recipe(config, seed).fit(rows, hear)
        self.fitted_: FittedTable = fit.fitted
        self.loss_curve_ = np.array(curve)
        self.n_iter_ = fit.steps
        self.seed_ = seed

    def _settings(self) -> FitConfig:
        config = FitConfig() if self.config is None else self.config
        if not isinstance(config, FitConfig):
            raise InputError(
                explain(expected="config as a FitConfig or None", got=repr(config), do="pass FitConfig(...)")
            )
        if self.folds is not None:
            config = dataclasses.replace(config, ensemble=dataclasses.replace(config.ensemble, folds=self.folds))
        if self.max_steps is not None:
            config = dataclasses.replace(
                config, training=dataclasses.replace(config.training, max_steps=self.max_steps)
            )
        return config

    @property
    def schema_(self) -> Schema:
        """Kinds and grids of the columns."""
        return self._fitted().coordinates.schema

    @property
    def sigma_min_(self) -> float:
        """Chosen cut-off, in standardised units."""
        return float(self._fitted().model.process.t0)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model as a run folder that :meth:`load`, ``scorax sample`` and ``scorax logp`` read.

        Raises:
            InputError: something is there already.
        """
        run = RunFolder(path)
        if run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
            raise refusal(run.path, expected="a new folder", got="an existing one", do="choose another path")
        memory = Memory.of(self.get_params(), named=hasattr(self, "feature_names_in_"), frame=self.frame_)
        save_fitted(run.create(), self._fitted(), memory, self.loss_curve_, seed=self.seed_, steps=self.n_iter_)

    @classmethod
    def load(cls: type[Own], path: str | PathLike[str]) -> Own:
        """The estimator of a finished run folder, made by :meth:`save`, with all it was, or by ``scorax fit``.

        Raises:
            InputError: the folder is damaged, or its fit was interrupted.
        """
        run = RunFolder(path)
        saved = open_run(run)
        fitted = load_fitted(saved)
        names = np.array(fitted.coordinates.schema.names, dtype=object)
        memory = load_memory(run)
        if memory is None:
            estimator = cls(from_mapping(FitConfig, to_json(fitted.config)))
            named, estimator.frame_ = list(names) != default_names(len(names)), None
        else:
            own = memory.parameters  # of an estimator of another class there may be more
            estimator = cls(**{name: own[name] for name in cls._get_param_names() if name in own})
            named, estimator.frame_ = memory.named, memory.frame
        estimator.fitted_ = fitted
        estimator.n_features_in_ = len(names)
        if named:
            estimator.feature_names_in_ = names
        estimator.seed_ = saved.facts.seed
        estimator.n_iter_ = saved.step
        estimator.loss_curve_ = load_loss_curve(run)
        return estimator

    def _repr_html_inner(self) -> str:
        return super()._repr_html_inner() + self._fitted_html()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += self._fitted_html()
        return bundle

    def _fitted_html(self) -> str:
        """What was fitted, below scikit-learn's diagram; nothing before that."""
        if not hasattr(self, "fitted_"):
            return ""
        kinds = Counter(column.kind for column in self.schema_.columns)
        facts = {
            "columns": f"{len(self.schema_.columns)}: {', '.join(f'{count} {kind}' for kind, count in kinds.items())}",
            "names": listing(self.schema_.names),
            "members of the ensemble": self.fitted_.config.ensemble.folds,
            "steps": self.n_iter_,
            "held-out loss, best": f"{np.min(self.loss_curve_):.4f} nats up to a constant"
            if len(self.loss_curve_)
            else "",
            "smallest noise sigma_min": f"{self.sigma_min_:g} standard deviations",
            "seed": self.seed_,
        }
        return _html.table("fitted", ("", ""), facts.items())

    def _fitted(self) -> FittedTable:
        check_is_fitted(self, "fitted_")
        return self.fitted_

    def _rows(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "fitted_")
        return self.schema_.match(table_of(self, X, reset=False), "X")


def table_of(estimator: AbstractTableEstimator, X: Any, *, reset: bool, fewest: int = 1) -> Table:
    """The rows of ``X``; a data frame may have missing cells, an array of numbers where the estimator says so."""
    missing = "keep" if Frame.of(X) is not None else type(estimator)._array_holes
    return checked_table(estimator, X, reset=reset, fewest=fewest, missing=missing)


def asked_count(count: Any, name: str) -> int:
    """How many draws are asked for.

    Raises:
        InputError: it is no whole number, or less than 1.
    """
    if not isinstance(count, int | np.integer) or count < 1:
        raise InputError(
            explain(expected=f"{name} as a whole number of at least 1", got=str(count), do="ask for a draw")
        )
    return int(count)


def drawn_seed(random_state: Any) -> int:
    """A seed from what scikit-learn takes for one: ``None``, a number, or a generator, which goes on."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
