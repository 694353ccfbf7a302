"""The estimator of the parameters of a simulator given what was observed."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from os import PathLike
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length

from scorax._errors import InputError, explain, refusal
from scorax._progress import RowProgress
from scorax.data import Table
from scorax.likelihood import DataLogProb, LogProb
from scorax.metrics import Calibration
from scorax.tables._beyond import outside_lines
from scorax.tables._estimator import AbstractTableEstimator, asked_count, table_of
from scorax.tables._frames import Frame, checked_table
from scorax.tables._posterior import Posterior
from scorax.tables._rows import FEWEST_ROWS
from scorax.tables._schema import Schema
from scorax.tables._simulations import Simulations, observations
from scorax.tables.columns import Parameter, Prior

Own = TypeVar("Own", bound="ScorePosterior")


class ScorePosterior(AbstractTableEstimator):
    r"""Posterior of the parameters of a simulator given an observation, by a score-based model of simulations.

    A parameter with a prior enters as $u = \Phi^{-1}(F(\theta))$, F its prior's distribution function. So every draw lies in the
    support of the prior, and $p(\theta | x) = p(u | x) \, \pi(\theta) / \varphi(u)$ is normalised there. An observation is told
    to the network; one fit answers for all of them. The recipe is that of :class:`ScoreDensity` with one question, the parameters
    given the observation: members stop, and the cut-off is chosen, by the held-out log-density of the parameters. Of what is left
    out posteriors choose a network of their own (128 wide, 3 blocks), likelihood times and weights, the linear regression of the
    normal quantiles on the observation to start from (up to 64 columns), and few visits at high noise (``training.far``).

    ``x`` is what :class:`ScoreDensity` takes: numbers as they are of an array; of a data frame columns of any kind, whose missing
    cells are summed over.

    Without priors parameters are numbers as they are, and nothing keeps a draw inside an interval. Parameters have to be drawn
    from their priors, which are independent. An observation is one row: a posterior given several independent ones together is
    not offered.

    Args:
        prior: the prior of every parameter, by name or in order: :class:`~scorax.tables.Uniform`,
            :class:`~scorax.tables.Normal`, :class:`~scorax.tables.LogUniform`, :class:`~scorax.tables.LogNormal`,
            :class:`~scorax.tables.Beta` or :class:`~scorax.tables.Gamma`.
        config: every setting of the recipe; the defaults where it is ``None``.
        folds: number of cross-validation members; overrides ``config.ensemble.folds``.
        max_steps: optimiser steps at most; overrides ``config.training.max_steps``.
        random_state: seed of folds, initial weights and noise.
        verbose: show progress and the time left.

    Attributes:
        parameters_: names of the parameters.
        schema_: kinds of the columns; the parameters are the last.
        sigma_min_: chosen cut-off, in standardised units.
        loss_curve_: held-out loss of the parameters at every validation, mean over members, in nats up to a constant.
        n_iter_: optimiser steps taken.
        n_features_in_: number of columns of an observation.
        feature_names_in_: their names, where ``x`` had some.
        seed_: the number that all randomness follows from.

    Example:
        >>> from scorax.tables import Uniform
        >>> random = np.random.default_rng(0)
        >>> theta = random.uniform(-1, 1, size=(1000, 2))
        >>> x = theta + 0.1 * random.normal(size=(1000, 2))
        >>> law = ScorePosterior([Uniform(-1, 1)] * 2, random_state=0).fit(theta, x)  # doctest: +SKIP
        >>> draws = law.sample([0.3, -0.2], n=1000)  # doctest: +SKIP
    """

    def __init__(
        self,
        prior: Any = None,
        *,
        config: Any = None,
        folds: Any = None,
        max_steps: Any = None,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        super().__init__(config, folds=folds, max_steps=max_steps, random_state=random_state, verbose=verbose)
        self.prior = prior

    def fit(self: Own, theta: Any, x: Any = None) -> Own:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Fit the posterior to simulations: parameters ``theta`` (n, p), and what the simulator made of each row, ``x`` (n, d).

        Warns where parameters do not look drawn from their priors.

        Raises:
            InputError: fewer than ten rows, a column of ``x`` and a parameter of one name, no column of ``x`` that varies, or a
                parameter without its prior or outside its support (a ``ValueError``).
            DivergedError: training left the finite numbers.
        """
        if x is None:
            got, do = "parameters alone", "call fit(theta, x) with what the simulator made of them"
            raise InputError(explain(expected="observations x beside the parameters", got=got, do=do))
        observed = table_of(self, x, reset=True, fewest=FEWEST_ROWS)
        parameters = _parameters(theta, self.prior)
        check_consistent_length(parameters.values, observed.values)
        both = sorted({*parameters.columns} & {*observed.columns})
        if both:
            do = "rename one"
            raise InputError(explain(expected="other names in x than in theta", got=both[0], do=do))
        whole = dataclasses.replace(
            observed,
            columns=(*observed.columns, *parameters.columns),
            values=np.column_stack([observed.values, parameters.values]),
            formats=(*observed.formats, *parameters.formats),
        )
        simulations = Simulations(whole, parameters.columns, _by_name(self.prior, parameters.columns), "theta and x")
        for line in simulations.odd:
            warnings.warn(line, stacklevel=2)
        self._learn(simulations.rows, simulations.asked(self._settings()))
        self.frame_ = None
        return self

    @property
    def parameters_(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return self._law.parameters

    def sample(self, observed: Any, n: int = 1000, seed: int = 0) -> np.ndarray:
        """Draws (n, p) of the parameters given one observation (d,), or (k, n, p) given each of k rows.

        Draw i of row j depends on i, j, n, the row and the seed only.
        """
        n = asked_count(n, "n")
        values, single = self._asked(observed)
        with self._rows_shown(len(values) * n):
            draws = self._law.draws(values, n, seed)
        return draws[0] if single else draws

    def log_prob(self, theta: Any, observed: Any) -> LogProb | DataLogProb:
        """Log-density of parameters (n, p) given one observation (d,), or given the row of each (n, d), with its error.

        It is normalised over the support of the prior, and per unit of each parameter.

        Raises:
            InputError: a parameter outside the support of its prior, or other columns than those of the fit.
        """
        values, single = self._asked(observed)
        own = self._theta(theta)
        if single:
            values = np.tile(values, (len(own), 1))
        check_consistent_length(own, values)
        values[:, self._law.places] = own
        with self._rows_shown(len(values)):
            return self._law.log_prob(values)

    def map(self, observed: Any, seed: int = 0) -> np.ndarray:
        """The parameters (p,) of the largest posterior density given one observation (d,), or (k, p) given each of k rows.

        It is that of the parameters as they are, and depends on what they are measured in. The search begins at the best of 128
        draws: another mode that they miss is not found.
        """
        values, single = self._asked(observed)
        found = np.stack([self._law.mode(row, seed) for row in values])
        return found[0] if single else found

    def calibrate(
        self, theta: Any, x: Any, *, draws: int = 100, confidence: float = 0.95, seed: int = 0
    ) -> Calibration:
        """Ranks of the parameters of further simulations among draws given what was observed, and whether they are uniform.

        Under the right posterior the rank of a parameter among L draws is uniform on 0, ..., L (Cook, Gelman and Rubin 2006;
        Talts et al. 2018). See :class:`~scorax.metrics.Calibration` for the bands.

        Args:
            theta: parameters (n, p) that the fit has not seen, drawn from the prior.
            x: what the simulator made of them, (n, d).
            draws: L, of every row.
            confidence: probability with which the ranks of a right posterior lie in all bands.
            seed: of the draws.
        """
        values, single = self._observed(x)
        own = self._theta(theta)
        if single:
            raise InputError(explain(expected="rows of x", got="one observation", do="pass those of all parameters"))
        check_consistent_length(own, values)
        values[:, self._law.places] = own
        with self._rows_shown(len(values) * draws):
            ranks = self._law.ranks(values, draws, seed)
        left_out = len(values) - len(ranks)
        return Calibration.of(ranks, draws, self.parameters_, confidence=confidence, left_out=left_out)

    @classmethod
    def load(cls: type[Own], path: str | PathLike[str]) -> Own:
        """The estimator of a folder that :meth:`save` or ``scorax infer`` wrote.

        Raises:
            InputError: the folder is damaged, or of a model of whole rows.
        """
        estimator = super().load(path)
        if not estimator._fitted().config.training.given:
            got, do = "a model of whole rows", "take ScoreDensity.load"
            raise refusal(path, expected="a model of parameters", got=got, do=do)
        estimator.prior = {c.name: c.prior for c in estimator.schema_.columns if isinstance(c, Parameter)} or None
        estimator.n_features_in_ -= len(estimator.parameters_)
        if hasattr(estimator, "feature_names_in_"):
            estimator.feature_names_in_ = estimator.feature_names_in_[: estimator.n_features_in_]
        return estimator

    @property
    def _law(self) -> Posterior:
        return Posterior(self._fitted())

    def _rows_shown(self, rows: int) -> Any:
        return RowProgress(rows) if self.verbose else nullcontext()

    def _asked(self, observed: Any) -> tuple[np.ndarray, bool]:
        """Rows that a person observed; warns of those outside of all simulations."""
        values, single = self._observed(observed)
        for line in outside_lines(self.schema_, values):
            warnings.warn(line, stacklevel=3)
        return values, single

    def _observed(self, observed: Any) -> tuple[np.ndarray, bool]:
        """Rows without parameters, and whether it was one observation without an axis of rows."""
        single = Frame.of(observed) is None and np.ndim(observed) == 1
        rows = np.asarray(observed)[None] if single else observed
        if (
            single
            and hasattr(self, "feature_names_in_")
            and hasattr(observed, "index")
            and hasattr(observed, "to_frame")
        ):
            rows = observed.to_frame().T.infer_objects()  # a row of pandas has names, which may stand in another order
        table = table_of(self, rows, reset=False)
        config = self._fitted().config
        return observations(self.schema_, config, self.parameters_, table, "observed"), single

    def _theta(self, theta: Any) -> np.ndarray:
        table = checked_table(BaseEstimator(), theta, reset=True)
        names = self.parameters_
        if Frame.of(theta) is None:
            if len(table.columns) != len(names):
                expected, got = f"{len(names)} parameters in a row", str(len(table.columns))
                raise refusal("theta", expected=expected, got=got, do="pass all of them")
            table = dataclasses.replace(table, columns=names)
        columns = tuple(column for column in self.schema_.columns if column.name in names)
        return Schema(columns).match(table, "theta")


def _parameters(theta: Any, prior: Any) -> Table:
    """The table of parameters: names are those of a frame, of the priors, or ``theta0``, ``theta1``, ..."""
    table = checked_table(BaseEstimator(), theta, reset=True, fewest=FEWEST_ROWS)
    if Frame.of(theta) is not None:
        return table
    count = len(table.columns)
    names = tuple(prior) if isinstance(prior, Mapping) else tuple(f"theta{j}" for j in range(count))
    if len(names) != count:
        got, do = f"{len(names)} for {count} columns of theta", "state one for each"
        raise refusal("prior", expected="a prior for each parameter", got=got, do=do)
    return dataclasses.replace(table, columns=names)


def _by_name(prior: Any, names: Sequence[str]) -> Mapping[str, Prior] | None:
    if prior is None or isinstance(prior, Mapping):
        return prior
    if not isinstance(prior, Sequence) or len(prior) != len(names):
        got = f"{len(prior)} of them" if isinstance(prior, Sequence) else repr(prior)
        expected, do = f"priors of the parameters {', '.join(names)}", "pass a mapping, or a list with one for each"
        raise refusal("prior", expected=expected, got=got, do=do)
    return dict(zip(names, prior, strict=True))
