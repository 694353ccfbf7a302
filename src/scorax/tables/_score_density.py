"""The scikit-learn estimator of a table's density."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import DensityMixin

from scorax.diagnostics import SamplerChoice
from scorax.likelihood import AbstractDivergence, DataLogProb, LogProb
from scorax.models import Denoiser
from scorax.samplers import AbstractSampler
from scorax.tables._conditions import kept, told
from scorax.tables._config import checked_name
from scorax.tables._estimator import AbstractTableEstimator, asked_count, drawn_seed
from scorax.tables._precision import in_own_precision
from scorax.tables._sampling import measured, sampler_of


class ScoreDensity(DensityMixin, AbstractTableEstimator):
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

    def sample(
        self,
        n_samples: int = 1,
        random_state: int | np.random.RandomState | None = None,
        *,
        given: str | None = None,
    ) -> Any:
        """Rows drawn from the model, rounded as the training columns are.

        A data frame of the kind that was fitted, with its columns in order, integers where they were; otherwise an array of
        shape (n_samples, d), of integers if all columns are.

        Args:
            n_samples: how many.
            random_state: seed of the draws.
            given: what holds for the rows, such as ``"class=g, age>=65, colour in {red, blue}"``. A model trained under masks
                (``training.masks``) is told what a column is equal to; draws that miss a range, a set or, without masks, a
                level are passed over.

        Raises:
            InputError: conditions of another form, on another column, that no draw meets, or a value for a number under a model
                trained on whole rows.
        """
        self._fitted()
        n_samples = asked_count(n_samples, "n_samples")
        seed = drawn_seed(random_state)
        known, rest = told(given, self.schema_, self._fitted().config, where="given")

        def draw(start: int, count: int) -> np.ndarray:
            return self.sample_rows(start, count, seed, known=known)

        rows = np.concatenate([piece.rows for piece in kept(draw, rest, n_samples, n_samples)])
        return self.schema_.matrix(rows) if self.frame_ is None else self.frame_.build(self.schema_.cells(rows))

    def sample_rows(
        self,
        start: int,
        count: int,
        seed: int,
        *,
        sampler: AbstractSampler | None = None,
        known: np.ndarray | None = None,
    ) -> np.ndarray:
        """Rows ``start`` to ``start + count`` of the endless table of ``seed``: row k depends on the seed and k only.

        Float64, in the coordinates of ``schema_``: large integers count from their origin (``schema_.cells`` adds it).
        ``sampler`` is that of :attr:`config` where it is ``None``; see also :meth:`named_sampler`. ``known`` is a row with NaN
        for what is drawn: the draws are given its other cells, under a model trained under masks.
        """
        return self._fitted().sample_rows(start, count, seed, sampler=sampler, known=known)

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

    def log_prob(self, X: Any, *, given: Sequence[str] = ()) -> LogProb | DataLogProb:
        """Log-density of every row with its error; see :class:`~scorax.likelihood.LogProb`.

        Of a table with categories their log-probability and the density of the numbers, a
        :class:`~scorax.likelihood.DataLogProb`. Of a model trained under masks (``training.masks``) that of all other columns
        given these, where columns are ``given``; cells of any columns may be missing."""
        return self.log_prob_rows(self._rows(X), seed=self.seed_, given=given)

    def log_probabilities(self, X: Any, target: str, *, given: Sequence[str]) -> np.ndarray:
        """Log-probabilities (n, levels) of the levels of a column given other columns, under a model trained under masks.

        One look of the network, normalised, and no solve; the levels are in the order of ``schema_``. Columns that are not given
        are summed over.
        """
        return self._fitted().log_probabilities(self._rows(X), target, given)

    def inconsistency(self, X: Any, *, given: Sequence[str]) -> np.ndarray:
        r"""$|\log p(a, b) - \log p(a) - \log p(b | a)|$ of every row, with a the given columns and b the others.

        What is wrong with conditional densities of a model trained under masks beside the errors of a solve; its quantile over
        rows like yours stands beside an answer: ``conformal_quantile(density.inconsistency(X, given=["a"]), 0.99)``.
        """
        return self._fitted().inconsistency(self._rows(X), given)

    def distance_of_looks(self, X: Any, *, given: Sequence[str]) -> np.ndarray:
        """Distance in nats, row by row, between probabilities by looks of the network and those of the sampler's law.

        Where all columns that are not given are of levels, :meth:`log_prob` answers by one look a column: a normalised law, which
        the sampler's meets where the field is exact.
        """
        return self._fitted().distance_of_looks(self._rows(X), given)

    def log_prob_rows(
        self,
        values: np.ndarray,
        *,
        seed: int = 0,
        tolerance: float | None = None,
        precision: str = "auto",
        divergence: AbstractDivergence | None = None,
        draws: int = 1,
        given: Sequence[str] = (),
    ) -> LogProb | DataLogProb:
        """Log-density of rows in all columns of the schema, dequantised by noise that follows from content and seed.

        Args:
            values: rows in the coordinates of the schema, as ``schema_.match`` gives them.
            seed: of the noise inside bins, and of probes.
            tolerance: wanted error of the solve, in nats; that of :attr:`config` where it is ``None``, or of the precision.
            precision: ``float32``, ``float64``, or ``auto``: float64 on CPU and float32 elsewhere.
            divergence: how the divergence is had; see :func:`~scorax.likelihood.log_prob`.
            draws: of noisy codes a row, where there are categories; see :func:`~scorax.likelihood.coded_log_prob`.
            given: columns that are known, of a model trained under masks.
        """
        return self._fitted().log_prob(
            values, tolerance=tolerance, precision=precision, divergence=divergence, draws=draws, seed=seed, given=given
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
