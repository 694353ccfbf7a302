"""The scikit-learn estimator of a table's density."""

import dataclasses
import warnings
from collections import Counter
from contextlib import nullcontext
from os import PathLike
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from scorax import _html
from scorax._errors import InputError, explain
from scorax._events import Event
from scorax._progress import Progress
from scorax._text import listing, shown_path
from scorax.checkpoint import RunFolder
from scorax.data import Table
from scorax.diagnostics import SamplerChoice
from scorax.likelihood import AbstractDivergence, DataLogProb, LogProb
from scorax.models import Denoiser
from scorax.samplers import AbstractSampler
from scorax.spec import from_mapping, to_json
from scorax.tables._config import FitConfig, checked_name
from scorax.tables._files import load_fitted, load_loss_curve, load_memory, save_fitted
from scorax.tables._fitted import FittedTable
from scorax.tables._frames import Frame, checked_table, default_names
from scorax.tables._memory import Memory
from scorax.tables._notes import notes
from scorax.tables._precision import in_own_precision
from scorax.tables._recipe import Recipe, TrainingEnded
from scorax.tables._rows import FEWEST_ROWS, FitRows
from scorax.tables._sampling import measured, sampler_of
from scorax.tables._saved import open_run
from scorax.tables._schema import Schema
from scorax.tables._training import Advance


class ScoreDensity(DensityMixin, BaseEstimator):
    """Density of a table by a score-based model: log-densities with their error, sampling and gradients.

    The recipe is that of ``scorax fit``: per-column standardisation, a residual network trained by likelihood-weighted
    denoising score matching, on small tables the mean field of five cross-validation members, early stopping and the
    cut-off ``sigma_min`` on held-out rows. Integer columns and columns of repeated rounded values are dequantised: the
    density is that of the row with uniform noise of one bin.

    ``X`` is an array, a list of rows, or a data frame (pandas, polars or another that narwhals knows). Columns of a frame are
    checked by name, columns of integers stay exact, and :meth:`sample` gives a frame of that kind; densities are arrays. It may
    have texts, truth values, times and missing cells: ``docs/guides/tables.md`` says what a model sees of them.

    JAX runs threads: a process that is forked after a fit hangs in its first computation. Other processes have to start fresh, by
    ``multiprocessing.get_context("spawn")`` or joblib's default, loky, with which ``GridSearchCV(..., n_jobs=2)`` works.

    Args:
        config: every setting of the recipe; the defaults where it is ``None``.
        folds: number of cross-validation members; overrides ``config.ensemble.folds``.
        max_steps: optimiser steps at most; overrides ``config.training.max_steps``.
        random_state: seed of folds, initial weights, noise and dequantisation.
        verbose: show progress and the time left: a bar at a terminal and in notebooks that have ipywidgets, else lines.

    Attributes:
        schema_: kinds and grids of the columns.
        sigma_min_: chosen cut-off, in standardised units.
        loss_curve_: held-out loss at every validation, mean over members, in nats up to a constant.
        n_iter_: optimiser steps taken.
        n_features_in_: number of columns.
        feature_names_in_: their names, where ``X`` had some.
        frame_: kind of the data frame that ``X`` was, or ``None``: :meth:`sample` answers in kind.
        seed_: the number that all randomness follows from.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X = load_iris().data
        >>> density = ScoreDensity(random_state=0).fit(X)  # doctest: +SKIP
        >>> density.score_samples(X[:2]), density.sample(3)  # doctest: +SKIP
    """

    n_features_in_: int
    feature_names_in_: np.ndarray

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

    def fit(self, X: Any, y: Any = None) -> "ScoreDensity":
        """Fit the rows of ``X``, shape (n, d); ``y`` is ignored. Warns of what ``scorax.tables.notes`` finds odd about them.

        Raises:
            InputError: fewer than ten rows, or no column that varies (a ``ValueError``).
            DivergedError: training left the finite numbers.
        """
        rows, config = FitRows(_table(self, X, reset=True, fewest=FEWEST_ROWS), "X"), self._settings()
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        rows.split(config, seed)
        for line in notes(rows.table, rows.found.schema):
            warnings.warn(line, stacklevel=2)
        curve: list[float] = []
        with Progress() if self.verbose else nullcontext() as progress:

            def hear(event: Event | TrainingEnded) -> None:
                if isinstance(event, Advance) and event.validated:
                    curve.append(event.validation_loss)
                if progress is not None and not isinstance(event, TrainingEnded):
                    progress(event)

            fit = Recipe(config, seed).fit(rows, hear)
        self.fitted_: FittedTable = fit.fitted
        self.frame_ = Frame.of(X, [name in self.schema_.names for name in rows.table.columns])
        self.loss_curve_ = np.array(curve)
        self.n_iter_ = fit.steps
        self.seed_ = seed
        return self

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

    def sample(self, n_samples: int = 1, random_state: int | np.random.RandomState | None = None) -> Any:
        """Rows drawn from the model, rounded as the training columns are.

        A data frame of the kind that was fitted, with its columns in order, integers where they were; otherwise an array of
        shape (n_samples, d), of integers if all columns are.
        """
        self._fitted()
        if n_samples < 1:
            raise InputError(explain(expected="n_samples of at least 1", got=str(n_samples), do="ask for a row"))
        seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
        rows = self.sample_rows(0, n_samples, seed)
        return self.schema_.matrix(rows) if self.frame_ is None else self.frame_.build(self.schema_.cells(rows))

    def sample_rows(self, start: int, count: int, seed: int, *, sampler: AbstractSampler | None = None) -> np.ndarray:
        """Rows ``start`` to ``start + count`` of the endless table of ``seed``: row k depends on the seed and k only.

        Float64, in the coordinates of ``schema_``: large integers count from their origin (``schema_.cells`` adds it).
        ``sampler`` is that of :attr:`config` where it is ``None``; see also :meth:`named_sampler`.
        """
        return self._fitted().sample_rows(start, count, seed, sampler=sampler)

    @in_own_precision
    def named_sampler(
        self, name: str | None = None, evaluations: int | None = None
    ) -> tuple[AbstractSampler, str | None]:
        """The sampler of a name, for a number of evaluations a draw; ``auto`` measures and says what it found.

        ``None`` is what :attr:`config` says.

        Raises:
            InputError: no sampler has that name.
        """
        fitted = self._fitted()
        sampling = fitted.config.sampling
        chosen = sampling.sampler if name is None else checked_name(name)
        return sampler_of(fitted.model, fitted.blueprint.starts, chosen, evaluations or sampling.evaluations)

    @in_own_precision
    def choose_sampler(self, evaluations: int = 64) -> SamplerChoice:
        """The sampler that is most accurate for ``evaluations`` a draw on a law like the data's, and all that were measured.

        The law is the mixture that members start from, or the Gaussian with the moments of the table.
        """
        fitted = self._fitted()
        return measured(fitted.model, fitted.blueprint.starts, evaluations)

    def score_samples(self, X: Any) -> np.ndarray:
        """Log-density of every row, in nats and in the units of the columns; rounded columns are dequantised first."""
        return np.asarray(self.log_prob(X).value)

    def score(self, X: Any, y: Any = None) -> float:  # pyright: ignore[reportIncompatibleMethodOverride]  # the mixin's returns nothing
        """Mean log-density of the rows (scikit-learn's ``score``, not the gradient)."""
        return float(np.mean(self.score_samples(X)))

    def log_prob(self, X: Any) -> LogProb | DataLogProb:
        """Log-density of every row with its error; see :class:`~scorax.likelihood.LogProb`.

        Of a table with categories their log-probability and the density of the numbers, a
        :class:`~scorax.likelihood.DataLogProb`."""
        return self.log_prob_rows(self._rows(X), seed=self.seed_)

    def log_prob_rows(
        self,
        values: np.ndarray,
        *,
        seed: int = 0,
        tolerance: float | None = None,
        precision: str = "auto",
        divergence: AbstractDivergence | None = None,
        draws: int = 1,
    ) -> LogProb | DataLogProb:
        """Log-density of rows in all columns of the schema, dequantised by noise that follows from content and seed.

        Args:
            values: rows in the coordinates of the schema, as ``schema_.match`` gives them.
            seed: of the noise inside bins, and of probes.
            tolerance: wanted error of the solve, in nats; that of :attr:`config` where it is ``None``, or of the precision.
            precision: ``float32``, ``float64``, or ``auto``: float64 on CPU and float32 elsewhere.
            divergence: how the divergence is had; see :func:`~scorax.likelihood.log_prob`.
            draws: of noisy codes a row, where there are categories; see :func:`~scorax.likelihood.coded_log_prob`.
        """
        return self._fitted().log_prob(
            values, tolerance=tolerance, precision=precision, divergence=divergence, draws=draws, seed=seed
        )

    def log_probability(
        self, X: Any, *, draws: int = 16, importance: bool = True, tolerance: float | None = None
    ) -> DataLogProb:
        """Lower bound on the log-probability of every row, its rounded columns taken as bins; continuous ones stay densities.

        See :func:`~scorax.likelihood.data_log_prob` for the two bounds. Bits per column: ``bits_per_dim(answer.value,
        density.widths_)``, where all columns are rounded.

        Raises:
            InputError: no column of the table is rounded.
        """
        fitted = self._fitted()
        return fitted.log_probability(
            self._rows(X), draws=draws, importance=importance, tolerance=tolerance, seed=self.seed_
        )

    @property
    def model_(self) -> Denoiser:
        """The score model, for rows in standardised units: ``scorax.save(density.model_, folder)`` keeps it without the table."""
        return self._fitted().model

    @property
    def widths_(self) -> np.ndarray:
        """Bin width of every column that varies, 0 where it is continuous."""
        return self._fitted().coordinates.schema.widths

    def grad_log_density(self, X: Any) -> np.ndarray:
        """Gradient of the log-density at every row, shape (n, d), per unit of each column; zero in constant columns."""
        return self._fitted().grad_log_density(self._rows(X))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model as a run folder that :meth:`load`, ``scorax sample`` and ``scorax logp`` read.

        Raises:
            InputError: something is there already.
        """
        run = RunFolder(path)
        if run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
            raise InputError(
                f"{shown_path(run.path)}: "
                + explain(expected="a new folder", got="an existing one", do="choose another path")
            )
        memory = Memory.of(self.get_params(), named=hasattr(self, "feature_names_in_"), frame=self.frame_)
        save_fitted(run.create(), self._fitted(), memory, self.loss_curve_, seed=self.seed_, steps=self.n_iter_)

    @staticmethod
    def load(path: str | PathLike[str]) -> "ScoreDensity":
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
            estimator = ScoreDensity(from_mapping(FitConfig, to_json(fitted.config)))
            named, estimator.frame_ = list(names) != default_names(len(names)), None
        else:
            estimator = ScoreDensity(**memory.parameters)
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
        return self.schema_.match(_table(self, X, reset=False), "X")


def _table(estimator: ScoreDensity, X: Any, *, reset: bool, fewest: int = 1) -> Table:
    """The rows of ``X``; a data frame may have missing cells, an array of numbers none, as scikit-learn has it."""
    framed = Frame.of(X) is not None
    return checked_table(estimator, X, reset=reset, fewest=fewest, missing="keep" if framed else "refuse")
